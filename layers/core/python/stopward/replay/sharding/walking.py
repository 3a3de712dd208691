"""A shard walked where it lies, and the shards of a sweep joined again."""

import io
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from stopward.domain.opening import PositionRow
from stopward.errors import ArchiveRejected, InvalidInput
from stopward.ports import Archive
from stopward.replay.grid import rule_sets
from stopward.replay.run import replay
from stopward.replay.sharding.order import MANIFEST, Order, code_digest, order_from
from stopward.replay.sharding.shards import Shard, check_cover, parse_manifest
from stopward.replay.sweep import Walked, days_of, walk_sets
from stopward.replay.table import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSummary:
    """What became of a shard: rule sets walked now, and those whose result was there already."""

    walked: int
    kept: int

    def counts(self) -> dict[str, int]:
        """Return the counts by name, for the log line and the metrics."""
        return {"sets_walked": self.walked, "sets_kept": self.kept}


@dataclass(slots=True, kw_only=True)
class ShardWalker:
    """Who walks shards: the same ones again do nothing, for a result is there once and whole.

    archive_at: returns the archive at a place. workers: threads. The sweep read last is kept, for
    the next shard is most often of the same.
    """

    archive_at: Callable[[str], Archive]
    workers: int
    _last: tuple[str, Order] | None = field(default=None, init=False)

    def walk(self, shard: Shard) -> ShardSummary:
        """Walk a shard and write what it found, unless that is there.

        Raises InvalidInput when the sweep was written by other code than this, or changed since;
        ArchiveUnavailable and ArchiveRejected as the archive does.
        """
        archive = self.archive_at(shard.place)
        sets = shard.last - shard.first
        if _is_there(archive, shard.result):
            return ShardSummary(walked=0, kept=sets)
        rows = self._walked(self._order(archive, shard), shard)
        if not archive.put(shard.result, rows_file(rows)):
            return ShardSummary(walked=0, kept=sets)
        return ShardSummary(walked=sets, kept=0)

    def _walked(self, order: Order, shard: Shard) -> Floats:
        sets = rule_sets(
            order.parsed_grid(), order.rules, source=order.rules_source,
            first=shard.first, last=shard.last,
        )  # fmt: skip
        walked = walk_sets(
            sets,
            lambda book: replay(
                order.positions, order.table, book, order.conditions,
                finer=order.finer, workers=self.workers,
            ),
            progress=lambda _: None,
        )  # fmt: skip
        if len(walked.net_r) != shard.last - shard.first:
            raise InvalidInput(f"{shard.place}: {shard.sets} reach beyond the grid")
        return walked.net_r

    def _order(self, archive: Archive, shard: Shard) -> Order:
        if self._last is not None and self._last[0] == shard.place:
            return self._last[1]
        order, terms, digest = order_from(lambda name: content(archive, name))
        if terms.code != code_digest():
            raise InvalidInput(
                f"{shard.place} was written by other code than walks it ({terms.code}, here "
                f"{code_digest()}): build the image from the version that wrote it"
            )
        if digest != shard.place.rstrip("/").rpartition("/")[2]:
            raise InvalidInput(
                f"{shard.place}: its files have the digest {digest}; they were changed since they "
                "were written, so write the sweep again"
            )
        self._last = (shard.place, order)
        return order


def join(archive: Archive, *, sets: int, positions: tuple[PositionRow, ...]) -> Walked:
    """Return what all shards of a sweep found, equal to the bit to a walk on one machine.

    Raises InvalidInput when the manifest has a rule set twice or not at all, when a shard has no
    result yet (all such are named), or when one is no result of so many sets and positions.
    """
    source = archive.location(MANIFEST)
    shards = parse_manifest(content(archive, MANIFEST), source=source)
    ordered = check_cover(shards, sets=sets, source=source)
    net_r = np.empty((sets, len(positions)))
    missing: list[str] = []
    for shard in ordered:
        where = archive.location(shard.result)
        try:
            found = content(archive, shard.result)
        except ArchiveRejected as error:
            missing.append(f"{shard.sets}: {error}")
            continue
        net_r[shard.first : shard.last] = rows_from(
            found, shape=(shard.last - shard.first, len(positions)), source=where
        )
    if missing:
        raise InvalidInput(
            f"{len(missing)} of {len(ordered)} shards have no result; start the execution again, "
            "those that have one are not walked again:\n  " + "\n  ".join(missing)
        )
    day, days = days_of(positions)
    return Walked(net_r=net_r, day=day, days=days)


def content(archive: Archive, key: str) -> bytes:
    """Return an object whole."""
    with closing(archive.open(key)) as source:
        return source.read()


def rows_file(rows: Floats) -> BinaryIO:
    """Return results as a file of numpy's: `rows[set, position]`, exactly."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(rows, np.float64), allow_pickle=False)
    return file


def rows_from(found: bytes, *, shape: tuple[int, int], source: str) -> Floats:
    """Return the results of `rows_file`. Raises InvalidInput unless they have this shape."""
    try:
        rows = np.load(io.BytesIO(found), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InvalidInput(f"{source}: not a result of a shard: {error}") from error
    if not isinstance(rows, np.ndarray) or rows.dtype != np.float64 or rows.shape != shape:
        was = f"{rows.dtype} {rows.shape}" if isinstance(rows, np.ndarray) else "no array"
        raise InvalidInput(f"{source}: was {was}; allowed is float64 {shape}: sets, positions")
    result: Floats = rows
    return result


def _is_there(archive: Archive, key: str) -> bool:
    try:
        archive.open(key).close()
    except ArchiveRejected:
        return False
    return True
