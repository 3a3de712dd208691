"""A sweep in shards: read back exactly, walked once, joined to the bit, or refused by name."""

import io
from collections.abc import Iterator
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from stopward.adapters.archive_location import archive_at
from stopward.errors import InvalidInput
from stopward.ports import Archive
from stopward.replay.compiled import compile_always, compiled, keep_in
from stopward.replay.finer import finer_bars
from stopward.replay.sharding import order as subject
from stopward.replay.sharding.compiling import compile_into
from stopward.replay.sharding.order import Order, digest_of, files_of, order_from
from stopward.replay.sharding.sending import Sent, send
from stopward.replay.sharding.walking import ShardSummary, ShardWalker, content, join
from stopward.replay.sweep import Walked
from stopward.replay.table import BarTable, Columns
from stopward.replay.terms import Conditions
from stopward.rules.types import Slippage
from stopward.rules.walk import finish, walk
from tests.builders.sharding import RULES, an_order, walked_here
from tests.conftest import MACHINE_CODE

SETS = 7


@pytest.fixture(scope="module")
def order() -> Order:
    return an_order()


@pytest.fixture(scope="module")
def here(order: Order) -> Walked:
    return walked_here(order)


@pytest.fixture
def sent(order: Order, tmp_path: Path) -> Sent:
    return send(order, place=str(tmp_path), archive_at=archive_at, sets_a_shard=3)


@pytest.fixture
def walker() -> ShardWalker:
    return ShardWalker(archive_at=archive_at, workers=1)


class Recording:
    """An archive that notes what is opened."""

    def __init__(self, archive: Archive, opened: list[str]) -> None:
        self.location, self.put = archive.location, archive.put
        self._archive, self._opened = archive, opened

    def open(self, key: str) -> BinaryIO:
        self._opened.append(key)
        return self._archive.open(key)


def joined(sent: Sent, order: Order) -> Walked:
    return join(archive_at(sent.place), sets=SETS, positions=order.positions)


def arrays(table: BarTable) -> Iterator[tuple[str, np.ndarray]]:
    for each in fields(table):
        value = getattr(table, each.name)
        if isinstance(value, Columns):
            yield from ((name, getattr(value, name)) for name in Columns.__slots__)
        elif isinstance(value, np.ndarray):
            yield each.name, value


def test_an_order_is_read_back_to_the_last_bit(order: Order) -> None:
    inside = {
        symbol: Columns(
            **{name: getattr(order.table.bars, name)[own] for name in Columns.__slots__}
        )
        for symbol, own in zip(order.table.symbols, order.table.series(), strict=True)
    }
    conditions = Conditions(
        timing="idealised", gap="open", equity=Decimal("30000.10"),
        slippage=Slippage(ticks=0.1, spread=1 / 3, fraction=0.0, exits=1.0),
    )  # fmt: skip
    first, *others = order.positions
    given = replace(
        order,
        finer=finer_bars(order.table, inside),
        conditions=conditions,
        positions=(replace(first, target=Decimal("123.450"), quantity=Decimal("0.1")), *others),
    )
    files = files_of(given, sets_a_shard=5)
    read, terms, digest = order_from(files.__getitem__)
    for (name, was), (_, found) in zip(arrays(given.table), arrays(read.table), strict=True):
        assert (was.dtype, was.tobytes()) == (found.dtype, found.tobytes()), name
    assert (read.table.symbols, read.table.sessions) == (given.table.symbols, given.table.sessions)
    assert (read.positions, read.conditions) == (given.positions, given.conditions)
    assert read.finer is not None
    assert given.finer is not None
    for name, was, found in zip(read.finer._fields, given.finer, read.finer, strict=True):
        assert np.asarray(was).tobytes() == np.asarray(found).tobytes(), name
    assert (read.rules, read.grid, read.rules_source) == (given.rules, given.grid, "rules.toml")
    assert (terms.sets, terms.sets_a_shard) == (SETS, 5)
    assert digest == digest_of(files)


def test_what_a_sweep_is_made_from_decides_its_name(order: Order) -> None:
    name = digest_of(files_of(order, sets_a_shard=3))
    assert name == digest_of(files_of(an_order(), sets_a_shard=3))
    others = (
        digest_of(files_of(order, sets_a_shard=4)),
        digest_of(files_of(replace(order, positions=order.positions[1:]), sets_a_shard=3)),
        digest_of(files_of(replace(order, conditions=Conditions()), sets_a_shard=3)),
        digest_of(files_of(an_order(8), sets_a_shard=3)),
    )
    assert len({name, *others}) == 5


def test_shards_in_any_order_join_to_what_one_machine_walks(
    order: Order, here: Walked, sent: Sent, walker: ShardWalker
) -> None:
    assert [walker.walk(each).counts() for each in reversed(sent.shards)] == [
        {"sets_walked": count, "sets_kept": 0} for count in (1, 3, 3)
    ]
    found = joined(sent, order)
    assert found.net_r.tobytes() == here.net_r.tobytes()
    assert found.net_r.shape == here.net_r.shape == (SETS, 40)
    assert len(np.unique(here.net_r.sum(axis=1))) == SETS
    assert (found.day.tobytes(), found.days) == (here.day.tobytes(), here.days)


