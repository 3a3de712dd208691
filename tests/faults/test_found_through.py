"""Defects that were found where the price is through a stop which therefore cannot rest."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import pytest

from stopward.domain.identity import Symbol
from stopward.domain.market import Quote
from stopward.domain.orders import BrokerOrder, OrderRequest
from stopward.errors import BrokerRejected
from stopward.services.guard.refusals import UNPROCESSABLE, is_passed
from tests.builders.guard import World, a_world
from tests.builders.simulator import AAPL, flat
from tests.faults import found_through as found
from tests.faults.whole import whole

TICK = Decimal("0.01")


def test_a_stop_that_cannot_rest_is_asked_for_once_a_tick_while_an_exit_works() -> None:
    """Shares were added while an exit worked, and the price was through their stop.

    They could be neither armed nor sold: the same stop was refused four times in each tick.
    """
    world = whole(found.enlarged_through_its_stop_while_an_exit_works)
    refused = Counter(
        line.at.replace(microsecond=0)
        for line in world.boundary.lines
        if line.what.startswith("submit stop") and line.effect.startswith("refused")
    )
    assert len(refused) > 1
    assert set(refused.values()) == {1}


@pytest.mark.parametrize("side", ["long", "short"])
def test_a_stop_where_the_last_trade_was_is_passed_also_a_tick_from_the_quote(side: str) -> None:
    """The broker judges a stop by its last trade, the guard by the quote, which was a tick away.

    The stop was refused, and the price was not at it: the shares were bare until a price moved.
    """
    with _canceled_at_the_stop(side, ticks=1) as world:
        world.tick(2.5)
        assert world.shares() == 0
        assert [trade.cause for trade in world.trades()] == ["stop"]


def test_a_stop_two_ticks_from_the_quote_is_not_passed() -> None:
    """That trade is over: it may be an old one, and what is bare has its alarm."""
    with _canceled_at_the_stop("long", ticks=2) as world:
        world.tick(2.5)
        assert world.shares() == 100
        assert {"order_rejected", "unprotected"} <= world.alarms()


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        ("invalid stop_price 98.005. sub-penny increment does not fulfill minimum pricing criteria",
         422, 42210000),
        ("insufficient qty available for order (requested: 100, available: 0)", 403, 40310000),
        ('asset "AAPL" is not tradable', 422, 42210000),
        ("client_order_id must be unique", 422, 40010001),
        ("trading is halted", 403, 40310000),
        ("stop price must be greater than current price", 422, 42210000),
    ],
)  # fmt: skip
def test_a_stop_that_is_refused_for_another_reason_sells_nothing(
    words: str, status: int, code: int
) -> None:
    """Only what the broker calls passed counts a tick earlier; all else is an alarm."""
    with _canceled_at_the_stop("long", ticks=1) as world:
        _refuse_stops(world, BrokerRejected(words, status=status, code=code))
        world.tick(2.5)
        assert world.shares() == 100
        assert "order_rejected" in world.alarms()


def test_a_refusal_of_an_earlier_tick_sells_nothing() -> None:
    """The stop was passed in one tick; in the next the broker refused it and did not say so."""
    with _canceled_at_the_stop("long", ticks=2) as world:
        world.tick(2.5)
        _quote(world, ticks=1)
        _refuse_stops(world, BrokerRejected("not now", status=422, code=UNPROCESSABLE))
        world.tick(2.8)
        assert world.shares() == 100


def test_a_refusal_is_passed_by_its_code_its_words_and_its_side() -> None:
    said = "POST /v2/orders: refused with 422, code 42210000: stop price must be less than current"
    refusal = BrokerRejected(f"{said} price", status=422, code=UNPROCESSABLE)
    assert is_passed(refusal, "sell")
    assert not is_passed(refusal, "buy")
    assert not is_passed(BrokerRejected(f"{said} price", status=422), "sell")


@contextmanager
def _canceled_at_the_stop(side: str, *, ticks: int) -> Iterator[World]:
    # The trader cancels our stop, and a trade is at its price; the quote is some ticks from there.
    before, stop = (99.0, 98) if side == "long" else (101.0, 102)
    with a_world(*flat(before, 2), *flat(stop, 8)) as world:
        world.open(side=side, stop=stop)
        world.tick(1)
        world.simulator.hand_cancel(AAPL)
        _quote(world, ticks=ticks)
        yield world


def _quote(world: World, *, ticks: int) -> None:
    """Quote both sides so many ticks from the last trade, on the side where a stop would rest."""

    def quotes(symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        assert tuple(symbols) == (AAPL,)
        seen, price = world.simulator.quote(AAPL), world.simulator.price(AAPL)
        assert seen is not None
        assert price is not None
        away = ticks * TICK * (1 if world.shares() > 0 else -1)
        near, far = price + away, price + away + TICK * (1 if away > 0 else -1)
        return {AAPL: replace(seen, bid=min(near, far), ask=max(near, far))}

    world.guard.market_data.quotes = quotes  # type: ignore[method-assign]


def _refuse_stops(world: World, refusal: BrokerRejected) -> None:
    broker = world.guard.broker
    submit = broker.submit

    def refuse(request: OrderRequest) -> BrokerOrder:
        if request.kind == "stop":
            raise refusal
        return submit(request)

    broker.submit = refuse  # type: ignore[method-assign]
