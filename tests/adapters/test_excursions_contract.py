"""How far winners went against the account: both stores tell the same, to the last bit."""

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from stopward.domain.excursions import COUNTED, Excursions, measure
from stopward.domain.position import Position
from stopward.domain.snapshot import TradeRow
from stopward.errors import DatabaseRejected
from tests.builders.store import NOON, D, a_position, a_record, a_trade
from tests.builders.store_world import MemoryWorld, PostgresWorld, World, begin


@pytest.fixture(params=["memory", "postgres", "postgres 17"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    url = "hosted_url" if request.param == "postgres 17" else "database_url"
    found = PostgresWorld(request.getfixturevalue(url))
    yield found
    found.close()


def closed(world: World, number: int, **changes: object) -> tuple[Position, TradeRow]:
    """Return a position and the trade that closes it, one minute after the last one."""
    position = a_position(f"S{number}", account_id=world.account_id)
    at = NOON - timedelta(days=2) + timedelta(minutes=number)
    return position, a_trade(position, **{"closed_at": at, **changes})


def write(world: World, trades: Sequence[tuple[Position, TradeRow]]) -> None:
    world.store.record_tick(
        a_record(
            begin(world).fence,
            account_id=world.account_id,
            positions=tuple(position for position, _ in trades),
            trades=tuple(trade for _, trade in trades),
        )
    )


@pytest.mark.parametrize("winners", [0, 1, 2, 29, 30, 31])
def test_the_percentile_is_that_of_the_winners(world: World, winners: int) -> None:
    rng = random.Random(winners)  # noqa: S311
    maes = [rng.expovariate(3.0) for _ in range(winners)]
    trades = [closed(world, number, mae_r=mae_r) for number, mae_r in enumerate(maes)]
    lost = [
        closed(world, 100, mae_r=1.0, result=D("-200"), result_r=-1.0),
        closed(world, 101, mae_r=0.9, result=D("0"), result_r=0.0),
    ]
    write(world, [*trades, *lost])
    found = begin(world).excursions
    assert found == measure(maes)
    assert found.winners == winners
    assert (found.mae_r is None) is (winners == 0)


def test_an_account_that_never_traded_knows_nothing(world: World) -> None:
    assert begin(world).excursions == Excursions()


def test_only_the_last_winners_count_and_a_loss_takes_no_place(world: World) -> None:
    long_ago = [closed(world, number, mae_r=3.0) for number in range(5)]
    kept = [
        closed(world, 10 + number, mae_r=(number * 7919 % COUNTED) / COUNTED)
        for number in range(COUNTED)
    ]
    last = closed(world, 10 + COUNTED, mae_r=1.0, result=D("-200"), result_r=-1.0)
    write(world, [*long_ago, *kept, last])
    found = begin(world).excursions
    assert found == measure([trade.mae_r for _, trade in kept])
    assert found.winners == COUNTED
    assert found.mae_r == pytest.approx(0.8, abs=0.01)


def test_of_trades_closed_at_once_both_stores_drop_the_same(world: World) -> None:
    together = [
        closed(world, number, closed_at=NOON, mae_r=number / 1000) for number in range(COUNTED + 3)
    ]
    write(world, together)
    last = sorted(together, key=lambda each: each[1].position_id)[3:]
    assert begin(world).excursions == measure([trade.mae_r for _, trade in last])


@pytest.mark.parametrize("changes", [{"mae_r": -0.01}, {"mfe_r": -0.01}])
def test_an_excursion_under_zero_is_refused(world: World, changes: dict[str, float]) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        write(world, [closed(world, 1, **changes)])
    assert caught.value.rule == "trades_excursions_not_negative"
    assert begin(world).excursions == Excursions()
