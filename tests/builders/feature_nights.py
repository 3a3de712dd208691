"""Nights of features over a memory store: the bars that there are, a run, what was kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stopward.adapters.memory_features import MemoryFeatures
from stopward.domain.features import (
    names,
)
from stopward.domain.features.past_trade import StoredVector
from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from stopward.domain.position import Position
from stopward.errors import BrokerUnavailable
from stopward.services.feature_book import FeatureBook
from stopward.services.features import (
    FeatureChecker,
    FeatureSummary,
)
from tests.builders.features import MINUTE
from tests.builders.past_features import (
    ENTRY,
    INDEX,
    days,
    minutes,
)
from tests.builders.store import A_SESSION
from tests.builders.store_world import MemoryWorld

EVENING = A_SESSION.closes_at + timedelta(hours=1)
SYMBOLS = tuple(Symbol(name) for name in ("AAPL", "MSFT", "S0", "S1", "S2", "S3", "S4"))
DAILY = {symbol: days(symbol) for symbol in SYMBOLS}
MINUTES = {symbol: minutes(symbol) for symbol in (INDEX, *SYMBOLS)}


@dataclass(slots=True)
class History:
    """The BarHistory of a night, and what was asked for. fails: calls that get no answer first."""

    minutes: Mapping[Symbol, Sequence[ClosedBar]] = field(default_factory=lambda: MINUTES)
    fails: int = 0
    asked: list[tuple[tuple[Symbol, ...], datetime, datetime]] = field(default_factory=list)
    asked_days: list[tuple[tuple[Symbol, ...], datetime, datetime]] = field(default_factory=list)

    def bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, Sequence[ClosedBar]]:
        self.asked.append((tuple(symbols), since, until))
        if self.fails:
            self.fails -= 1
            raise BrokerUnavailable("GET /v2/stocks/bars: no answer")
        found = {
            symbol: [b for b in self.minutes.get(symbol, ()) if since <= b.at <= until - MINUTE]
            for symbol in symbols
        }
        return {symbol: bars for symbol, bars in found.items() if bars}

    def daily_bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, Sequence[ClosedBar]]:
        self.asked_days.append((tuple(symbols), since, until))
        return {symbol: [b for b in DAILY[symbol] if since <= b.at < until] for symbol in symbols}


def run(
    world: MemoryWorld,
    bars: History | None = None,
    *,
    book: FeatureBook | None = None,
    seconds: Any = 900.0,
    most_trades: int = 100,
    index: Symbol | None = INDEX,
    now: datetime = EVENING,
    **options: Any,
) -> FeatureSummary:
    checker = FeatureChecker(
        book=book or MemoryFeatures(world.store, page_trades=2),
        bars=bars or History(),
        account_id=world.account_id,
        index=index,
        most_trades=most_trades,
    )
    remaining = seconds if callable(seconds) else lambda: seconds
    return checker.run(now=now, remaining_seconds=remaining, **options)


def kept(world: MemoryWorld, position: Position) -> StoredVector | None:
    key = (position.id, "entry", ENTRY, None)
    return world.store.book(world.account_id).vectors.get(key)


def feature(stored: StoredVector | None, name: str) -> float | None:
    assert stored is not None
    return stored.vector[names("entry").index(name)]
