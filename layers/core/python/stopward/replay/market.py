"""The bars as the kernel reads them: prices, indicators, extremes of windows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import numpy as np

from stopward.replay import compiled
from stopward.replay.machine.kinds import missing
from stopward.replay.table import BarTable, Floats
from stopward.rules.blocks import BLOCK, LARGE, layer
from stopward.rules.columns import Bars, Blocks, Finer, Layers, Market
from stopward.rules.indicators import Periods
from stopward.rules.parameters import Rules
from stopward.rules.series import (
    IndicatorColumns,
    Series,
    indicate_each,
    rolling_each,
)

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
    _bars: dict[tuple[object, ...], Bars] = field(default_factory=dict)
    _layers: dict[tuple[Periods | None, bool], Layers] = field(default_factory=dict)
    _markets: dict[tuple[object, ...], Market] = field(default_factory=dict)
    _missing: Floats = field(init=False)

    def __post_init__(self) -> None:
        """Keep columns of nothing, for what is not asked for: the machine code is the same."""
        self._missing = missing(len(self.table))

    def market(
        self,
        rules: Rules,
        periods: Periods,
        *,
        indicators: bool = True,
        blocks: bool | None = None,
    ) -> Market:
        """Return the market with the windows that these rules ask for.

        indicators: or else missing ones, where nothing that is walked reads them. blocks: with
        those by which calm stretches are passed over; False: with none, for the same machine code;
        None: for walks that tell something of every bar.
        """
        window = 0.0 if rules.chandelier is None else rules.chandelier.window
        trail = 0.0 if rules.bar_trail is None else rules.bar_trail.window
        kept = periods if indicators else None
        key = kept, window, trail
        if (*key, blocks) not in self._markets:
            if key not in self._bars:
                self._bars[key] = self._bars_of(kept, window, trail)
            bars = self._bars[key]
            layers = None if blocks is None else self._layers_of(bars, kept, made=blocks)
            self._markets[*key, blocks] = Market(bars, self.finer, layers)
        return self._markets[*key, blocks]

    def _bars_of(self, periods: Periods | None, window: float, trail: float) -> Bars:
        bars, table = self.table.bars, self.table
        known = self._no_indicators if periods is None else self._indicators_of(periods)
        highest, lowest = self._extremes_of(window)
        trail_high, trail_low = self._extremes_of(trail)
        return Bars(
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

    def _twin(self, function: Callable[P, T]) -> Callable[P, T]:
        return compiled.soonest(function, steps=len(self.table), small=compiled.SMALL_SERIES)

    def _indicators_of(self, periods: Periods) -> IndicatorColumns:
        known = self._indicators.get(periods)
        if known is None:
            table, bars = self.table, self.table.bars
            known = IndicatorColumns(*(np.empty(len(table)) for _ in IndicatorColumns._fields))
            series = Series(
                bars.high, bars.low, bars.close, bars.volume, table.usual_volume,
                table.session.astype(np.float64) + 1.0,
            )  # fmt: skip
            self._twin(indicate_each)(series, table.first, periods, known)
            self._indicators[periods] = known
        return known

    @property
    def _no_indicators(self) -> IndicatorColumns:
        return IndicatorColumns(*(self._missing for _ in IndicatorColumns._fields))

    def _layers_of(self, bars: Bars, periods: Periods | None, *, made: bool) -> Layers:
        """Return the blocks; they depend on the indicators, not on the windows."""
        key = periods, made
        if key not in self._layers:
            count = len(self.table) // BLOCK if made else 0
            layers = Layers(_blank_blocks(count), _blank_blocks(count // LARGE))
            if made:
                self._twin(layer)(bars, layers)
            if periods is None:
                layers = Layers(*map(_without_indicators, layers))
            self._layers[key] = layers
        return self._layers[key]

    def _extremes_of(self, length: float) -> tuple[Floats, Floats]:
        if not length > 0.0:
            return self._missing, self._missing
        window = int(length)
        found = self._extremes.get(window)
        if found is None:
            table, bars = self.table, self.table.bars
            found = (np.full(len(table), np.nan), np.full(len(table), np.nan))
            self._twin(rolling_each)(bars.high, bars.low, table.first, window, *found)
            self._extremes[window] = found
        return found


def _blank_blocks(count: int) -> Blocks:
    return Blocks(*(np.empty(count) for _ in Blocks._fields))


def _without_indicators(blocks: Blocks) -> Blocks:
    nothing = missing(max(len(blocks.low), 1))
    return blocks._replace(
        atr_low=nothing, atr_high=nothing, long_turned=nothing, short_turned=nothing
    )
