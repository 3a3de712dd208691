"""The grid of pulses: inside its minute, evenly apart, and never two guards at one instant."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.identity import AccountId
from stopward.domain.pulses import GUARDS, Pulse

MINUTE = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
PULSE_SECONDS = st.floats(min_value=5.0, max_value=60.0)


def seconds(source: str, pulse_seconds: float) -> list[float]:
    instants = GUARDS[source].pulses(MINUTE, pulse_seconds=pulse_seconds)
    return [(each - MINUTE).total_seconds() for each in instants]


@pytest.mark.parametrize(
    ("source", "pulse_seconds", "expected"),
    [
        ("monitor_positions", 20, [0, 20, 40]),
        ("check_breakeven", 20, [10, 30, 50]),
        ("monitor_positions", 60, [0]),
        ("check_breakeven", 60, [30]),
        ("monitor_positions", 45, [0, 45]),
        ("check_breakeven", 45, [22.5]),
    ],
)
def test_a_guard_looks_at_these_seconds(
    source: str, pulse_seconds: float, expected: list[float]
) -> None:
    assert seconds(source, pulse_seconds) == expected


@given(pulse_seconds=PULSE_SECONDS)
def test_no_two_guards_ever_wake_at_one_instant(pulse_seconds: float) -> None:
    found = [each for source in GUARDS for each in seconds(source, pulse_seconds)]
    assert len(set(found)) == len(found)
    assert all(0 <= each < 60 for each in found)


@given(pulse_seconds=PULSE_SECONDS)
def test_a_guard_looks_once_a_pulse_and_at_most_half_a_pulse_late_across_minutes(
    pulse_seconds: float,
) -> None:
    # The grid starts anew each minute, so only the last gap is another one than a pulse.
    for source in GUARDS:
        found = seconds(source, pulse_seconds)
        inside = [after - before for before, after in pairwise(found)]
        assert inside == pytest.approx([pulse_seconds] * len(inside), abs=1e-5)
        offset = pulse_seconds / 2 if GUARDS[source].half_a_pulse_late else 0.0
        assert found[0] + 60 - found[-1] <= pulse_seconds + offset + 1e-5


def test_an_age_counts_from_the_instant_that_the_pulse_is_for() -> None:
    pulse = Pulse(account_id=AccountId("a"), source="monitor_positions", tick_at=MINUTE)
    assert pulse.age(MINUTE + timedelta(seconds=7)) == timedelta(seconds=7)
    assert pulse.age(MINUTE - timedelta(seconds=7)) == timedelta(seconds=-7)
