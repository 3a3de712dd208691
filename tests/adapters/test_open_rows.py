"""Rows for a model of open positions: one a trade, at one of its minutes, drawn by lot."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from stopward.adapters.training import FunctionTraining
from stopward.domain.training import TrainingPage
from stopward.errors import DatabaseRejected
from tests.builders.models import ModelWorld
from tests.builders.simulated_trades import some_trades
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


def test_a_trade_is_one_row_from_its_minute_to_its_close(world: ModelWorld) -> None:
    trades = a_few(world)
    open_minutes(world, trades, count=4)
    found = pages(world)
    assert [len(page.rows) for page in found] == [2, 2, 1]
    assert {page.names for page in found} == {OPEN.names}
    rows = {row.position_id: row for page in found for row in page.rows}
    for number in range(len(trades)):
        row = rows[position_id(world, number)]
        begin, end = int(trades.entry_at[number]), int(trades.exit_at[number])
        step = row.vector[0]
        assert step is not None
        assert row.entered_at == moment(int(begin + (end - begin) * int(step) // 4))
        assert (row.closed_at, row.r) == (moment(end), float(trades.net_r[number]))


def test_the_lot_is_the_same_each_time_and_on_each_page(world: ModelWorld) -> None:
    open_minutes(world, a_few(world, 9), count=6)
    assert drawn(world) == drawn(world) == drawn(world, page_trades=2)


def test_every_minute_has_the_same_chance_whatever_came_of_the_trade(world: ModelWorld) -> None:
    trades = some_trades(400, features=2, seed=5)
    store_journal(world, trades, bare=len(trades))
    open_minutes(world, trades, count=4)
    found = drawn(world)
    won = {position_id(world, n) for n in range(len(trades)) if trades.net_r[n] > 0.0}
    # 100 of 400 each, and half of them winners; bounds of five standard errors.
    assert all(57 <= count <= 143 for count in Counter(found.values()).values())
    late = [position in won for position, step in found.items() if step in (2.0, 3.0)]
    assert abs(sum(late) / len(late) - len(won) / len(trades)) < 0.18


def test_minutes_at_or_after_the_close_are_none(world: ModelWorld) -> None:
    trades = a_few(world, 2)
    closes = [moment(int(end)) for end in trades.exit_at]
    second = timedelta(seconds=1)
    store_open(
        world,
        {
            position_id(world, 0): [(closes[0], 1.0), (closes[0] + second, 2.0)],
            position_id(world, 1): [(closes[1], 1.0), (closes[1] - second, 3.0)],
        },
    )
    (page,) = pages(world, page_trades=1_000)
    assert (page.without, len(page.rows)) == (1, 1)
    assert drawn(world) == {position_id(world, 1): 3.0}


def test_neither_kind_reads_the_vectors_of_the_other(world: ModelWorld) -> None:
    open_minutes(world, a_few(world, 3))
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
    open_minutes(world, trades, count=20)
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
    assert len(found[0]["trades"]) == 10
    assert (whole, by_index) == (0, 10 * 20)
