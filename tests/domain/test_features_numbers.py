"""Numbers of a vector: finite, inside their range, float32, the same each time, and mirrored."""

import struct
from dataclasses import replace
from hashlib import sha256
from math import inf, isfinite, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.domain.features import (
    REGISTRY,
    Feature,
    Kind,
    Known,
    Signal,
    Vector,
    as_bytes,
    entry_vector,
    open_vector,
    schema_hash,
)
from stopward.domain.features.registry import CODE_VERSION
from stopward.domain.features.vector import as_float32
from stopward.errors import InvalidInput, InvalidState
from tests.builders.features import (
    AT,
    MINUTE,
    TUESDAY,
    a_held,
    a_known,
    a_signal,
    mirrored,
    mirrored_signal,
)

KINDS: tuple[Kind, ...] = ("entry", "open")
seeds = st.integers(0, 9)
minutes = st.integers(1, 389)
sides = st.sampled_from(("long", "short"))
prices = st.floats(60.0, 140.0)
wild = st.sampled_from((nan, inf, -inf, 0.0, -1.0, 1e-300, 1e11, 1e300))


def vector(kind: Kind, signal: Signal, known: Known, *, stop: float | None = 97.1) -> Vector:
    if kind == "entry":
        return entry_vector(signal, known)
    return open_vector(replace(signal, at=TUESDAY.opens_at), a_held(at=signal.at, stop=stop), known)


def check(feature: Feature, number: float | None) -> None:
    if number is None:
        assert feature.null == "missing", feature.name
        return
    assert isfinite(number), feature.name
    assert feature.low <= number <= feature.high, feature.name
    assert struct.unpack("<f", struct.pack("<f", number))[0] == number, feature.name
    assert str(number) != "-0.0", feature.name


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(seed=seeds, minute=minutes, side=sides, levels=st.tuples(prices, prices, prices))
def test_numbers_are_finite_inside_their_range_and_float32(
    kind: Kind, seed: int, minute: int, side: Any, levels: tuple[float, float, float]
) -> None:
    at = TUESDAY.opens_at + minute * MINUTE
    entry, stop, target = levels
    signal = a_signal(side=side, entry=entry, stop=stop, target=target, at=at)
    found = vector(kind, signal, a_known(seed), stop=stop)
    for feature, number in zip(REGISTRY[kind], found, strict=True):
        check(feature, number)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data(), side=sides)
def test_wild_bars_and_readings_never_raise_nor_leave_the_range(
    kind: Kind, data: st.DataObject, side: Any
) -> None:
    """A feed's bad print is passed over or clipped; no feature is an infinity."""
    known = a_known()
    rows: dict[str, list[Any]] = {
        name: list(getattr(known, name)) for name in ("bars", "market_bars", "daily_bars", "vix")
    }
    for name in ("bars", "market_bars", "daily_bars"):
        seen = [place for place, bar in enumerate(rows[name]) if bar.at < AT - MINUTE]
        for place in data.draw(st.sets(st.sampled_from(seen[-40:]), max_size=5)):
            part = data.draw(st.sampled_from(("open", "high", "low", "close", "volume")))
            rows[name][place] = replace(rows[name][place], **{part: data.draw(wild)})
    rows["vix"] = [replace(each, number=data.draw(wild)) for each in rows["vix"][:20]]
    odd = {name: tuple(each) for name, each in rows.items()}
    found = vector(kind, a_signal(side=side), replace(known, **odd))
    for feature, number in zip(REGISTRY[kind], found, strict=True):
        check(feature, number)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(seed=seeds, minute=minutes, side=sides)
