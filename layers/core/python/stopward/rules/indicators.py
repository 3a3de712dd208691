"""Incremental indicators over closed bars: one step, live between ticks, in replay in a loop."""

from typing import NamedTuple

from stopward.rules.columns import Column
from stopward.rules.geometry import ratio
from stopward.rules.types import NAN


class Periods(NamedTuple):
    """Look-back lengths in bars, as floats; defaults are the textbook ones."""

    macd_fast: float = 12.0
    macd_slow: float = 26.0
    macd_signal: float = 9.0
    rsi: float = 14.0
    atr: float = 14.0
    average: float = 20.0
    volume: float = 20.0


class Carry(NamedTuple):
    """What an indicator needs to remember between bars, for one symbol.

    count: bars seen. volumes: bars seen whose volume was known.
    macd_before, signal_before: one bar earlier, nan until both were warm. session: its number.
    """

    count: float = 0.0  # type: ignore[assignment]  # hides tuple.count, which nobody calls
    close: float = NAN
    ema_fast: float = NAN
    ema_slow: float = NAN
    signal: float = NAN
    macd_before: float = NAN
    signal_before: float = NAN
    gain: float = NAN
    loss: float = NAN
    atr: float = NAN
    average: float = NAN
    session: float = NAN
    price_volume: float = 0.0
    session_volume: float = 0.0
    mean_volume: float = NAN
    relative_volume: float = NAN
    volumes: float = 0.0


class Readings(NamedTuple):
    """What the indicators say after a closed bar, named as in `Bar`; nan until each is warm."""

    atr: float
    rsi: float
    macd: float
    signal: float
    macd_before: float
    signal_before: float
    vwap: float
    relative_volume: float
    average: float


def smooth(before: float, number: float, seen: float, period: float, weight: float) -> float:
    """Return a smoothed number: the mean of the first `period` numbers, then weighted from there.

    seen: numbers up to now, this one included. weight: of the newest number, after the seed.
    """
    if seen <= 1.0:
        return number
    if seen <= period:
        return before + ratio(number - before, seen)
    return before + weight * (number - before)


def exponential(before: float, number: float, seen: float, period: float) -> float:
    """Return an exponential average, seeded with the simple mean; weight 2 / (period + 1)."""
    return smooth(before, number, seen, period, ratio(2.0, period + 1.0))


def wilder(before: float, number: float, seen: float, period: float) -> float:
    """Return Wilder's average, seeded with the simple mean; weight 1 / period.

    Source: J. Welles Wilder, "New Concepts in Technical Trading Systems", 1978.
    """
    return smooth(before, number, seen, period, ratio(1.0, period))


def true_range(high: float, low: float, close_before: float) -> float:
    """Return the range of a bar with the gap from the close before (nan: high less low)."""
    top = high
    bottom = low
    if close_before > top:
        top = close_before
    if close_before < bottom:
        bottom = close_before
    return top - bottom


def advance(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    carry: Carry,
    high: float,
    low: float,
    close: float,
    volume: float,
    usual_volume: float,
    session: float,
    periods: Periods,
) -> Carry:
    """Return the carry after one more closed bar; one without high, low or close is passed over.

    usual_volume: of this minute of the session; nan when unknown, and then the trailing mean of
    the bars before this one stands in. session: a number that changes with the session; VWAP
    starts anew then.
    """
    if high != high or low != low or close != close:
        return carry
    count = carry.count + 1.0
    fast = exponential(carry.ema_fast, close, count, periods.macd_fast)
    slow = exponential(carry.ema_slow, close, count, periods.macd_slow)
    macds = count - periods.macd_slow + 1.0
    signal = carry.signal
    if macds >= 1.0:
        signal = exponential(carry.signal, fast - slow, macds, periods.macd_signal)
    macd_before = NAN
    signal_before = NAN
    if macds > periods.macd_signal:
        macd_before = carry.ema_fast - carry.ema_slow
        signal_before = carry.signal
    gain = carry.gain
    loss = carry.loss
    changes = carry.count
    if changes >= 1.0:
        change = close - carry.close
        gain = wilder(carry.gain, change if change > 0.0 else 0.0, changes, periods.rsi)
        loss = wilder(carry.loss, -change if change < 0.0 else 0.0, changes, periods.rsi)
    spanned = true_range(high, low, carry.close)
    price_volume = carry.price_volume
    session_volume = carry.session_volume
    if session != carry.session:
        price_volume = 0.0
        session_volume = 0.0
    mean_volume = carry.mean_volume
    relative_volume = NAN
    volumes = carry.volumes
    if volume >= 0.0:
        if usual_volume > 0.0:
            relative_volume = ratio(volume, usual_volume)
        elif volumes >= periods.volume:
            relative_volume = ratio(volume, mean_volume)
        volumes = volumes + 1.0
        mean_volume = wilder(mean_volume, volume, volumes, periods.volume)
        price_volume = price_volume + (high + low + close) / 3.0 * volume
        session_volume = session_volume + volume
    return Carry(
        count,
        close,
        fast,
        slow,
        signal,
        macd_before,
        signal_before,
        gain,
        loss,
        wilder(carry.atr, spanned, count, periods.atr),
        exponential(carry.average, close, count, periods.average),
        session,
        price_volume,
        session_volume,
        mean_volume,
        relative_volume,
        volumes,
    )


def readings(carry: Carry, periods: Periods) -> Readings:
    """Return what the indicators say after the last bar of `carry`; nan until warm.

    ATR and the average need `period` bars, RSI one more, MACD slow bars, its signal slow + signal
    - 1, and the pair before one more. RSI without any change is 50. VWAP needs volume in the
    session.
    """
    count = carry.count
    signals = count - periods.macd_slow + 1.0
    macd = carry.ema_fast - carry.ema_slow if signals >= 1.0 else NAN
    signal = carry.signal if signals >= periods.macd_signal else NAN
    rsi = NAN
    if count > periods.rsi:
        moved = carry.gain + carry.loss
        rsi = 100.0 * ratio(carry.gain, moved) if moved > 0.0 else 50.0
    return Readings(
        carry.atr if count >= periods.atr else NAN,
        rsi,
        macd,
        signal,
        carry.macd_before,
        carry.signal_before,
        ratio(carry.price_volume, carry.session_volume),
        carry.relative_volume,
        carry.average if count >= periods.average else NAN,
    )


def highest(values: Column, end: int, window: int) -> float:
    """Return the highest of the `window` values before index `end`; nan when there are fewer."""
    first = end - window
    if first < 0 or window <= 0:
        return NAN
    top = values[first]
    for index in range(first, end):
        if values[index] > top:
            top = values[index]
    return top


def lowest(values: Column, end: int, window: int) -> float:
    """Return the lowest of the `window` values before index `end`; nan when there are fewer."""
    first = end - window
    if first < 0 or window <= 0:
        return NAN
    bottom = values[first]
    for index in range(first, end):
        if values[index] < bottom:
            bottom = values[index]
    return bottom
