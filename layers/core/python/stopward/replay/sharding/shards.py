"""Which rule sets a shard walks, and the manifest that lists the shards."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from stopward.errors import InvalidInput

MOST_SETS: Final = 100
"""Rule sets of a shard, unless told otherwise. [judgement]"""
MOST_RESULTS: Final = 8_000_000
"""Positions times rule sets of a shard, unless told otherwise: 64 MB of results. [judgement]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One shard: what an item of the manifest says, and all that its walker is told.

    place: where the sweep lies, s3://bucket/prefix/digest. first, last: the rule sets `first` to
    `last` - 1; 0 is the rules as they are. result: key of what it found, below the place.
    """

    place: str
    first: int
    last: int
    result: str

    @property
    def sets(self) -> str:
        """The rule sets, as people are told of them."""
        return f"sets {self.first} to {self.last - 1}"


def sets_for(positions: int) -> int:
    """Return how many rule sets a shard walks over so many positions, unless told otherwise."""
    return max(1, min(MOST_SETS, MOST_RESULTS // max(positions, 1)))


def cut(sets: int, *, most: int, place: str) -> tuple[Shard, ...]:
    """Return the shards of so many rule sets, in order, of `most` each; the last may be smaller."""
    edges = range(0, sets, most)
    return tuple(
        Shard(
            place=place,
            first=first,
            last=min(first + most, sets),
            result=f"results/{first:06}-{min(first + most, sets) - 1:06}.npy",
        )
        for first in edges
    )


def manifest(shards: Iterable[Shard]) -> str:
    """Return the manifest: a JSON list with an object for each shard, which S3's reader reads."""
    return json.dumps([asdict(shard) for shard in shards], indent=0)


def parse_manifest(text: str | bytes, *, source: str) -> tuple[Shard, ...]:
    """Return the shards of a manifest; raises InvalidInput: item, what it was, what is allowed."""
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{source}: not valid JSON: {error}") from error
    if not isinstance(items, list) or not items:
        raise InvalidInput(f"{source}: allowed is a list of shards, with one at least")
    return tuple(
        parse_shard(item, source=f"{source}, item {number}")
        for number, item in enumerate(items, start=1)
    )


def parse_shard(item: object, *, source: str) -> Shard:
    """Return the shard that an item of a manifest names. Raises InvalidInput."""
    names = [field.name for field in fields(Shard)]
    if not isinstance(item, Mapping) or set(item) != set(names):
        has = sorted(map(str, item)) if isinstance(item, Mapping) else repr(item)
        raise InvalidInput(f"{source}: was {has}; a shard has {', '.join(names)}")
    return Shard(
        place=_text(item, "place", source),
        first=_whole(item, "first", 0, source),
        last=_whole(item, "last", _whole(item, "first", 0, source) + 1, source),
        result=_text(item, "result", source),
    )


def check_cover(shards: Sequence[Shard], *, sets: int, source: str) -> tuple[Shard, ...]:
    """Return the shards in order; raises InvalidInput unless each rule set is in one, and only one.

    The first sets that are missing, or there twice, are named.
    """
    ordered = tuple(sorted(shards, key=lambda shard: (shard.first, shard.last)))
    reached = 0
    for shard in ordered:
        if shard.first < reached:
            twice = f"{shard.first} to {min(shard.last, reached) - 1}"
            raise InvalidInput(f"{source}: sets {twice} are in two shards, one is {shard.result}")
        if shard.first > reached:
            break
        reached = shard.last
    if reached < sets:
        beyond = next((each.first for each in ordered if each.first > reached), sets)
        raise InvalidInput(f"{source}: sets {reached} to {beyond - 1} are in no shard")
    if reached > sets:
        raise InvalidInput(f"{source}: sets {sets} to {reached - 1} are not of this sweep")
    return ordered


def _text(item: Mapping[str, Any], name: str, source: str) -> str:
    value = item[name]
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"{source}: {name} was {value!r}; allowed is text")
    return value


def _whole(item: Mapping[str, Any], name: str, least: int, source: str) -> int:
    value = item[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidInput(
            f"{source}: {name} was {value!r}; allowed is a whole number from {least}"
        )
    return value