def test_a_shard_that_is_there_is_not_walked_again(sent: Sent, walker: ShardWalker) -> None:
    first = sent.shards[0]
    assert walker.walk(first) == ShardSummary(walked=3, kept=0)
    assert walker.walk(first) == ShardSummary(walked=0, kept=3)
    written = content(archive_at(sent.place), first.result)
    opened: list[str] = []
    another = ShardWalker(archive_at=lambda place: Recording(archive_at(place), opened), workers=2)
    assert another.walk(first) == ShardSummary(walked=0, kept=3)
    assert opened == [first.result]
    assert content(archive_at(sent.place), first.result) == written


def test_the_same_sweep_sent_twice_lies_there_once(order: Order, sent: Sent) -> None:
    place = sent.place.rpartition("/")[0]
    again = send(order, place=place + "/", archive_at=archive_at, sets_a_shard=3)
    assert sent.is_new
    assert again == replace(sent, is_new=False)
    other = send(order, place=place, archive_at=archive_at, sets_a_shard=None)
    assert (other.is_new, len(other.shards)) == (True, 1)


def test_every_shard_without_a_result_is_named(
    order: Order, sent: Sent, walker: ShardWalker
) -> None:
    walker.walk(sent.shards[1])
    with pytest.raises(InvalidInput) as caught:
        joined(sent, order)
    told = str(caught.value).splitlines()
    assert told[0].startswith("2 of 3 shards have no result; start the execution again")
    assert [line.split(":")[0].strip() for line in told[1:]] == ["sets 0 to 2", "sets 6 to 6"]
    assert "results/000000-000002.npy is not there" in told[1]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (b"", "not a result of a shard"),
        (b"no array", "not a result of a shard"),
        (np.zeros((3, 39)), r"was float64 \(3, 39\); allowed is float64 \(3, 40\)"),
        (np.zeros((3, 40), np.float32), r"was float32 \(3, 40\)"),
    ],
)
def test_a_result_that_is_none_is_refused(
    order: Order, sent: Sent, found: bytes | np.ndarray, words: str
) -> None:
    file = io.BytesIO(found if isinstance(found, bytes) else b"")
    if isinstance(found, np.ndarray):
        np.save(file, found)
    archive_at(sent.place).put(sent.shards[0].result, file)
    with pytest.raises(InvalidInput, match=words):
        joined(sent, order)


def test_files_that_were_changed_or_are_of_other_code_are_not_walked(
    sent: Sent, walker: ShardWalker, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(sent.place)
    (folder / "rules.toml").write_text((folder / "rules.toml").read_text() + "\n")
    with pytest.raises(InvalidInput, match="changed since they were written"):
        walker.walk(sent.shards[0])
    terms = folder / "terms.json"
    terms.write_text(terms.read_text().replace(subject.code_digest(), "other"))
    with pytest.raises(InvalidInput, match=r"written by other code than walks it \(other, here"):
        walker.walk(sent.shards[0])
    assert not (folder / "results").exists()


def test_a_shard_beyond_the_grid_is_refused(sent: Sent, walker: ShardWalker) -> None:
    with pytest.raises(InvalidInput, match="sets 6 to 7 reach beyond the grid"):
        walker.walk(replace(sent.shards[2], last=8))


def test_a_sweep_is_read_once_for_many_shards(sent: Sent) -> None:
    opened: list[str] = []
    walker = ShardWalker(archive_at=lambda place: Recording(archive_at(place), opened), workers=1)
    for shard in sent.shards:
        walker.walk(shard)
    assert opened.count("bars.parquet") == 1
    assert [key for key in opened if key in {each.result for each in sent.shards}] == [
        each.result for each in sent.shards
    ]


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that nothing was compiled into but what tests keep."""
    MACHINE_CODE.mkdir(parents=True, exist_ok=True)
    folder = tmp_path / "machine-code"
    folder.symlink_to(MACHINE_CODE)
    yield folder
    keep_in(MACHINE_CODE)


def test_what_an_image_compiles_is_all_that_its_shards_need(order: Order, image: Path) -> None:
    """A walk of the same rules in a shard, with other numbers in them, compiles nothing more."""
    compile_always(yes=False)
    compile_into(image, (RULES,))
    assert any(image.rglob("walk-*.o")), "few positions are interpreted, unless told"
    twins: list[Any] = [compiled(walk), compiled(finish)]
    before = [set(twin.code) for twin in twins]
    read, _, _ = order_from(files_of(order, sets_a_shard=3).__getitem__)
    walked_here(read)
    assert [set(twin.code) for twin in twins] == before
    assert all(before)
