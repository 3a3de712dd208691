"""Positions replayed under the exits of freqtrade, as its backtest books them.

A position entered at the start of a bar is a trade that a signal of the bar before opened: at that
bar's open, and that bar counts. One entered inside a bar is a trade that a signal of that bar
opened: its first bar is the next one. Both keep their own entry price.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

import numpy as np

from stopward.domain.identity import Symbol
from stopward.domain.market import Instrument
from stopward.domain.money import sign
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import parse
from stopward.errors import InvalidInput
from stopward.replay.arrays import blank_courses, blank_exits, blank_outcomes
from stopward.replay.compiled import compiled
from stopward.replay.engine import PORTION, Progress, shares
from stopward.replay.entries import Opened, opened
from stopward.replay.results import Results, results_of
from stopward.replay.table import MINUTE, BarTable, Integers
from stopward.replay.terms import Commission, Conditions
from stopward.rules.columns import Bars, Courses, Exits, Log, Market, Outcomes, StopPath
from stopward.rules.freqtrade import FreqtradeRules
from stopward.rules.freqtrade_walk import Clock, finish_freqtrade, walk_freqtrade
from stopward.rules.parameters import Rules
from stopward.rules.types import Slippage

NO_SLIPPAGE: Final = Slippage(ticks=0.0, spread=0.0, fraction=0.0, exits=0.0)
OPTIMISTIC: Final = (
    "optimistic assumptions: a trail is raised from a bar's best price before its worst one is "
    "tested against it, a gap through a stop fills at the stop when the bar comes back to it, and "
    "nothing slips unless told to"
)
"""What to say beside every result of this policy."""


@dataclass(slots=True, kw_only=True)
class FreqtradeWalk:
    """Positions on their way through a market under one strategy's exits.

    courses, exits: blank until `walk`. path: where stops rested, when asked for. workers: threads;
    positions are shared out, so that the numbers do not depend on it.
    """

    opened: Opened
    table: BarTable
    rules: FreqtradeRules
    conditions: Conditions
    workers: int = 1
    path: StopPath | None = None
    courses: Courses = field(init=False)
    exits: Exits = field(init=False)

    def __post_init__(self) -> None:
        """Leave room for every position."""
        count = len(self.opened)
        self.courses, self.exits = blank_courses(count), blank_exits(count)

    @property
    def log(self) -> Log:
        """What the kernel writes besides the courses."""
        return Log(self.exits, self.path)

    def walk(self, *, progress: Progress = lambda _: None) -> None:
        """Walk every position to its end."""
        market, entries = _prices(self.table), self.opened.entries
        clock = Clock(self.table.bars.at / MINUTE, self.table.length)
        twin = compiled(walk_freqtrade)

        def some(rows: Integers) -> None:
            twin(
                rows, self.courses, entries, market, clock, self.rules, Rules(),
                self.conditions.slippage, self.log,
            )  # fmt: skip

        for begin in range(0, len(self.opened), PORTION):
            rows = np.arange(begin, min(begin + PORTION, len(self.opened)))
            if self.workers == 1:
                some(rows)
            else:
                with ThreadPoolExecutor(self.workers) as threads:
                    parts = [rows[part] for part in shares(len(rows), self.workers)]
                    list(threads.map(some, parts))
            progress(len(rows))

    def outcomes(self) -> Outcomes:
        """Book what is still open at its last bar's open, and return what became of all."""
        rows = np.arange(len(self.opened))
        outcomes = blank_outcomes(len(rows))
        twin = compiled(finish_freqtrade)
        twin(
            rows, self.courses, self.opened.entries, _prices(self.table),
            self.conditions.slippage, self.log, outcomes,
        )  # fmt: skip
        return outcomes


def as_there(rules: FreqtradeRules) -> Conditions:
    """Return what that backtest takes: fills at the price asked, the fee at entry and at exit."""
    return Conditions(slippage=NO_SLIPPAGE, commission=Commission(fraction=rules.fee))


def replay_freqtrade(
    positions: Sequence[PositionRow],
    table: BarTable,
    rules: FreqtradeRules,
    conditions: Conditions | None = None,
    *,
    timeframe_minutes: float | None = None,
    instruments: dict[Symbol, Instrument] | None = None,
    workers: int = 1,
    progress: Progress = lambda _: None,
) -> Results:
    """Walk positions over bars under one strategy's exits, and return what became of each.

    conditions: slippage and commission; `as_there` when None. Their timing, gap and equity mean
    nothing here. timeframe_minutes: what the strategy's bars span, where it says so. R is the
    distance to the stop that a position came with, so that policies compare; without one, to the
    stop of `rules`. A position's own stop and target do nothing else.

    Raises InvalidInput when a position has no bar, or when the bars are of another timeframe.
    """
    if timeframe_minutes is not None and timeframe_minutes != table.length:
        raise InvalidInput(
            f"the bars span {table.length:g} minutes and the timeframe of the configuration is "
            f"{timeframe_minutes:g}: give bars of that length, or leave timeframe out"
        )
    walking = freqtrade_walk(
        positions, table, rules, conditions, instruments=instruments, workers=workers
    )
    walking.walk(progress=progress)
    return results_of(walking)


def freqtrade_walk(
    positions: Sequence[PositionRow],
    table: BarTable,
    rules: FreqtradeRules,
    conditions: Conditions | None = None,
    *,
    instruments: dict[Symbol, Instrument] | None = None,
    workers: int = 1,
) -> FreqtradeWalk:
    """Return positions at their entries, to be walked; the arguments are `replay_freqtrade`'s."""
    known = instruments or {}
    stopped = [_with_stop(position, rules, known) for position in positions]
    found = opened(stopped, table, parse("", source="freqtrade"), instruments=known)
    return FreqtradeWalk(
        opened=replace(found, positions=tuple(positions)),
        table=table,
        rules=rules,
        conditions=as_there(rules) if conditions is None else conditions,
        workers=workers,
    )


def _with_stop(
    position: PositionRow, rules: FreqtradeRules, instruments: dict[Symbol, Instrument]
) -> PositionRow:
    if position.initial_stop is not None:
        return position
    known = instruments.get(position.symbol, Instrument(symbol=position.symbol))
    tick = known.tick_at(position.entry_price)
    side = sign(position.side)
    level = position.entry_price * (1 + side * Decimal(repr(rules.stoploss)))
    rounding = ROUND_CEILING if side > 0 else ROUND_FLOOR
    stop = (level / tick).to_integral_value(rounding=rounding) * tick
    return replace(position, initial_stop=stop)


def _prices(table: BarTable) -> Market:
    """Return the bars with nothing but prices and spreads, for nothing else is read."""
    bars = table.bars
    missing = np.full(len(table), np.nan)
    columns = dict.fromkeys(Bars._fields, missing) | {
        "open": bars.open,
        "high": bars.high,
        "low": bars.low,
        "close": bars.close,
        "minutes": table.minutes,
        "spread": bars.spread,
    }
    return Market(Bars(**columns), None)
