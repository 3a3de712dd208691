"""What is missing is missing in the features that need it, and in no other; it is never a zero."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.domain.features import (
    REGISTRY,
    AccountState,
    Held,
    Kind,
    Known,
    Signal,
    entry_vector,
    open_vector,
)
from stopward.domain.features.inputs import INPUTS
from tests.builders.features import MINUTE, TUESDAY, a_held, a_known, a_signal

KNOWN = a_known()
KINDS: tuple[Kind, ...] = ("entry", "open")
OPTIONAL = [name for name in INPUTS if name != "signal"]
NOTHING: Mapping[str, Any] = {"account": None}
"""What stands for a missing input; an empty series for the others."""


def vector(kind: Kind, signal: Signal, held: Held, known: Known) -> dict[str, float | None]:
    found = entry_vector(signal, known) if kind == "entry" else open_vector(signal, held, known)
    return dict(zip((each.name for each in REGISTRY[kind]), found, strict=True))


def without(*missing: str) -> tuple[Signal, Held, Known]:
    signal, held, known = a_signal(), a_held(), KNOWN
    for name in missing:
        if name in ("stop", "target"):
            signal = replace(signal, **{name: None})
        elif name == "held_stop":
            held = replace(held, stop=None)
        else:
            known = replace(known, **{name: NOTHING.get(name, ())})
    return signal, held, known


@pytest.mark.parametrize("kind", KINDS)
def test_with_every_input_no_feature_is_missing(kind: Kind) -> None:
    assert [name for name, each in vector(kind, *without()).items() if each is None] == []


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(missing=st.sets(st.sampled_from(OPTIONAL)))
def test_missing_inputs_touch_only_the_features_that_need_them(
    kind: Kind, missing: set[str]
) -> None:
    whole, found = vector(kind, *without()), vector(kind, *without(*missing))
    for feature in REGISTRY[kind]:
        expected = None if missing.intersection(feature.needs) else whole[feature.name]
        assert found[feature.name] == expected, feature.name
        assert feature.null == "missing" or expected is not None, feature.name


def test_every_input_is_needed_by_some_feature_and_every_need_is_an_input() -> None:
    needed = {name for features in REGISTRY.values() for each in features for name in each.needs}
    assert needed == set(INPUTS)


def test_an_account_without_a_result_has_no_means_and_true_zeros() -> None:
    found = vector("entry", a_signal(), a_held(), replace(KNOWN, account=AccountState()))
    assert {name: found[name] for name in ("recent_win_rate", "recent_mean_r", "streak")} == (
        dict.fromkeys(("recent_win_rate", "recent_mean_r", "streak"))
    )
    assert found["symbol_mean_r"] is None
    assert [found[name] for name in ("day_r", "day_trades", "open_positions", "symbol_trades")] == (
        [0.0, 0.0, 0.0, 0.0]
    )


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"stop": 97.6}, {"risk_atr", "risk_daily_atr", "reward_to_risk"}),
        ({"stop": 98.0}, {"risk_atr", "risk_daily_atr", "reward_to_risk"}),
        ({"target": 97.6}, {"reward_to_risk"}),
        ({"target": 97.0}, {"reward_to_risk"}),
    ],
)
def test_a_stop_or_target_on_the_wrong_side_is_none(
    changes: dict[str, Any], missing: set[str]
) -> None:
    """A ratio of a risk that is none would be a number without a meaning."""
    found = vector("entry", a_signal(**changes), a_held(), KNOWN)
    assert {name for name, each in found.items() if each is None} == missing


@pytest.mark.parametrize("bars", [1, 2, 13, 14, 15, 20, 21, 25, 26, 27, 28, 29, 30, 31, 33, 34])
def test_an_indicator_is_missing_until_it_is_warm(bars: int) -> None:
    first = tuple(bar for bar in KNOWN.bars if bar.at >= TUESDAY.opens_at)[:bars]
    at = first[-1].at + MINUTE + timedelta(seconds=INPUTS["bars"].lag_seconds)
    found = vector("entry", a_signal(at=at), a_held(), replace(KNOWN, bars=first))
    warm = {
        "vwap_distance": 14, "momentum_5": 14, "momentum_30": 31, "rsi": 15, "direction": 15,
        "adx": 28, "ema_fast_distance": 14, "ema_slow_distance": 26, "macd": 26, "ema_slope": 30,
        "macd_histogram": 34, "atr_percent": 14, "relative_volume": 21, "range_position": 1,
    }  # fmt: skip
    assert {name: found[name] is not None for name in warm} == {
        name: bars >= needed for name, needed in warm.items()
    }
