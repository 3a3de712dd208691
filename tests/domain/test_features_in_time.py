"""No feature knows the future, nor more of the past than the registry says."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.domain.features import Known, Result, as_bytes, entry_vector, names, open_vector
from stopward.domain.features.inputs import INPUTS
from stopward.domain.identity import Symbol
from tests.builders.features import (
    AT,
    MINUTE,
    MONDAY,
    TUESDAY,
    a_held,
    a_known,
    a_signal,
    minutes_of,
    walked,
)

SPANS = {"bars": MINUTE, "market_bars": MINUTE, "daily_bars": timedelta(hours=16)}
"""From the time of a row to the end of what it tells."""
SERIES = ("bars", "market_bars", "daily_bars", "vix", "breadth")
WORLDS = {seed: a_known(seed) for seed in range(4)}
Later = Callable[[Any], bool]
moments = st.integers(0, 389 * 60).map(lambda seconds: TUESDAY.opens_at + timedelta(0, seconds))


def is_later(name: str, at: datetime) -> Later:
    """Return whether a row of an input was not known at a time, by the registry's lag."""
    span, lag = SPANS.get(name, timedelta()), timedelta(seconds=INPUTS[name].lag_seconds)
    return lambda row: row.at + span + lag > at


def otherwise(row: Any, draw: st.DrawFn) -> Any:
    factor = draw(st.floats(0.2, 5.0))
    if hasattr(row, "number"):
        return replace(row, number=row.number * factor)
    return replace(
        row, open=row.open * factor, high=row.high * factor, low=row.low * factor,
        close=row.close * factor, volume=row.volume * draw(st.floats(0.0, 50.0)),
    )  # fmt: skip


@st.composite
def futures(draw: st.DrawFn, known: Known, at: datetime) -> Known:
    """Draw the same past with another future: rows changed, left out, and others put between."""
    changes: dict[str, Any] = {}
    for name in SERIES:
        later = is_later(name, at)
        rows = list(getattr(known, name))
        kept = [row for row in rows if not later(row)]
        ahead = [row for row in rows if later(row)]
        fate = draw(st.sampled_from(("gone", "first gone", "changed", "more")))
        if fate == "first gone":
            kept += ahead[1:]
        elif fate == "changed":
            # The nearest is the one that could slip in.
            kept += [otherwise(row, draw) for row in ahead[:2]] + ahead[2:]
        elif fate == "more":
            gap = timedelta(seconds=draw(st.integers(1, 29)))
            between = [replace(row, at=row.at + gap) for row in ahead[:2]]
            added = [otherwise(row, draw) for row in between]
            kept = sorted([*kept, *ahead, *added], key=lambda row: row.at)
        changes[name] = tuple(kept)
    assert known.account is not None
    lag = timedelta(seconds=INPUTS["account"].lag_seconds)
    told = [row for row in known.account.results if row.closed_at + lag <= at]
    unheard = Result(
        symbol=Symbol("ACME"),
        closed_at=at - lag + timedelta(seconds=draw(st.integers(1, 3_600))),
        r=draw(st.floats(-50.0, 50.0)),
    )
    changes["account"] = replace(known.account, results=(*told, unheard))
    return replace(known, **changes)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=st.sampled_from(sorted(WORLDS)), at=moments)
def test_no_entry_feature_changes_with_what_comes_later(
    data: st.DataObject, seed: int, at: datetime
) -> None:
    known, signal = WORLDS[seed], a_signal(at=at)
    other = data.draw(futures(known, at))
    assert as_bytes(entry_vector(signal, other)) == as_bytes(entry_vector(signal, known))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=st.sampled_from(sorted(WORLDS)), at=moments)
def test_no_open_feature_changes_with_what_comes_later(
    data: st.DataObject, seed: int, at: datetime
) -> None:
    known, signal = WORLDS[seed], a_signal(at=TUESDAY.opens_at)
    held = a_held(at=at)
    other = data.draw(futures(known, at))
    assert as_bytes(open_vector(signal, held, other)) == as_bytes(open_vector(signal, held, known))


