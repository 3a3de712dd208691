"""Columns that `walk` reads and writes: lists of floats when interpreted, arrays when compiled."""

from typing import NamedTuple, Protocol


class Column(Protocol):
    """A sequence of floats, read by index."""

    def __getitem__(self, index: int, /) -> float:
        """Return one number."""

    def __len__(self) -> int:
        """Return how many there are."""


class Indices(Protocol):
    """A sequence of whole numbers, read by index."""

    def __getitem__(self, index: int, /) -> int:
        """Return one index."""

    def __len__(self) -> int:
        """Return how many there are."""


class Sink(Column, Protocol):
    """A sequence of floats, written by index too."""

    def __setitem__(self, index: int, number: float, /) -> None:
        """Write one number."""


class Bars(NamedTuple):
    """Closed bars of all symbols, one series after the other; the fields are those of `Bar`."""

    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column
    minutes: Column
    to_close: Column
    spread: Column
    atr: Column
    rsi: Column
    macd: Column
    signal: Column
    macd_before: Column
    signal_before: Column
    vwap: Column
    relative_volume: Column
    average: Column
    highest: Column
    lowest: Column
    trail_high: Column
    trail_low: Column


class Entries(NamedTuple):
    """Positions to replay, a row each; they index into shared bars.

    start: the entry bar. end: one past the last bar. at_open: 1 when the entry was at the open of
    `start`, so that its stop, target and trails live in that bar; 0 when it was inside the bar,
    which is then passed over, for nobody knows what came before the entry.
    target: the resting target, nan when none rests (`profit.target_price`).
    The other fields mean what they mean in `State`; quantity is the initial one.
    """

    side: Column
    entry: Column
    risk: Column
    quantity: Column
    lot: Column
    per_unit: Column
    stop: Column
    target: Column
    fees: Column
    start: Indices
    end: Indices
    at_open: Column


class Outcomes(NamedTuple):
    """What became of each position, a row each.

    price: of the last fill; the last close when the position was still open at its end.
    rule: code of the last exit's rule; 0 when still open. bar: index of the bar of the last fill.
    result_r: result of all fills in R of the initial quantity, before fees and slippage.
    slipped_r: the same after slippage on stop fills.
    best_r, worst_r: excursions in R, over the bars seen and the last fill.
    partials: partial exits filled.
    ambiguous, other_price: of the last fill, as in `Fill`.
    """

    price: Sink
    rule: Sink
    bar: Sink
    result_r: Sink
    slipped_r: Sink
    best_r: Sink
    worst_r: Sink
    partials: Sink
    ambiguous: Sink
    other_price: Sink
