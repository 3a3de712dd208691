"""Executions of the past, stating only what matters."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from stopward.domain.history import Execution, ExecutionId, History
from stopward.domain.identity import Symbol

MORNING = datetime(2024, 1, 3, 14, 30, tzinfo=UTC)


def an_execution(words: str = "buy 100 at 10", **changes: Any) -> Execution:
    """Return an execution as in `buy 100 at 10`, or `sell 50 at 11.5 fee 1`."""
    side, quantity, _at, price, *rest = words.split()
    values: dict[str, Any] = {
        "id": ExecutionId(f"{words} {changes.get('at', MORNING)}"),
        "symbol": Symbol("AAPL"),
        "side": side,
        "quantity": Decimal(quantity),
        "price": Decimal(price),
        "at": MORNING,
        "fees": Decimal(rest[1]) if rest else Decimal(0),
        "source": "tradervue",
    }
    return Execution(**(values | changes))


def executions(*words: str) -> tuple[Execution, ...]:
    """Return executions a minute apart; `!` behind a word of the side marks open, `.` close."""
    found = []
    for place, each in enumerate(words):
        side, rest = each.split(" ", 1)
        effect = {"!": "open", ".": "close"}.get(side[-1])
        found.append(
            an_execution(
                f"{side.rstrip('!.')} {rest}",
                id=ExecutionId(f"{place:03}"),
                at=MORNING + timedelta(minutes=place),
                effect=effect,
            )
        )
    return tuple(found)


def cash(given: tuple[Execution, ...]) -> Fraction:
    """Return what executions brought after fees, by another arithmetic than the code's."""
    return sum(
        (-Fraction(each.signed) * Fraction(each.price) - Fraction(each.fees) for each in given),
        Fraction(0),
    )


def cash_of(history: History) -> Fraction:
    """Return what a history accounts for."""
    return sum(
        (
            Fraction(amount)
            for amount in (
                *(trip.result for trip in history.trips),
                *(trip.cash for trip in history.open_trips),
                *(each.cash for each in history.unopened),
            )
        ),
        Fraction(0),
    )


@st.composite
def pasts(draw: st.DrawFn) -> tuple[Execution, ...]:
    """Executions of two symbols, some of them in the same instant, with odd numbers."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["AAPL", "MSFT"]),
                st.sampled_from(["buy", "sell"]),
                st.one_of(
                    st.integers(1, 300).map(Decimal),
                    st.decimals("0.000000001", "999999999.999999999", places=9),
                ),
                st.decimals("0.000001", "999999999.999999", places=6),
                st.integers(0, 12),
                st.decimals("-2", "5", places=6),
                st.sampled_from([None, None, None, "open", "close"]),
            ),
            max_size=25,
        )
    )
    return tuple(
        an_execution(
            id=ExecutionId(f"{place:03}"),
            symbol=Symbol(symbol),
            side=side,
            quantity=quantity,
            price=price,
            at=MORNING + timedelta(seconds=second),
            fees=fees,
            effect=effect,
        )
        for place, (symbol, side, quantity, price, second, fees, effect) in enumerate(rows)
    )
