"""The bars as the kernel reads them: prices, indicators, extremes of windows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import numpy as np

from stopward.replay import compiled
from stopward.replay.table import BarTable, Floats
from stopward.rules.blocks import BLOCK, summarize
from stopward.rules.columns import Bars, Blocks, Finer, Market
from stopward.rules.indicators import Periods
from stopward.rules.parameters import Rules
from stopward.rules.series import (
    IndicatorColumns,
    Series,
    indicate,
    rolling_highest,
    rolling_lowest,
)
from stopward.rules.types import NAN

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class MarketColumns:
    """Builds the kernel's bars for rules; what two sets of rules share is computed once.

    finer: bars inside the bars, or None.
    """

    table: BarTable
    finer: Finer | None = None
    _indicators: dict[Periods, IndicatorColumns] = field(default_factory=dict)
    _extremes: dict[int, tuple[Floats, Floats]] = field(default_factory=dict)
    _blocks: dict[Periods | None, Blocks] = field(default_factory=dict)
    _missing: Floats = field(init=False)
    _none: Blocks = field(init=False)

    def __post_init__(self) -> None:
        """Keep columns of nothing, for what is not asked for: the machine code is the same."""
        self._missing = np.full(len(self.table), np.nan)
        self._none = Blocks(
            np.full(len(self.table), -1), *(np.empty(0) for _ in Blocks._fields[1:])
        )

    def market(
        self, rules: Rules, periods: Periods, *, indicators: bool = True, blocks: bool = False
    ) -> Market:
        """Return the market with the windows that these rules ask for.

        indicators: or else missing ones, where nothing that is walked reads them. blocks: with
        those by which calm stretches are passed over.
        """
        bars, table = self.table.bars, self.table
        known = self._indicators_of(periods) if indicators else self._no_indicators
        window = NAN if rules.chandelier is None else rules.chandelier.window
        trail = NAN if rules.bar_trail is None else rules.bar_trail.window
        highest, lowest = self._extremes_of(window)
        trail_high, trail_low = self._extremes_of(trail)
        columns = Bars(
            open=bars.open,
            high=bars.high,
            low=bars.low,
            close=bars.close,
            volume=bars.volume,
            minutes=table.minutes,
            to_close=table.to_close,
            spread=bars.spread,
            highest=highest,
            lowest=lowest,
            trail_high=trail_high,
            trail_low=trail_low,
            **known._asdict(),
        )
        kept = periods if indicators else None
        return Market(columns, self.finer, self._blocks_of(columns, kept) if blocks else self._none)

    def _twin(self, function: Callable[P, T]) -> Callable[P, T]:
        return compiled.soonest(function, steps=len(self.table), small=compiled.SMALL_SERIES)

    def _indicators_of(self, periods: Periods) -> IndicatorColumns:
        known = self._indicators.get(periods)
        if known is None:
            table, bars = self.table, self.table.bars
            columns = [np.empty(len(table)) for _ in IndicatorColumns._fields]
            known = IndicatorColumns(*columns)
            session = table.session.astype(np.float64) + 1.0
            step = self._twin(indicate)
            for own in table.series():
                series = Series(
                    bars.high[own], bars.low[own], bars.close[own], bars.volume[own],
                    table.usual_volume[own], session[own],
                )  # fmt: skip
                step(series, periods, IndicatorColumns(*(column[own] for column in columns)))
            self._indicators[periods] = known
        return known

    @property
    def _no_indicators(self) -> IndicatorColumns:
        return IndicatorColumns(*(self._missing for _ in IndicatorColumns._fields))

    def _blocks_of(self, bars: Bars, periods: Periods | None) -> Blocks:
        """Return the blocks; they depend on the indicators, not on the windows."""
        found = self._blocks.get(periods)
        if found is None:
            first = np.concatenate(
                [np.arange(own.start, own.stop - BLOCK + 1, BLOCK) for own in self.table.series()]
            )
            number = np.full(len(self.table), -1)
            number[first] = np.arange(len(first))
            found = Blocks(number, *(np.empty(len(first)) for _ in Blocks._fields[1:]))
            self._twin(summarize)(bars, first, found)
            self._blocks[periods] = found
        return found

    def _extremes_of(self, length: float) -> tuple[Floats, Floats]:
        if not length > 0.0:
            return self._missing, self._missing
        window = int(length)
        found = self._extremes.get(window)
        if found is None:
            table, bars = self.table, self.table.bars
            found = (np.empty(len(table)), np.empty(len(table)))
            for own in table.series():
                up = self._twin(rolling_highest)
                down = self._twin(rolling_lowest)
                up(bars.high[own], window, found[0][own])
                down(bars.low[own], window, found[1][own])
            self._extremes[window] = found
        return found
