"""What is known of the market: instruments, quotes, closed bars, sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from stopward.domain.identity import Symbol

CENT = Decimal("0.01")
SUB_DOLLAR_TICK = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """How a symbol trades.

    `tick` None means the rule of US equities: 0.01 from one dollar on, 0.0001 below.
    """

    symbol: Symbol
    tick: Decimal | None = None
    fractionable: bool = True

    def tick_at(self, price: Decimal) -> Decimal:
        """Return the smallest price step at `price`."""
        if self.tick is not None:
            return self.tick
        return CENT if price >= 1 else SUB_DOLLAR_TICK


def tick_at(price: Decimal, *, tick: Decimal, entry: Decimal) -> Decimal:
    """Return the step at `price` of what has `tick` at its entry: bought under a dollar, a US share
    has cents above it.
    """
    bought_below = tick == SUB_DOLLAR_TICK and entry < 1
    return CENT if bought_below and price >= 1 else tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Best bid and offer; `at` is the exchange's time, `feed` names the source."""

    symbol: Symbol
    at: datetime
    bid: Decimal
    ask: Decimal
    feed: str

    def fault(self, *, now: datetime, max_age: timedelta) -> str | None:
        """Return why the quote cannot be used (`stale`, `crossed`, `empty`); None when it can."""
        if self.bid <= 0 or self.ask <= 0:
            return "empty"
        if self.bid > self.ask:
            return "crossed"
        if now - self.at > max_age:
            return "stale"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedBar:
    """One finished bar; `at` is its start. Prices are floats: bars feed the kernel only."""

    symbol: Symbol
    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One trading day of one exchange, as a row says it; half days close early."""

    exchange: str
    day: str
    opens_at: datetime
    closes_at: datetime

    def contains(self, moment: datetime) -> bool:
        """Return whether `moment` is at or after the open and before the close."""
        return self.opens_at <= moment < self.closes_at

    def minutes_to_close(self, moment: datetime) -> float:
        """Return session minutes from `moment` to the close; negative after it."""
        return (self.closes_at - moment).total_seconds() / 60
