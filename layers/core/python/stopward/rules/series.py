"""Indicators over a whole series: the live step in a loop, and the windows' extremes."""

from typing import NamedTuple

from stopward.rules.columns import Column, Sink
from stopward.rules.indicators import Carry, Periods, advance, highest, lowest, readings
from stopward.rules.types import NAN


class Series(NamedTuple):
    """Closed bars of one symbol, oldest first, as far as indicators need them; see `advance`."""

    high: Column
    low: Column
    close: Column
    volume: Column
    usual_volume: Column
    session: Column


class IndicatorColumns(NamedTuple):
    """Where `indicate` writes; the fields mean what they mean in `Readings`."""

    atr: Sink
    rsi: Sink
    macd: Sink
    signal: Sink
    macd_before: Sink
    signal_before: Sink
    vwap: Sink
    relative_volume: Sink
    average: Sink


def fresh_carry() -> Carry:
    """Return the carry before the first bar."""
    return Carry(
        0.0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0.0, 0.0, NAN, NAN, 0.0
    )


def indicate(series: Series, periods: Periods, columns: IndicatorColumns) -> None:
    """Write the readings after each bar of the series; row t knows bars 0 to t and no later one."""
    carry = fresh_carry()
    for at in range(len(series.close)):
        carry = advance(
            carry,
            series.high[at],
            series.low[at],
            series.close[at],
            series.volume[at],
            series.usual_volume[at],
            series.session[at],
            periods,
        )
        now = readings(carry, periods)
        columns.atr[at] = now.atr
        columns.rsi[at] = now.rsi
        columns.macd[at] = now.macd
        columns.signal[at] = now.signal
        columns.macd_before[at] = now.macd_before
        columns.signal_before[at] = now.signal_before
        columns.vwap[at] = now.vwap
        columns.relative_volume[at] = now.relative_volume
        columns.average[at] = now.average


def rolling_highest(values: Column, window: int, column: Sink) -> None:
    """Write the highest of the last `window` values, this one included; nan until so many."""
    for end in range(1, len(values) + 1):
        column[end - 1] = highest(values, end, window)


def rolling_lowest(values: Column, window: int, column: Sink) -> None:
    """Write the lowest of the last `window` values, this one included; nan until so many."""
    for end in range(1, len(values) + 1):
        column[end - 1] = lowest(values, end, window)
