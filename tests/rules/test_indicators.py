"""Indicators against plain textbook formulas, their warm-up, and the step against the series."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.rules.indicators import (
    Carry,
    Periods,
    Readings,
    advance,
    highest,
    lowest,
    readings,
)
from stopward.rules.series import (
    IndicatorColumns,
    Series,
    fresh_carry,
    indicate,
    rolling_highest,
    rolling_lowest,
)
from stopward.rules.types import NAN

SHORT_PERIODS = Periods(
    macd_fast=3.0, macd_slow=6.0, macd_signal=4.0, rsi=5.0, atr=5.0, average=4.0, volume=4.0
)


def a_series(length: int, seed: int = 0) -> Series:
    """Return bars of a random walk, in cents, over two sessions."""
    rng = random.Random(seed)  # noqa: S311  prices, not secrets
    high, low, close, volume, session = [], [], [], [], []
    price = 100.0
    for at in range(length):
        price = round(price + rng.uniform(-0.5, 0.5), 2)
        close.append(price)
        high.append(round(price + rng.uniform(0.0, 0.3), 2))
        low.append(round(price - rng.uniform(0.0, 0.3), 2))
        volume.append(float(rng.randrange(100, 10000)))
        session.append(1.0 if at < length // 2 else 2.0)
    return Series(high, low, close, volume, [NAN] * length, session)


def indicated(series: Series, periods: Periods = SHORT_PERIODS) -> list[Readings]:
    """Return the readings after each bar, from the function over the whole series."""
    columns = IndicatorColumns(*([0.0] * len(series.close) for _ in IndicatorColumns._fields))
    indicate(series, periods, columns)
    return [Readings(*row) for row in zip(*columns, strict=True)]


def stepped(series: Series, periods: Periods = SHORT_PERIODS) -> list[Readings]:
    """Return the readings after each bar, stepping as live does: a carry stored between bars."""
    carry = Carry()
    rows = []
    for bar in zip(*series, strict=True):
        carry = Carry(*tuple(advance(carry, *bar, periods)))  # through storage
        rows.append(readings(carry, periods))
    return rows


def seeded(values: list[float], period: int, weight: float) -> float:
    """Return an average seeded by the mean of the first `period` values, by its definition."""
    average = math.fsum(values[:period]) / period
    for value in values[period:]:
        average = weight * value + (1.0 - weight) * average
    return average


def ema(values: list[float], period: int) -> float:
    return seeded(values, period, 2.0 / (period + 1))


SERIES = a_series(60)
HIGHS, LOWS, CLOSES, VOLUMES = (list(column) for column in SERIES[:4])


def test_the_average_is_an_exponential_one() -> None:
    assert indicated(SERIES)[-1].average == pytest.approx(ema(CLOSES, 4), rel=1e-12)


def test_macd_is_fast_less_slow_and_its_signal_averages_it() -> None:
    macds = [ema(CLOSES[:end], 3) - ema(CLOSES[:end], 6) for end in range(6, 61)]
    last = indicated(SERIES)[-1]
    assert last.macd == pytest.approx(macds[-1], rel=1e-9)
    assert last.signal == pytest.approx(ema(macds, 4), rel=1e-9)
    assert last.macd_before == pytest.approx(macds[-2], rel=1e-9)
    assert last.signal_before == pytest.approx(ema(macds[:-1], 4), rel=1e-9)


def test_rsi_is_wilders() -> None:
    changes = [after - before for before, after in pairwise(CLOSES)]
    gain = seeded([max(change, 0.0) for change in changes], 5, 0.2)
    loss = seeded([max(-change, 0.0) for change in changes], 5, 0.2)
    assert indicated(SERIES)[-1].rsi == pytest.approx(
        100.0 - 100.0 / (1.0 + gain / loss), rel=1e-12
    )


def test_rsi_of_wilders_own_kind_of_example() -> None:
    """Fourteen changes, gains of 1 and losses of 0.5 in turn: RSI is 100 * 7 / (7 + 3.5)."""
    closes = [100.0]
    for step in range(14):
        closes.append(closes[-1] + (1.0 if step % 2 == 0 else -0.5))
    length = len(closes)
    series = Series(closes, closes, closes, [1.0] * length, [NAN] * length, [1.0] * length)
    assert indicated(series, Periods())[-1].rsi == pytest.approx(100.0 * 2.0 / 3.0)


@pytest.mark.parametrize(("step", "rsi"), [(1.0, 100.0), (-1.0, 0.0), (0.0, 50.0)])
def test_rsi_of_a_price_that_goes_one_way_or_nowhere(step: float, rsi: float) -> None:
    closes = [100.0 + step * at for at in range(10)]
    series = Series(closes, closes, closes, [1.0] * 10, [NAN] * 10, [1.0] * 10)
    assert indicated(series)[-1].rsi == rsi


def test_atr_is_wilders_over_true_ranges() -> None:
    ranges = [HIGHS[0] - LOWS[0]]
    for at in range(1, 60):
        before = CLOSES[at - 1]
        ranges.append(max(HIGHS[at] - LOWS[at], abs(HIGHS[at] - before), abs(LOWS[at] - before)))
    assert indicated(SERIES)[-1].atr == pytest.approx(seeded(ranges, 5, 0.2), rel=1e-12)


def test_vwap_starts_anew_with_each_session() -> None:
    rows = indicated(SERIES)
    for first, last in ((0, 29), (30, 30), (30, 59)):
        span = range(first, last + 1)
        typical = [(HIGHS[at] + LOWS[at] + CLOSES[at]) / 3.0 for at in span]
        volumes = [VOLUMES[at] for at in span]
        paid = math.fsum(price * volume for price, volume in zip(typical, volumes, strict=True))
        assert rows[last].vwap == pytest.approx(paid / math.fsum(volumes), rel=1e-12)


def test_relative_volume_is_against_the_usual_volume_of_the_minute() -> None:
    series = SERIES._replace(usual_volume=[500.0] * 60)
    assert indicated(series)[0].relative_volume == VOLUMES[0] / 500.0
    assert indicated(series)[-1].relative_volume == VOLUMES[-1] / 500.0


def test_relative_volume_without_a_usual_one_is_against_the_bars_before() -> None:
    rows = indicated(SERIES)
    assert all(math.isnan(row.relative_volume) for row in rows[:4])
    assert rows[4].relative_volume == pytest.approx(VOLUMES[4] / (math.fsum(VOLUMES[:4]) / 4.0))
    expected = VOLUMES[-1] / seeded(VOLUMES[:-1], 4, 0.25)
    assert rows[-1].relative_volume == pytest.approx(expected, rel=1e-12)


def test_each_indicator_is_missing_until_it_is_warm() -> None:
    rows = indicated(SERIES)
    bars_needed = {
        "atr": 5, "rsi": 6, "macd": 6, "signal": 9, "macd_before": 10, "signal_before": 10,
        "vwap": 1, "relative_volume": 5, "average": 4,
    }  # fmt: skip
    for name, needed in bars_needed.items():
        seen = [not math.isnan(getattr(row, name)) for row in rows]
        assert seen.index(True) + 1 == needed, name
        assert all(seen[needed - 1 :]), name


def test_a_bar_without_prices_is_passed_over_and_one_without_volume_adds_none() -> None:
    carry = advance(fresh_carry(), 101.0, 99.0, 100.0, 500.0, NAN, 1.0, SHORT_PERIODS)
    unread = advance(carry, NAN, 99.0, 100.0, 500.0, NAN, 1.0, SHORT_PERIODS)
    assert repr(unread) == repr(carry)
    silent = advance(carry, 101.0, 99.0, 100.0, NAN, NAN, 1.0, SHORT_PERIODS)
    assert (silent.count, silent.volumes, silent.session_volume) == (2.0, 1.0, 500.0)


def test_a_session_without_volume_has_no_vwap() -> None:
    carry = advance(fresh_carry(), 101.0, 99.0, 100.0, 0.0, NAN, 1.0, SHORT_PERIODS)
    assert math.isnan(readings(carry, SHORT_PERIODS).vwap)


def test_the_carry_before_the_first_bar_is_the_contracts_default() -> None:
    assert repr(fresh_carry()) == repr(Carry())


@given(seed=st.integers(0, 10**6), length=st.integers(1, 80))
def test_stepping_live_equals_the_whole_series_to_the_bit(seed: int, length: int) -> None:
    series = a_series(length, seed)
    assert repr(stepped(series)) == repr(indicated(series))


@given(seed=st.integers(0, 10**6), cut=st.integers(1, 59))
def test_what_comes_later_changes_no_indicator(seed: int, cut: int) -> None:
    known, other = a_series(60, seed), a_series(60, seed + 1)
    changed = Series(
        *([*mine[:cut], *theirs[cut:]] for mine, theirs in zip(known, other, strict=True))
    )
    assert repr(indicated(known)[:cut]) == repr(indicated(changed)[:cut])


@given(values=st.lists(st.integers(0, 50).map(float), max_size=30), window=st.integers(1, 8))
def test_extremes_of_the_last_bars(values: list[float], window: int) -> None:
    tops, bottoms = [0.0] * len(values), [0.0] * len(values)
    rolling_highest(values, window, tops)
    rolling_lowest(values, window, bottoms)
    for end in range(1, len(values) + 1):
        last = values[max(0, end - window) : end]
        if end < window:
            assert math.isnan(tops[end - 1])
            assert math.isnan(bottoms[end - 1])
        else:
            assert (tops[end - 1], bottoms[end - 1]) == (max(last), min(last))


@pytest.mark.parametrize(("end", "window"), [(2, 3), (0, 1), (3, 0), (3, -1)])
def test_too_few_bars_have_no_extreme(end: int, window: int) -> None:
    assert math.isnan(highest((1.0, 2.0, 3.0), end, window))
    assert math.isnan(lowest((1.0, 2.0, 3.0), end, window))
