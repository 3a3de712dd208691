"""Signals as they are sent: all can be used, or each fault is told with its path."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.adapters.signals import (
    MOST_FAULTS,
    MOST_SIGNALS,
    Request,
    UnusableRequest,
    read_request,
    refusal,
)
from stopward.domain.features import ENTRY
from stopward.domain.features.vector import as_float32
from stopward.domain.identity import AccountId
from stopward.errors import InvalidInput
from tests.builders.opened_models import ENTRY as SCHEMA
from tests.builders.opened_models import NAMES, NOW
from tests.builders.scoring import sent

MAIN = AccountId("main")
MISSABLE = next(feature for feature in ENTRY if feature.null == "missing")


def read(told: object, *, any_account: bool = False) -> Request:
    return read_request(told, account_id=MAIN, any_account=any_account, now=NOW)


def faults(told: object) -> dict[str, tuple[str, str]]:
    with pytest.raises(UnusableRequest) as caught:
        read(told)
    return {each.path: (each.was, each.allowed) for each in caught.value.faults}


def test_one_signal_is_read_in_the_order_of_the_registry() -> None:
    told = sent(features={NAMES[1]: None, NAMES[0]: 0.1})
    told["features"] = dict(reversed(told["features"].items()))
    (signal,) = read(told).signals
    assert (signal.signal_id, signal.symbol, signal.schema_hash) == ("s1", "AAPL", SCHEMA)
    assert signal.at == datetime(2026, 11, 23, 16, 59, 59, tzinfo=UTC)
    assert signal.vector[:2] == (as_float32(0.1), None)
    assert len(signal.vector) == len(NAMES)
    assert signal.position_id is None


def test_a_batch_is_read_in_its_order_with_its_account() -> None:
    many = [sent(f"s{each}", position_id=f"p{each}") for each in range(MOST_SIGNALS)]
    found = read({"account_id": "other", "signals": many}, any_account=True)
    assert found.account_id == "other"
    assert [each.signal_id for each in found.signals] == [f"s{n}" for n in range(MOST_SIGNALS)]
    assert found.signals[7].position_id == "p7"
    assert read({"signals": many[:1]}).account_id == MAIN
    assert read({"account_id": "main", "signals": many[:1]}).account_id == MAIN


@pytest.mark.parametrize(
    ("change", "path", "was", "allowed"),
    [
        ({"signal_id": ...}, "signal_id", "nothing", "a value"),
        ({"signal_id": ""}, "signal_id", "", "at least 1 character"),
        ({"signal_id": "x" * 201}, "signal_id", "xxx...", "at most 200 characters"),
        ({"signal_id": 7}, "signal_id", "7", "a valid string"),
        ({"symbol": None}, "symbol", "None", "a valid string"),
        ({"at": "yesterday"}, "at", "yesterday", "a valid datetime"),
        ({"at": "2026-11-23T12:00:00"}, "at", "2026-11-23T12:00:00", "with its offset"),
        ({"at": "2026-11-23T17:01:01Z"}, "at", "2026-11-23T17:01:01", "no time of the future"),
        ({"side": "long"}, "side", "long", "no field of this name"),
        ({"account_id": "other"}, "account_id", "other", "main, or nothing"),
        ({"features": []}, "features", "[]", "a valid dictionary"),
        ({"features": ...}, "features", "nothing", "a value"),
        ({"features": {NAMES[2]: "0.5"}}, f"features.{NAMES[2]}", "0.5", "a number, or null"),
        ({"features": {NAMES[2]: True}}, f"features.{NAMES[2]}", "True", "a number, or null"),
        ({"features": {NAMES[2]: float("nan")}}, f"features.{NAMES[2]}", "nan", "a finite number"),
        ({"features": {NAMES[2]: float("inf")}}, f"features.{NAMES[2]}", "inf", "a finite number"),
        ({"features": {NAMES[2]: 1e300}}, f"features.{NAMES[2]}", "1e+300", " to "),
        ({"features": {NAMES[2]: ...}}, f"features.{NAMES[2]}", "nothing", " to "),
        ({"features": {"mood": 1.0}}, "features.mood", "1.0", "no feature of this name"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_with_its_path(
    change: dict[str, Any], path: str, was: str, allowed: str
) -> None:
    found = faults(sent(**change))
    assert list(found) == [path]
    assert found[path][0].startswith(was.removesuffix("..."))
    assert allowed in found[path][1]
    place = faults({"signals": [sent("first"), sent(**{"signal_id": "second", **change})]})
    wanted = f"signals.1.{path}"
    assert list(place) == (["signals.1.account_id"] if path == "account_id" else [wanted])


@pytest.mark.parametrize("feature", ENTRY, ids=lambda feature: feature.name)
def test_a_feature_outside_its_range_is_of_another_unit(feature: Any) -> None:
    for value in (feature.low, feature.high):
        assert read(sent(features={feature.name: value})).signals
    for value in (feature.low - 1.0, feature.high + 1.0):
        ((path, (was, allowed)),) = faults(sent(features={feature.name: value})).items()
        assert path == f"features.{feature.name}"
        assert was == repr(value)
        assert allowed.startswith(f"{feature.low:g} to {feature.high:g}")
    if feature.null == "never":
        assert f"features.{feature.name}" in faults(sent(features={feature.name: None}))
    else:
        assert read(sent(features={feature.name: None})).signals


@pytest.mark.parametrize(
    ("told", "path", "allowed"),
    [
        (7, "", "one signal, or {signals: [...]}"),
        (None, "", "one signal, or {signals: [...]}"),
        ({"signals": []}, "signals", "one signal and more"),
        ({"signals": {}}, "signals", "a valid list"),
        ({"signals": [7]}, "signals.0", "a valid dictionary"),
        ({"signals": [sent("a"), sent("b"), sent("a")]}, "signals.2.signal_id", "each id once"),
        ({"signals": [sent()], "more": 1}, "more", "no field of this name"),
    ],
)
def test_a_request_of_another_shape_is_told(told: object, path: str, allowed: str) -> None:
    found = faults(told)
    assert list(found) == [path]
    assert allowed in found[path][1]


def test_more_than_a_thousand_signals_are_refused_whole() -> None:
    found = faults({"signals": [sent(f"s{each}") for each in range(MOST_SIGNALS + 1)]})
    assert found["signals"][1] == "at most 1,000 signals"


def test_another_schema_is_no_fault_for_nobody_here_can_judge_its_features() -> None:
    told = {**sent(), "schema_hash": "older", "features": {"of another program": 1.0}}
    (signal,) = read(told).signals
    assert (signal.schema_hash, signal.vector) == ("older", ())


def test_all_faults_are_told_up_to_a_hundred_and_the_rest_counted() -> None:
    many = [sent(f"s{each}", features={NAMES[0]: 1e9}) for each in range(MOST_FAULTS + 20)]
    with pytest.raises(UnusableRequest) as caught:
        read({"signals": many})
    told = refusal(caught.value)
    assert len(told["errors"]) == MOST_FAULTS
    assert told["more_errors"] == 20
    assert told["errors"][0]["path"] == f"signals.0.features.{NAMES[0]}"


def test_what_is_no_request_at_all_is_told_as_such() -> None:
    assert refusal(InvalidInput("the body is no JSON"))["errors"][0]["allowed"] == (
        "the body is no JSON"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(["signal_id", "symbol", "at", "schema_hash", "features", "signals"])


@given(told=JSON | st.dictionaries(FIELDS, JSON, max_size=6))
def test_whatever_is_sent_is_read_or_refused_with_paths(told: Any) -> None:
    try:
        found: Any = read(told).signals
    except UnusableRequest as error:
        found = error.faults
    assert found
    assert all(len(getattr(each, "was", "")) <= 60 for each in found)


@given(value=st.floats(MISSABLE.low, MISSABLE.high))
def test_a_value_is_served_as_the_float32_nearest_to_it(value: float) -> None:
    (signal,) = read(sent(features={MISSABLE.name: value})).signals
    assert signal.vector[NAMES.index(MISSABLE.name)] == as_float32(value)
    assert str(signal.vector[NAMES.index(MISSABLE.name)]) != "-0.0"


def test_a_clock_a_little_ahead_is_no_fault() -> None:
    assert read(sent(at=(NOW + timedelta(seconds=60)).isoformat())).signals
