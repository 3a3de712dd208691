"""Rows for a model of open positions: one a trade, at the age that is drawn for it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from stopward.adapters.training import FunctionTraining
from stopward.domain.features.teaching import taught_from
from stopward.domain.training import TrainingPage
from stopward.errors import DatabaseRejected
from stopward.training.dataset import Dataset
from tests.builders.models import ModelWorld
from tests.builders.simulated_trades import some_trades
from tests.builders.store import NOON, a_position
from tests.builders.training import (
    BEGAN,
    OPEN,
    SCHEMA_HASH,
    a_few,
    moment,
    open_minutes,
    position_id,
    store_journal,
    store_open,
)


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


def pages(
    world: ModelWorld, *, page_trades: int = 2, schema_hash: str = OPEN.schema_hash
) -> list[TrainingPage]:
    book, found = FunctionTraining(world._database, page_trades=page_trades), []
    after = None
    while True:
        page = book.read(
            world.account_id, schema_hash=schema_hash, at=BEGAN, after=after, kind="open"
        )
        found.append(page)
        after = page.after
        if after is None:
            return found


def drawn(world: ModelWorld, *, page_trades: int = 1_000) -> dict[str, float | None]:
    """Return which minute of each trade was drawn."""
    found = pages(world, page_trades=page_trades)
    return {row.position_id: row.vector[0] for page in found for row in page.rows}


def at_their_ages(world: ModelWorld, trades: Dataset) -> dict[str, tuple[datetime, float]]:
    """Return when each trade teaches, and how old it is then; no trade that closed before."""
    found = {}
    for number, (begin, end) in enumerate(zip(trades.entry_at, trades.exit_at, strict=True)):
        entered, position = moment(int(begin)), position_id(world, number)
        since = taught_from(position, entered)
        if since < moment(int(end)):
            found[str(position)] = (since, (since - entered) / timedelta(minutes=1))
    return found


def test_a_trade_is_one_row_from_the_minute_of_its_age_to_its_close(world: ModelWorld) -> None:
    trades = a_few(world, 80)
    open_minutes(world, trades)
    found = pages(world, page_trades=7)
    assert {page.names for page in found} == {OPEN.names}
    rows = {str(row.position_id): row for page in found for row in page.rows}
    wanted = at_their_ages(world, trades)
    assert 0 < len(wanted) < len(trades)
    assert rows.keys() == wanted.keys()
    assert sum(page.without for page in found) == len(trades) - len(rows)
    for number in range(len(trades)):
        row = rows.get(position_id(world, number))
        if row is not None:
            assert (row.entered_at, row.vector[0]) == wanted[str(row.position_id)]
            assert row.closed_at == moment(int(trades.exit_at[number]))
            assert row.r == float(trades.net_r[number])


def test_it_is_the_same_each_time_and_on_each_page(world: ModelWorld) -> None:
    open_minutes(world, a_few(world, 12, minutes=60))
    assert drawn(world) == drawn(world) == drawn(world, page_trades=2)


def test_the_first_vector_of_five_minutes_is_the_one_and_no_later_one(world: ModelWorld) -> None:
    long_ago = NOON - timedelta(hours=3)
    names = [f"S{number}" for number in range(3)]
    positions = world.open(*names, opened_at=long_ago, adopted_at=long_ago)
    since = [taught_from(each.id, each.opened_at) for each in positions]
    minute = timedelta(minutes=1)
    store_open(
        world,
        {
            positions[0].id: [(since[0] - minute, 1.0), (since[0] + 2 * minute, 2.0),
                              (since[0] + 3 * minute, 3.0)],
            positions[1].id: [(since[1], 4.0), (since[1] + minute, 5.0)],
            positions[2].id: [(since[2] - minute, 6.0), (since[2] + 5 * minute, 7.0)],
        },
    )  # fmt: skip
    world.close_trades(*((each, 1.0) for each in positions))
    found = drawn(world)
    assert found == {positions[0].id: 2.0, positions[1].id: 4.0}


def test_minutes_at_or_after_the_close_are_none(world: ModelWorld) -> None:
    positions = []
    for symbol in ("AAPL", "MSFT"):
        # It is of its age two minutes before it closes, at noon.
        age = taught_from(a_position(symbol, account_id=world.account_id).id, NOON) - NOON
        entered = NOON - age - timedelta(minutes=2)
        positions += world.open(symbol, opened_at=entered, adopted_at=entered)
    late, early = positions
    second = timedelta(seconds=1)
    store_open(
        world,
        {
            late.id: [(NOON, 1.0), (NOON + second, 2.0)],
            early.id: [(NOON, 1.0), (NOON - second, 3.0)],
        },
    )
    world.close_trades((late, 1.0), (early, 1.0))
    (page,) = pages(world, page_trades=1_000)
    assert (page.without, len(page.rows)) == (1, 1)
    assert drawn(world) == {early.id: 3.0}


def test_neither_kind_reads_the_vectors_of_the_other(world: ModelWorld) -> None:
    open_minutes(world, a_few(world, 3, minutes=100))
    (page,) = pages(world, page_trades=1_000, schema_hash=SCHEMA_HASH)
    assert (page.rows, page.without) == ((), 3)
    entries = FunctionTraining(world._database).read(
        world.account_id, schema_hash=OPEN.schema_hash, at=BEGAN
    )
    assert (entries.rows, entries.without) == ((), 3)


def test_a_position_that_is_open_is_no_row_yet(world: ModelWorld) -> None:
    (position,) = world.open("AAPL")
    store_open(world, {position.id: [(BEGAN, 1.0)]})
    (page,) = pages(world)
    assert (page.rows, page.without) == ((), 0)


def test_another_kind_is_refused(world: ModelWorld) -> None:
    with pytest.raises(DatabaseRejected, match="kind exit") as caught:
        world.call("read_training_rows", schema_hash="s", at=BEGAN.isoformat(), kind="exit")
    assert caught.value.rule == "read_training_rows_request"


def test_a_page_looks_at_the_minutes_of_its_own_trades_by_index(world: ModelWorld) -> None:
    trades = some_trades(300, features=2, seed=6)
    store_journal(world, trades, bare=len(trades))
    open_minutes(world, trades)
    world.execute("analyze stopward.trade_features")
    with world.transaction():
        (found,) = world.rows(
            "select api.read_training_rows(jsonb_build_object('account_id', g.account,"
            " 'schema_hash', g.schema, 'at', now(), 'limit', 10, 'kind', 'open'))"
            " from (values (%s, %s)) as g (account, schema)",
            OPEN.schema_hash,
        )
        ((whole, by_index),) = world.rows(
            "select seq_scan, idx_tup_fetch from pg_stat_xact_user_tables where %s <> ''"
            " and schemaname = 'stopward' and relname = 'trade_features'"
        )
    assert len(found[0]["trades"]) + found[0]["without"] == 10
    # At most the twenty of each, of which the index has the time too.
    assert whole == 0
    assert by_index <= 10 * 20
