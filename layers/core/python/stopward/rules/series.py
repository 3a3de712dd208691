"""Indicators over whole series: the live step in a loop, and the windows' extremes."""

from typing import NamedTuple

from stopward.rules.columns import Column, Indices, Sink
from stopward.rules.indicators import Carry, Periods, advance, highest, lowest, readings
from stopward.rules.levels import higher, lower
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
    indicate_between(series, 0, len(series.close), periods, columns)


def indicate_each(
    series: Series, edges: Indices, periods: Periods, columns: IndicatorColumns
) -> None:
    """Do as `indicate` for series that lie one after the other: n from `edges[n]` on."""
    for end in range(1, len(edges)):
        indicate_between(series, edges[end - 1], edges[end], periods, columns)


def indicate_between(
    series: Series, first: int, last: int, periods: Periods, columns: IndicatorColumns
) -> None:
    """Do as `indicate` for the bars from `first` to before `last`."""
    carry = fresh_carry()
    for at in range(first, last):
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


def rolling_each(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    high: Column, low: Column, edges: Indices, window: int, highs: Sink, lows: Sink
) -> None:
    """Do as `rolling_highest` and `rolling_lowest` for series that lie one after the other.

    highs, lows: nan to begin with; they stay so until there are as many bars as the window has.
    """
    for end in range(1, len(edges)):
        rolling_between(high, low, edges[end - 1], edges[end], window, highs, lows)


def rolling_between(  # noqa: PLR0917  the kernel has no keyword-only arguments
    high: Column, low: Column, first: int, last: int, window: int, highs: Sink, lows: Sink
) -> None:
    """Do as `rolling_highest` and `rolling_lowest` for the bars from `first` to before `last`.

    A window is looked through again only when what it held at most goes out of it, or is missing.
    """
    top = NAN
    bottom = NAN
    for at in range(first, last):
        gone = at - window
        end = at + 1
        if end - window < first:
            continue
        is_later = gone >= first
        if is_later and high[end - window] == high[end - window] and high[gone] < top:
            top = higher(top, high[at])
        else:
            top = highest(high, end, window)
        if is_later and low[end - window] == low[end - window] and low[gone] > bottom:
            bottom = lower(bottom, low[at])
        else:
            bottom = lowest(low, end, window)
        highs[at] = top
        lows[at] = bottom