@pytest.mark.parametrize("name", SERIES)
def test_a_row_counts_from_its_lag_on_and_not_a_second_before(name: str) -> None:
    """The lag is the registry's, so a vector served in time equals one rebuilt at leisure."""
    known = a_known()
    span, lag = SPANS.get(name, timedelta()), timedelta(seconds=INPUTS[name].lag_seconds)
    last = [row for row in getattr(known, name) if row.at + span + lag <= AT][-1]
    without = tuple(row for row in getattr(known, name) if row is not last)
    from_then = last.at + span + lag

    def changed(at: datetime) -> bool:
        signal = a_signal(at=at)
        return entry_vector(signal, known) != entry_vector(
            signal, replace(known, **{name: without})
        )

    if name == "daily_bars":  # it is known at night, when there is no session
        assert (changed(TUESDAY.opens_at), changed(from_then - timedelta(seconds=1))) == (
            True,
            False,
        )
        return
    assert (changed(from_then), changed(from_then - timedelta(seconds=1))) == (True, False)


def test_what_lies_before_the_session_before_changes_nothing() -> None:
    """Averages remember; they are the same however many bars were fetched."""
    known = a_known()
    earlier = replace(
        MONDAY,
        day="2026-11-20",
        opens_at=MONDAY.opens_at - timedelta(days=3),
        closes_at=MONDAY.closes_at - timedelta(days=3),
    )
    more = walked(Random(5), minutes_of(earlier))  # noqa: S311  the same walk each time
    day = known.daily_bars[0]
    wider = replace(
        known,
        sessions=(earlier, *known.sessions),
        bars=(*more, *known.bars),
        market_bars=(*more, *known.market_bars),
        daily_bars=(replace(day, at=day.at - timedelta(days=1)), *known.daily_bars),
    )
    assert entry_vector(a_signal(), wider) == entry_vector(a_signal(), known)
    assert open_vector(a_signal(), a_held(), wider) == open_vector(a_signal(), a_held(), known)


def test_bars_outside_of_sessions_are_passed_over() -> None:
    known = a_known()
    early = [replace(known.bars[0], at=TUESDAY.opens_at - n * MINUTE) for n in (3, 2, 1)]
    more = tuple(sorted([*known.bars, *early], key=lambda bar: bar.at))
    assert entry_vector(a_signal(), replace(known, bars=more)) == entry_vector(a_signal(), known)


@pytest.mark.parametrize(
    ("name", "age"),
    [("bars", 31), ("market_bars", 31), ("vix", 4 * 1_440 + 31), ("breadth", 36)],
)
def test_what_is_too_old_is_missing(name: str, age: int) -> None:
    """Half an hour of session without a bar is an outage, and no market of this minute."""
    known = a_known()
    kept = tuple(row for row in getattr(known, name) if row.at <= AT - age * MINUTE)
    found = entry_vector(a_signal(), replace(known, **{name: kept}))
    assert found == entry_vector(a_signal(), replace(known, **{name: ()}))
    less = tuple(row for row in getattr(known, name) if row.at <= AT - 20 * MINUTE)
    assert entry_vector(a_signal(), replace(known, **{name: less})) != found


def test_last_sessions_bars_are_not_old_at_the_open() -> None:
    """The night does not count."""
    found = dict(
        zip(names("entry"), entry_vector(a_signal(at=TUESDAY.opens_at), a_known()), strict=True)
    )
    assert found["rsi"] is not None
    assert found["vwap_distance"] is None, "there is no price of this session yet"


@given(order=st.permutations(range(34)))
@settings(max_examples=20, deadline=None)
def test_results_may_come_in_any_order(order: list[int]) -> None:
    known = a_known()
    assert known.account is not None
    rows = known.account.results
    mixed = replace(known.account, results=tuple(rows[place] for place in order))
    assert entry_vector(a_signal(), replace(known, account=mixed)) == entry_vector(
        a_signal(), known
    )
