"""The vector of an open position: which positions have one, and that it is the registry's."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from stopward.domain.features import (
    AccountState,
    Held,
    Known,
    Result,
    Signal,
    as_bytes,
    names,
    open_vector,
    schema_hash,
)
from stopward.domain.features.open_position import (
    UNSCORED,
    held_vector,
    session_now,
    unscored,
)
from stopward.domain.features.past_trade import StoredVector
from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.errors import InvalidInput
from tests.builders.open_positions import ENTERED, a_page, an_open_position
from tests.builders.past_features import FRIDAY, INDEX, minutes
from tests.builders.store import A_SESSION, NOON, D

BARS, MARKET = minutes("AAPL"), minutes(INDEX)
SINCE = FRIDAY.opens_at
HALF_AN_HOUR = timedelta(minutes=30)
LAST_OF_FRIDAY = FRIDAY.closes_at - HALF_AN_HOUR


def of(session: Session) -> tuple[ClosedBar, ...]:
    return tuple(bar for bar in BARS if session.contains(bar.at))


def test_its_vector_is_that_of_the_registry_as_of_the_minute() -> None:
    results = (Result(symbol=Symbol("MSFT"), closed_at=NOON - timedelta(hours=1), r=1.5),)
    position = an_open_position(target=D("106"), side="short", initial_stop=D("102"), stop=D("101"))
    page = a_page(position, results=results)
    found = held_vector(position, page, at=NOON, bars=BARS, market_bars=MARKET)
    signal = Signal(
        symbol=Symbol("AAPL"), side="short", entry=100.0, stop=102.0, target=106.0, at=ENTERED
    )
    known = Known(
        sessions=(FRIDAY, A_SESSION),
        bars=BARS,
        market_bars=MARKET,
        account=AccountState(results=results),
    )
    assert isinstance(found, StoredVector)
    assert as_bytes(found.vector) == as_bytes(open_vector(signal, Held(at=NOON, stop=101.0), known))
    assert (found.kind, found.at, found.rebuilt) == ("open", NOON, False)
    assert found.schema_hash == schema_hash("open")
    told = dict(zip(names("open"), found.vector, strict=True))
    assert (told["age_minutes"], told["day_r"]) == (20.0, 1.5)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, None),
        ({"flags": ("stop_crossed",)}, None),
        ({"flags": ("risk_estimated",)}, "no_risk"),
        ({"flags": ("entry_unknown",)}, "entry_unknown"),
        ({"flags": ("rebased",)}, "added_to"),
        ({"flags": ("split",)}, "split"),
        ({"adopted_at": ENTERED + timedelta(minutes=6)}, "adopted_late"),
        ({"opened_at": SINCE, "adopted_at": SINCE}, None),
        ({"opened_at": SINCE - timedelta(seconds=1), "adopted_at": SINCE}, "too_old"),
    ],
)
def test_why_a_position_has_none(changed: dict[str, Any], why: str | None) -> None:
    assert unscored(an_open_position(**changed), since=SINCE) == why
    assert why is None or why in UNSCORED


@pytest.mark.parametrize(
    ("bars", "why"),
    [((), "no_bar_yet"), (of(FRIDAY), "no_bar_yet"), (of(A_SESSION)[145:], "too_young")],
    ids=["none", "none of today", "none of its entry"],
)
def test_without_bars_back_to_its_entry_it_has_none(bars: Any, why: str) -> None:
    position = an_open_position()
    found = held_vector(position, a_page(position), at=NOON, bars=bars, market_bars=MARKET)
    assert found == why
    assert why in UNSCORED


@pytest.mark.parametrize(
    ("minute", "left_out", "why"),
    [
        (0, 0, "no_bar_yet"),
        # The bar of 9:30 has closed, and is not known for five seconds more.
        (1, 0, "no_bar_yet"),
        (2, 0, None),
        (2, 1, "no_bar_yet"),
        (3, 1, None),
        (20, 20, "no_bar_yet"),
    ],
)
@pytest.mark.parametrize("opened_at", [LAST_OF_FRIDAY, A_SESSION.opens_at - HALF_AN_HOUR])
def test_what_was_carried_has_none_until_a_bar_of_the_session_is_known(
    opened_at: datetime, minute: int, left_out: int, why: str | None
) -> None:
    position = an_open_position(opened_at=opened_at, adopted_at=opened_at)
    at = A_SESSION.opens_at + timedelta(minutes=minute)
    bars = (*of(FRIDAY), *of(A_SESSION)[left_out:])
    found = held_vector(position, a_page(position), at=at, bars=bars, market_bars=MARKET)
    assert (None if isinstance(found, StoredVector) else found) == why
    if isinstance(found, StoredVector):
        told = dict(zip(names("open"), found.vector, strict=True))
        close = of(A_SESSION)[minute - 2].close
        assert told["r_now"] == pytest.approx((close - 100.0) / 2.0, abs=1e-6)


def test_before_a_bar_has_closed_since_its_entry_it_has_none() -> None:
    late = NOON - timedelta(seconds=70)
    position = an_open_position(opened_at=late, adopted_at=late)
    page = a_page(position)
    for minute, is_scored in ((0, False), (1, True)):
        at = NOON + timedelta(minutes=minute)
        found = held_vector(position, page, at=at, bars=BARS, market_bars=MARKET)
        assert isinstance(found, StoredVector) == is_scored


def test_bars_out_of_order_are_refused() -> None:
    position = an_open_position()
    with pytest.raises(InvalidInput, match="oldest first"):
        held_vector(position, a_page(position), at=NOON, bars=BARS[::-1], market_bars=MARKET)


@pytest.mark.parametrize(
    ("at", "is_on"),
    [
        (A_SESSION.opens_at, True),
        (A_SESSION.closes_at - timedelta(minutes=1), True),
        (A_SESSION.closes_at, False),
        (A_SESSION.opens_at - timedelta(minutes=1), False),
        (FRIDAY.opens_at, False),
    ],
)
def test_there_is_a_session_on_and_one_before_it(at: Any, is_on: bool) -> None:
    page = a_page(an_open_position())
    assert session_now(page, at) == ((FRIDAY, A_SESSION) if is_on else None)
    assert session_now(replace(page, sessions=()), at) is None