def test_a_short_in_the_mirrored_market_has_the_numbers_of_the_long(
    kind: Kind, seed: int, minute: int, side: Any
) -> None:
    known, at = a_known(seed), TUESDAY.opens_at + minute * MINUTE
    stop, target = (96.6, 100.1) if side == "long" else (98.6, 95.1)
    signal = a_signal(side=side, stop=stop, target=target, at=at)
    held_stop = (97.6 + stop) / 2.0
    here = vector(kind, signal, known, stop=held_stop)
    there = vector(kind, mirrored_signal(signal), mirrored(known), stop=200.0 - held_stop)
    for feature, one, other in zip(REGISTRY[kind], here, there, strict=True):
        assert (one is None) == (other is None), feature.name
        if one is None or other is None or feature.mirror == "none":
            continue
        expected = -other if feature.mirror == "opposite" else other
        assert one == pytest.approx(expected, rel=1e-4, abs=1e-4), feature.name


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(seed=seeds, minute=minutes, side=sides)
def test_the_same_inputs_give_the_same_bytes(kind: Kind, seed: int, minute: int, side: Any) -> None:
    signal = a_signal(side=side, at=TUESDAY.opens_at + minute * MINUTE)
    found = as_bytes(vector(kind, signal, a_known(seed)))
    assert found == as_bytes(vector(kind, replace(signal), a_known(seed)))
    assert len(found) == 4 * len(REGISTRY[kind])


GOLDEN = {
    "entry": "d5b16d541b7c434d14abfafe6ad63d156ebd07772dfba3dd36c888766608406d",
    "open": "3dfe0509096f2a839ea2119c23019d8f9c21b9f0c5b585ad533b6ec5c3dad617",
}
"""Of 40 vectors of each kind, under CODE_VERSION 1."""


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_are_those_of_this_code_version(kind: Kind) -> None:
    """Other numbers under the same hash would be a skew that nobody sees."""
    assert CODE_VERSION == 1
    digest = sha256()
    for number in range(20):
        at = TUESDAY.opens_at + (17 * number + 3) * MINUTE
        for side in ("long", "short"):
            digest.update(as_bytes(vector(kind, a_signal(side=side, at=at), a_known(number % 10))))
    assert digest.hexdigest() == GOLDEN[kind], "raise CODE_VERSION, then put the new digest here"


def test_bytes_are_little_endian_and_a_missing_number_is_one_nan() -> None:
    assert as_bytes((1.0, None, -2.5)) == struct.pack("<f", 1.0) + b"\x00\x00\xc0\x7f" + (
        struct.pack("<f", -2.5)
    )
    assert as_float32(0.1) == 0.10000000149011612


@pytest.mark.parametrize("kind", KINDS)
def test_the_bounds_are_float32_so_that_clipping_stays_inside(kind: Kind) -> None:
    for feature in REGISTRY[kind]:
        assert feature.low < feature.high
        assert (as_float32(feature.low), as_float32(feature.high)) == (feature.low, feature.high)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"entry": 0.0}, "ACME: entry was 0.0"),
        ({"entry": nan}, "ACME: entry was nan"),
        ({"stop": -1.0}, "ACME: stop was -1.0"),
        ({"target": inf}, "ACME: target was inf"),
        ({"side": "buy"}, "ACME: side was 'buy'; allowed are long and short"),
        ({"at": AT.replace(tzinfo=None)}, "ACME: at was .*; allowed is a time with its zone"),
    ],
)
def test_a_signal_that_is_none_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        a_signal(**changes)


def test_a_held_position_and_rows_out_of_order_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"the resting stop was 0\.0"):
        a_held(stop=0.0)
    with pytest.raises(InvalidInput, match="held at was"):
        a_held(at=AT.replace(tzinfo=None))
    known = a_known()
    for name in ("bars", "daily_bars", "market_bars", "vix", "breadth"):
        rows = getattr(known, name)
        for odd in ((rows[1], rows[0]), (rows[0], rows[0])):
            with pytest.raises(InvalidInput, match=f"^{name}: .* oldest first"):
                a_known(**{name: odd})
    with pytest.raises(InvalidState, match="opens before"):
        a_known(sessions=known.sessions[::-1])


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_schema_of_its_own(kind: Kind) -> None:
    assert len(schema_hash(kind)) == 64
    assert schema_hash("entry") != schema_hash("open")
