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


class IndexSink(Indices, Protocol):
    """A sequence of whole numbers, written by index too."""

    def __setitem__(self, index: int, number: int, /) -> None:
        """Write one index."""


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


class Finer(NamedTuple):
    """Bars inside the bars that are walked: those of bar `at` are `first[at]` to `last[at]` - 1.

    They only settle which of stop and target came first where one bar holds both.
    """

    open: Column
    high: Column
    low: Column
    close: Column
    first: Indices
    last: Indices


class Blocks(NamedTuple):
    """Extremes of some bars at a time (`stopward.rules.blocks`), an element each.

    minutes: their sum. long_turned, short_turned: what the block leaves in `State.reversed`.
    """

    low: Sink
    high: Sink
    to_close: Sink
    atr_low: Sink
    atr_high: Sink
    minutes: Sink
    long_turned: Sink
    short_turned: Sink


class Layers(NamedTuple):
    """Blocks of `BLOCK` bars, and of `LARGE` of these blocks."""

    blocks: Blocks
    large: Blocks


class Market(NamedTuple):
    """The bars that are walked, what is known inside them and of many at a time, or None."""

    bars: Bars
    finer: Finer | None
    layers: Layers | None = None


class Courses(NamedTuple):
    """How far each position has come, a row each, so that a walk goes on where another ended.

    at: the next bar. sold: fills so far. The others are the moving fields of `State` and `Tally`.
    """

    at: IndexSink
    quantity: Sink
    stop: Sink
    best: Sink
    worst: Sink
    age: Sink
    quiet: Sink
    reversed: Sink
    partials: Sink
    hits: Sink
    entry_volume: Sink
    pending: Sink
    pending_rule: Sink
    price: Sink
    rule: Sink
    bar: Sink
    result_r: Sink
    slipped_r: Sink
    best_fill: Sink
    worst_fill: Sink
    sold: Sink
    parts: Sink
    ambiguous: Sink
    other_price: Sink


class Exits(NamedTuple):
    """Every fill, in `MOST_EXITS` slots a position: slot n of row r is at `r * MOST_EXITS + n`.

    quantity: shares; 0 in a slot not used. price: before slippage; slipped: after it.
    rule: code of the rule. bar: index of the bar.
    """

    quantity: Sink
    price: Sink
    slipped: Sink
    rule: Sink
    bar: Sink


class StopPath(NamedTuple):
    """Where the stop of each position rests after each bar: that of its n-th at `first[row] + n`.

    nan once the position is closed.
    """

    first: Indices
    stop: Sink


class Log(NamedTuple):
    """What a walk writes besides; None for what nobody asked for."""

    exits: Exits | None
    path: StopPath | None


class DayPath(NamedTuple):
    """The account by minute of a session; the fields are those of `Account`."""

    day_r: Sink
    day_fraction: Sink
    peak_r: Sink
    locked: Sink


class Day(NamedTuple):
    """One session as the limits see it, by minute; a walk reads what it assumes, and adds to it.

    minute: by bar, its minute of the session, from 0. carried: by position, 1 when it was held
    overnight, so that only what is sold today counts. before_r, before_sold: by position, result
    and shares sold before the session.
    assumed: what the rules are told. gained_r, gained: by minute, what all positions have gained,
    in R and in dollars. lost, gave_back: by minute, 1 where a limit was true for a position.
    """

    minute: Indices
    carried: Column
    before_r: Column
    before_sold: Column
    assumed: DayPath
    gained_r: Sink
    gained: Sink
    lost: Sink
    gave_back: Sink


class Outcomes(NamedTuple):
    """What became of each position, a row each.

    price: of the last fill; the last close when the position was still open at its end.
    rule: code of the last exit's rule; 0 when still open. bar: index of the bar of the last fill.
    result_r: result of all fills in R of the initial quantity, before fees and slippage.
    slipped_r: the same after slippage.
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
