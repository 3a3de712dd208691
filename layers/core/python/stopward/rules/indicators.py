"""Incremental indicators over closed bars: one step function, used live and in replay."""

from typing import NamedTuple

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
    """What an indicator needs to remember between bars, for one symbol. `count` is bars seen."""

    count: float = 0.0
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
