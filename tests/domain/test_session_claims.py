"""What several sources say of a session, and what counts."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.market import Session
from stopward.domain.session_claims import (
    SessionClaims,
    SessionDisagreement,
    SessionStretch,
    agreed_session,
    disagrees,
)
from tests.builders.session_cases import CASES, SessionCase, a_session

MIDNIGHT = datetime(2101, 1, 5, tzinfo=UTC)
minutes = st.integers(min_value=0, max_value=1439)


def claims_of(case: SessionCase) -> SessionClaims:
    return {
        source: None if hours is None else a_session("X", hours)
        for source, hours in case.said.items()
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_counts_follows_from_what_is_said_in_any_order(case: SessionCase) -> None:
    wanted = None if case.counts is None else a_session("X", case.counts)
    for order in permutations(claims_of(case).items()):
        assert agreed_session(dict(order)) == wanted
        assert disagrees(dict(order), calendar_is_complete=False) is case.disagrees


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    first, last = sorted(draw(st.lists(minutes, min_size=2, max_size=2, unique=True)))
    return Session(
        exchange="X",
        day="2101-01-05",
        opens_at=MIDNIGHT + timedelta(minutes=first),
        closes_at=MIDNIGHT + timedelta(minutes=last),
    )


@given(calendar=sessions(), broker=sessions())
def test_the_earlier_close_always_wins(calendar: Session, broker: Session) -> None:
    counted = agreed_session({"calendar": calendar, "broker": broker})
    assert counted is not None
    assert counted.closes_at == min(calendar.closes_at, broker.closes_at)
    assert counted.opens_at >= min(calendar.opens_at, broker.opens_at)
    assert counted.opens_at < counted.closes_at
    assert agreed_session({"calendar": broker, "broker": calendar}) == counted


def test_a_day_that_only_the_broker_lists_disagrees_where_the_calendar_is_complete() -> None:
    claims: SessionClaims = {"broker": a_session("X")}
    assert disagrees(claims, calendar_is_complete=True)
    assert not disagrees(claims, calendar_is_complete=False)
    assert not disagrees({"broker": None}, calendar_is_complete=True)


def test_a_disagreement_is_said_in_a_sentence() -> None:
    said = SessionDisagreement(
        exchange="XNYS",
        day="2101-01-05",
        claims={"calendar": a_session("XNYS", ("14:30", "21:00")), "broker": None},
        counted=None,
    )
    assert said.sentence() == (
        "XNYS 2101-01-05: broker closed, calendar 14:30 to 21:00 UTC; what counts is closed"
    )


def test_a_stretch_holds_its_first_and_its_last_day_of_its_exchange() -> None:
    stretch = SessionStretch(exchange="XNYS", first="2026-11-23", last="2026-11-27")
    held = [day for day in ("2026-11-22", "2026-11-23", "2026-11-27") if stretch.holds("XNYS", day)]
    assert held == ["2026-11-23", "2026-11-27"]
    assert not stretch.holds("XLON", "2026-11-24")
