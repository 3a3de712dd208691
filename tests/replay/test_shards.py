"""Which rule sets a shard walks: each set in one shard, and manifests that say otherwise."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.errors import InvalidInput
from stopward.replay.sharding.shards import (
    Shard,
    check_cover,
    cut,
    manifest,
    parse_manifest,
    sets_for,
)

PLACE = "s3://sweeps/mine/0123"
ITEM = {"place": PLACE, "first": 0, "last": 2, "result": "results/000000-000001.npy"}


@given(sets=st.integers(1, 500), most=st.integers(1, 120))
def test_a_cut_has_each_set_once_and_its_manifest_says_the_same(sets: int, most: int) -> None:
    shards = cut(sets, most=most, place=PLACE)
    assert [n for each in shards for n in range(each.first, each.last)] == list(range(sets))
    assert max(each.last - each.first for each in shards) <= most
    assert len({each.result for each in shards}) == len(shards)
    read = parse_manifest(manifest(shards), source="m")
    assert check_cover(tuple(reversed(read)), sets=sets, source="m") == shards


@pytest.mark.parametrize(("positions", "most"), [(0, 100), (2_000, 100), (200_000, 40), (10**8, 1)])
def test_a_shard_of_many_positions_has_fewer_sets(positions: int, most: int) -> None:
    assert sets_for(positions) == most


def shards(*ranges: tuple[int, int]) -> tuple[Shard, ...]:
    return tuple(
        Shard(place=PLACE, first=first, last=last, result=f"{first}-{last}")
        for first, last in ranges
    )


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        (((0, 3), (6, 9)), "m: sets 3 to 5 are in no shard"),
        (((3, 9),), "m: sets 0 to 2 are in no shard"),
        (((0, 3),), "m: sets 3 to 8 are in no shard"),
        (((0, 9), (3, 6)), "m: sets 3 to 5 are in two shards, one is 3-6"),
        (((0, 9), (0, 9)), "m: sets 0 to 8 are in two shards"),
        (((0, 12),), "m: sets 9 to 11 are not of this sweep"),
    ],
)
def test_a_set_that_is_missing_or_there_twice_is_named(
    ranges: tuple[tuple[int, int], ...], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        check_cover(shards(*ranges), sets=9, source="m")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "m: not valid JSON"),
        ("{}", "m: allowed is a list of shards"),
        ("[]", "m: allowed is a list of shards"),
        ("[1]", "m, item 1: was 1; a shard has place, first, last, result"),
        (json.dumps([ITEM, {**ITEM, "more": 1}]), r"m, item 2: was \['first', 'last', 'more'"),
        *(
            (json.dumps([{**ITEM, name: value}]), f"m, item 1: {name} was {value!r}; allowed is")
            for name, value in {"first": -1, "last": 0, "result": "", "place": 3}.items()
        ),
        (json.dumps([{**ITEM, "first": "0"}]), "m, item 1: first was '0'; allowed is a whole"),
        (json.dumps([{**ITEM, "last": True}]), "m, item 1: last was True"),
    ],
)
def test_a_manifest_that_is_none_is_refused_by_item(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        parse_manifest(text, source="m")


def test_an_item_is_the_shard_it_was_made_from() -> None:
    item: dict[str, Any] = ITEM
    (read,) = parse_manifest(json.dumps([item]), source="m")
    assert read == Shard(**item)
    assert replace(read, first=1).sets == "sets 1 to 1"
