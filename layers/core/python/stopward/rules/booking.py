"""How a fill is booked: on which terms, and which of two fills inside one bar came first."""

from typing import Final, NamedTuple

from stopward.rules.columns import Bars, Finer
from stopward.rules.kernel import fill
from stopward.rules.types import NAN, Bar, Fill, Proposal, Slippage, State

EXECUTABLE: Final = 0.0
"""What live can do: a raised stop the close crossed, like any exit, fills at the next open."""
IDEALISED: Final = 1.0
"""For comparison: a raised stop that the close crossed fills at its price, in the same bar."""


HALF_SPREAD_OR_TICK: Final = Slippage(ticks=1.0, spread=0.5, fraction=0.0, exits=0.0)
"""Half the spread or one tick, whichever is more, on stops: TRADING's default. [judgement]"""


class Terms(NamedTuple):
    """How fills are booked: EXECUTABLE or IDEALISED, BOOKS_TARGET or BOOKS_OPEN, slippage."""

    timing: float
    gap: float
    slippage: Slippage


def of_prices(opened: float, high: float, low: float, close: float) -> Bar:
    """Return a closed bar of which nothing but its prices is known."""
    return Bar(
        opened, high, low, close,
        NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN,
        1.0, 0.0,
    )  # fmt: skip


def bar_of(bars: Bars, at: int, at_entry: float) -> Bar:
    """Return one closed bar of the columns."""
    return Bar(
        bars.open[at],
        bars.high[at],
        bars.low[at],
        bars.close[at],
        bars.volume[at],
        bars.minutes[at],
        bars.to_close[at],
        bars.spread[at],
        bars.atr[at],
        bars.rsi[at],
        bars.macd[at],
        bars.signal[at],
        bars.macd_before[at],
        bars.signal_before[at],
        bars.vwap[at],
        bars.relative_volume[at],
        bars.average[at],
        bars.highest[at],
        bars.lowest[at],
        bars.trail_high[at],
        bars.trail_low[at],
        1.0,
        at_entry,
    )


def settled_inside(state: State, finer: Finer | None, at: int, gap: float, filled: Fill) -> Fill:
    """Return a fill of bar `at`, settled by finer bars where the bar holds stop and target both.

    Where the finer bars hold neither, they contradict the bar, and the bar has the last word.
    """
    if finer is None:
        return filled
    if not filled.ambiguous > 0.0:
        return filled
    for inside in range(finer.first[at], finer.last[at]):
        bar = of_prices(
            finer.open[inside], finer.high[inside], finer.low[inside], finer.close[inside]
        )
        found = fill(state, bar, gap)
        if found.quantity > 0.0:
            return found
    return filled


def idealised_fill(bar: Bar, proposal: Proposal) -> Fill:
    """Return the fill of a raised stop that the close crossed: at its price, if traded there.

    Outside the bar's range nothing fills; then it is the close. Quantity 0 when no stop was
    crossed.
    """
    price = proposal.crossed
    if not proposal.exit_quantity > 0.0 or price != price:
        return Fill(0.0, NAN, 0.0, 0.0, NAN)
    if price > bar.high or price < bar.low:
        price = bar.close
    return Fill(proposal.exit_quantity, price, proposal.exit_rule, 0.0, NAN)
