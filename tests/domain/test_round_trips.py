"""Round trips: from flat to flat, first in first out, money and shares conserved."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.history import Execution, ExecutionId, RoundTrip, derived_id, round_trips
from stopward.domain.money import sign
from stopward.errors import InvalidState
from tests.builders.history import MORNING, an_execution, cash, cash_of, executions, pasts


def told(trip: RoundTrip) -> str:
    exits = ", ".join(f"{leg.quantity} at {leg.price}: {leg.result}" for leg in trip.exits)
    return (
        f"{trip.side} {trip.quantity} at {trip.average_entry} -> {exits}; {trip.result} after"
        f" {trip.fees}"
    )


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (
            ("buy 100 at 10 fee 1", "sell 100 at 11 fee 1"),
            ["long 100 at 10.000000 -> 100 at 11: 100; 98 after 2"],
        ),
        (
            ("sell 100 at 10", "buy 100 at 11"),
            ["short 100 at 10.000000 -> 100 at 11: -100; -100 after 0"],
        ),
        # Scaled in at two prices: the first exit is the shares bought first.
        (
            ("buy 100 at 10", "buy 100 at 12", "sell 100 at 12", "sell 100 at 12"),
            ["long 200 at 11.000000 -> 100 at 12: 200, 100 at 12: 0; 200 after 0"],
        ),
        # An exit across two lots.
        (
            ("buy 50 at 10", "buy 50 at 20", "sell 75 at 20", "sell 25 at 20"),
            ["long 100 at 15.000000 -> 75 at 20: 500, 25 at 20: 0; 500 after 0"],
        ),
        # Added to again after a partial exit.
        (
            ("buy 100 at 10", "sell 50 at 11", "buy 50 at 12", "sell 100 at 13"),
            ["long 150 at 10.666667 -> 50 at 11: 50, 100 at 13: 200; 250 after 0"],
        ),
        # Through zero: one execution closes one trip and opens the next; fees by quantity.
        (
            ("buy 100 at 10", "sell 300 at 11 fee 3", "buy 200 at 10"),
            [
                "long 100 at 10.000000 -> 100 at 11: 100; 99.000000 after 1.000000",
                "short 200 at 11.000000 -> 200 at 10: 200; 198.000000 after 2.000000",
            ],
        ),
        # A third of a fee has no end: the first trip has it rounded, the second the rest.
        (
            ("buy 1 at 10", "sell 3 at 10 fee 1", "buy 2 at 10"),
            [
                "long 1 at 10.000000 -> 1 at 10: 0; -0.333333 after 0.333333",
                "short 2 at 10.000000 -> 2 at 10: 0; -0.666667 after 0.666667",
            ],
        ),
        # A rebate.
        (
            ("buy 1 at 10 fee -0.002", "sell 1 at 10"),
            ["long 1 at 10.000000 -> 1 at 10: 0; 0.002 after -0.002"],
        ),
        # Flat to flat, twice.
        (
            ("buy 1 at 10", "sell 1 at 11", "buy 1 at 11", "sell 1 at 10"),
            [
                "long 1 at 10.000000 -> 1 at 11: 1; 1 after 0",
                "long 1 at 11.000000 -> 1 at 10: -1; -1 after 0",
            ],
        ),
    ],
)
def test_trips_of(given_: tuple[str, ...], expected: list[str]) -> None:
    history = round_trips(executions(*given_))
    assert [told(trip) for trip in history.trips] == expected
    assert history.open_trips == history.unopened == ()


def test_what_stays_open_is_told_and_is_no_trade() -> None:
    history = round_trips(executions("buy 100 at 10 fee 1", "buy 100 at 12", "sell 150 at 13"))
    assert history.trips == ()
    (left,) = history.open_trips
    assert (left.side, left.quantity, left.cost) == ("long", 50, 600)
    assert (left.realised, left.fees, left.cash) == (350, 1, -251)


def test_a_close_without_an_opening_opens_no_short() -> None:
    # The export begins with 100 shares held.
    history = round_trips(executions("sell. 100 at 10 fee 1", "buy 5 at 9", "sell. 5 at 10"))
    (trip,) = history.trips
    assert (trip.side, trip.quantity) == ("long", 5)
    (before,) = history.unopened
    assert (before.side, before.quantity, before.fees, before.cash) == ("sell", 100, 1, 999)


def test_a_close_beyond_the_position_leaves_its_rest_unopened() -> None:
    history = round_trips(executions("buy 50 at 9", "sell. 150 at 10 fee 3"))
    assert [told(trip) for trip in history.trips] == [
        "long 50 at 9.000000 -> 50 at 10: 50; 49.000000 after 1.000000"
    ]
    assert [(each.quantity, each.fees) for each in history.unopened] == [(100, 2)]


@pytest.mark.parametrize(
    ("at_once", "sides"),
    [
        (("buy 100 at 10", "sell 100 at 11"), ["long"]),
        (("sell! 100 at 11", "buy 100 at 10"), ["short"]),
        (("sell! 100 at 11", "buy. 100 at 10"), ["short"]),
        (("buy! 100 at 10", "sell. 100 at 11", "sell! 5 at 9", "buy. 5 at 9"), ["long", "short"]),
        # Nothing is closed while shares of the instant are left: one trip, not two.
        (("buy 1 at 10", "sell 1 at 11", "buy 1 at 10", "sell 1 at 11"), ["long"]),
    ],
)
def test_of_one_instant_what_enlarges_goes_first(
    at_once: tuple[str, ...], sides: list[str]
) -> None:
    given_ = tuple(replace(each, at=MORNING) for each in executions(*at_once))
    for order in (given_, given_[::-1]):
        history = round_trips(order)
        assert sorted(trip.side for trip in history.trips) == sides
        assert history.open_trips == history.unopened == ()


def test_the_stop_of_a_trip_is_that_of_its_opening() -> None:
    first, second, last = executions("buy 100 at 10", "buy 100 at 12", "sell 200 at 13")
    given_ = (
        replace(first, initial_stop=Decimal("9.5")),
        replace(second, initial_stop=Decimal(11)),
        last,
    )
    (trip,) = round_trips(given_).trips
    assert (trip.initial_stop, trip.risk) == (Decimal("9.5"), Decimal("0.5"))
    (trip,) = round_trips((first, *given_[1:])).trips
    assert (trip.initial_stop, trip.risk) == (None, None)


def test_sources_and_symbols_are_apart() -> None:
    buy, sell = executions("buy 100 at 10", "sell 100 at 11")
    history = round_trips((buy, replace(sell, source="alpaca")))
    assert [(trip.source, trip.side) for trip in history.open_trips] == [
        ("alpaca", "short"), ("tradervue", "long"),
    ]  # fmt: skip


def test_one_id_for_two_executions_is_refused() -> None:
    one = an_execution("buy 1 at 10", id="a")
    with pytest.raises(InvalidState, match="execution a was told twice, and differently"):
        round_trips((one, replace(one, price=Decimal(11))))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quantity": Decimal(0)}, "its quantity was 0; allowed is a number above 0"),
        ({"quantity": Decimal("NaN")}, "its quantity was NaN"),
        ({"quantity": Decimal("1E-10")}, "of 9 places"),
        ({"price": Decimal(-1)}, "its price was -1"),
        ({"price": Decimal("0.0000001")}, "of 6 places"),
        ({"fees": Decimal("1E9")}, "its fees was 1E+9"),
        ({"at": datetime(2024, 1, 3)}, "without a zone"),  # noqa: DTZ001
        ({"initial_stop": Decimal(10)}, "it lies below a buy"),
        ({"initial_stop": Decimal(9), "side": "sell"}, "above a sell"),
    ],
)
def test_what_no_execution_is(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidState, match=said.replace("+", r"\+")):
        an_execution("buy 100 at 10", **changes)


@given(pasts())
def test_money_and_shares_are_conserved(past: tuple[Execution, ...]) -> None:
    history = round_trips(past)
    assert cash_of(history) == cash(past)
    for symbol in ("AAPL", "MSFT"):
        held = sum(Fraction(each.signed) for each in past if each.symbol == symbol)
        unopened = sum(
            Fraction(each.quantity) * (1 if each.side == "buy" else -1)
            for each in history.unopened
            if each.symbol == symbol
        )
        left = sum(
            Fraction(each.quantity) * sign(each.side)
            for each in history.open_trips
            if each.symbol == symbol
        )
        assert held == unopened + left
    for trip in history.trips:
        assert sum(map(Fraction, (leg.quantity for leg in trip.exits))) == Fraction(trip.quantity)


@given(pasts(), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_matters(past: tuple[Execution, ...], random: object) -> None:
    expected = round_trips(past)
    shuffled = [*past, *past[::2]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert round_trips(shuffled) == expected


@given(pasts(), st.data())
def test_an_execution_in_two_parts_changes_no_total(
    past: tuple[Execution, ...], data: st.DataObject
) -> None:
    whole = [each for each in past if each.quantity > Decimal("0.000000001")]
    if not whole:
        return
    chosen = data.draw(st.sampled_from(whole))
    part = data.draw(st.integers(1, int(chosen.quantity.scaleb(9)) - 1))
    first = Decimal(part).scaleb(-9)
    parts = (
        replace(chosen, id=ExecutionId(f"{chosen.id} a"), quantity=first, fees=Decimal(0)),
        replace(chosen, id=ExecutionId(f"{chosen.id} b"), quantity=chosen.quantity - first),
    )
    one = round_trips(past)
    two = round_trips(tuple(each for each in past if each is not chosen) + parts)
    assert [(t.side, t.quantity, t.gross, t.closed_at) for t in one.trips] == [
        (t.side, t.quantity, t.gross, t.closed_at) for t in two.trips
    ]
    assert cash_of(one) == cash_of(two)


def test_a_derived_id_is_the_same_for_the_same_row_only() -> None:
    row = {"source": "ibkr", "account": "U1", "content": "AAPL", "ordinal": 0}
    one = derived_id(**row)  # type: ignore[arg-type]
    assert one == derived_id(**row)  # type: ignore[arg-type]
    others = [row | change for change in (
        {"source": "tradervue"}, {"account": ""}, {"content": "MSFT"}, {"ordinal": 1},
    )]  # fmt: skip
    assert len({one, *(derived_id(**each) for each in others)}) == 5  # type: ignore[arg-type]
