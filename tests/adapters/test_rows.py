"""Values survive the wire exactly, and what has no place on it is refused."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.adapters import rows
from stopward.domain.decision import Decision, Exit, Hold, MoveStop, Reduce
from stopward.domain.position import Marks, Position
from stopward.domain.snapshot import Acknowledgement, DecisionRow, Snapshot, SymbolState, TickRecord
from stopward.errors import InvalidState
from stopward.rules.types import NAN, State
from tests.builders.store import (
    NOON,
    D,
    a_decision,
    a_position,
    a_record,
    a_symbol_state,
    a_trade,
    a_view,
    an_acknowledgement,
    an_order,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
number = st.floats(allow_infinity=False)


def over_the_wire(value: object) -> rows.JsonValue:
    sent: rows.JsonValue = json.loads(json.dumps(rows.write(value), allow_nan=False))
    return sent


def same(one: float, other: float) -> bool:
    return one == other or (isnan(one) and isnan(other))


@given(numbers=st.tuples(*[number] * len(Marks._fields)))
def test_marks_come_back_bit_for_bit(numbers: tuple[float, ...]) -> None:
    position = a_position(marks=Marks(*numbers))
    found = rows.read(Position, over_the_wire(position)).marks
    assert all(same(one, other) for one, other in zip(found, numbers, strict=True))


@given(numbers=st.tuples(*[number] * len(State._fields)))
def test_a_state_comes_back_bit_for_bit(numbers: tuple[float, ...]) -> None:
    row = a_decision(a_position(), state=State(*numbers))
    found = rows.read(DecisionRow, over_the_wire(row)).state
    assert all(same(one, other) for one, other in zip(found, numbers, strict=True))


@given(numbers=st.lists(number, max_size=64))
def test_windows_come_back_bit_for_bit(numbers: list[float]) -> None:
    state = a_symbol_state(highs=tuple(numbers), lows=())
    found = rows.read(SymbolState, over_the_wire(state))
    assert len(found.highs) == len(numbers)
    assert all(same(one, other) for one, other in zip(found.highs, numbers, strict=True))
    assert found.lows == ()


@given(quantity=st.decimals(allow_nan=False, allow_infinity=False, places=9))
def test_money_and_shares_come_back_exactly(quantity: Decimal) -> None:
    position = replace(a_position(), realised=quantity)
    assert rows.read(Position, over_the_wire(position)).realised == quantity


@given(
    moment=st.datetimes(
        min_value=datetime(1990, 1, 1),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5))]),
    )
)
def test_times_come_back_in_utc(moment: datetime) -> None:
    found = rows.read(Position, over_the_wire(a_position(opened_at=moment))).opened_at
    assert found == moment
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "decision",
    [
        Hold(),
        MoveStop(rule="ratchet", to=D("99.5")),
        Reduce(rule="partial", quantity=D("50"), stop=None, stop_rule=None),
        Reduce(rule="partial", quantity=D("50"), stop=D("99"), stop_rule="breakeven"),
        Exit(rule="give_back"),
    ],
)
def test_a_decision_comes_back_as_it_was(decision: Decision) -> None:
    row = a_decision(a_position(), decision=decision)
    assert rows.read(DecisionRow, over_the_wire(row)).decision == decision


@pytest.mark.parametrize("measured", [(), (0.64, 64.0), (NAN, 0.0), (NAN, NAN, 0.1 + 0.2)])
def test_what_was_measured_comes_back_as_it_was(measured: tuple[float, ...]) -> None:
    row = a_decision(a_position(), measured=measured)
    assert repr(rows.read(DecisionRow, over_the_wire(row)).measured) == repr(measured)


@pytest.mark.parametrize("whole", [TickRecord, Acknowledgement])
def test_a_whole_record_comes_back_as_it_was(whole: type[TickRecord | Acknowledgement]) -> None:
    position = replace(a_position(), marks=Marks(*([1.5] * len(Marks._fields))))
    parts: dict[str, object] = {
        "positions": (position,),
        "trades": (a_trade(position),),
        "unprotected_seconds": {position.symbol: 1.5},
    }
    value: TickRecord | Acknowledgement = an_acknowledgement(
        1, orders=(an_order(position),), **parts
    )
    if whole is TickRecord:
        value = a_record(
            1,
            orders=(an_order(position),),
            decisions=(a_decision(position),),
            views=(a_view(bar=(1.0, 2.0)),),
            **parts,
        )
        row = value.decisions[0]
        assert isnan(row.state.target)
        value = replace(value, decisions=(replace(row, state=State(*([2.5] * len(row.state)))),))
    assert rows.read(whole, over_the_wire(value)) == value


def test_every_field_of_what_crosses_has_a_form() -> None:
    for of_type in (TickRecord, Acknowledgement, Snapshot):
        assert {field.name for field in fields(of_type)} > {"fence", "positions", "orders"}
    written = rows.write(a_record(1))
    assert isinstance(written, dict)
    assert set(written) == {field.name for field in fields(TickRecord)}


@pytest.mark.parametrize("number", [inf, -inf])
def test_infinity_never_crosses(number: float) -> None:
    marks = Marks(best=number, worst=1.0)
    with pytest.raises(InvalidState, match=r"infinite"):
        rows.write(a_position(marks=marks))


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "sNaN"])
def test_money_that_is_no_number_never_crosses(amount: str) -> None:
    with pytest.raises(InvalidState, match=r"no amount of money"):
        rows.write(a_position(realised=Decimal(amount)))


def test_a_naive_time_never_crosses() -> None:
    with pytest.raises(InvalidState, match=r"has no zone"):
        rows.write(a_position(opened_at=NOON.replace(tzinfo=None)))


@pytest.mark.parametrize(
    "fault",
    [
        {"quantity": 1.5},
        {"quantity": "many"},
        {"quantity": None},
        {"opened_at": "2026-11-23T17:00:00"},
        {"opened_at": "noon"},
        {"marks": None},
        {"marks": {"best": 1.0}},
    ],
)
def test_what_does_not_fit_is_refused(fault: dict[str, rows.JsonValue]) -> None:
    written = rows.write(a_position())
    assert isinstance(written, dict)
    with pytest.raises(InvalidState, match=r"Position cannot be read"):
        rows.read(Position, {**written, **fault})


def test_a_missing_field_is_refused_when_it_has_no_default() -> None:
    written = rows.write(a_position())
    assert isinstance(written, dict)
    without = {name: value for name, value in written.items() if name not in ("flags", "target")}
    assert rows.read(Position, without) == a_position()
    del without["risk"]
    with pytest.raises(InvalidState, match=r"risk"):
        rows.read(Position, without)


def test_a_missing_number_is_null_on_the_wire() -> None:
    written = rows.write(a_position(marks=Marks(best=1.0, worst=nan)))
    assert isinstance(written, dict)
    marks = written["marks"]
    assert isinstance(marks, dict)
    assert (marks["best"], marks["worst"]) == (1.0, None)


def test_what_has_no_form_is_named() -> None:
    with pytest.raises(InvalidState, match=r"has no form in JSON"):
        rows.write(object())
