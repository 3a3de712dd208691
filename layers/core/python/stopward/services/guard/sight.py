"""See the market as well as it can be seen: no failure of market data stops protection."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stopward.domain.daily import daily_atr
from stopward.domain.identity import Symbol
from stopward.domain.rulebook import RuleBook
from stopward.domain.snapshot import Alarm, Snapshot
from stopward.errors import BrokerRejected, BrokerUnavailable
from stopward.ports import MarketData
from stopward.services.guard.prices import look_at_market
from stopward.services.guard.subject import Beliefs, Market

DAILY_LOOK_BACK = timedelta(days=30)
"""Calendar days that hold the fifteen sessions of an ATR(14), weekends and holidays included."""


@dataclass(slots=True, kw_only=True)
class Sight:
    """The eyes of one tick. alarms: what could not be seen; rules that need no price still act."""

    market_data: MarketData
    now: datetime
    on_failure: Callable[[str, Exception], None]
    alarms: list[Alarm] = field(default_factory=list)

    def market(
        self, snapshot: Snapshot, beliefs: Beliefs, book: RuleBook, *, tick_at: datetime
    ) -> Market:
        """Return quotes and new bars; without an answer an empty market and an alarm."""
        try:
            return look_at_market(
                self.market_data,
                [subject.position.symbol for subject in beliefs.subjects],
                states=snapshot.symbols,
                session=snapshot.session,
                tick_at=tick_at,
                now=self.now,
                max_quote_age=timedelta(seconds=book.account.max_quote_age_seconds),
                quoted=[position.symbol for position in beliefs.aside],
            )
        except (BrokerUnavailable, BrokerRejected) as error:
            self._note("quotes and bars", error)
            return Market()

    def daily_atr(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, float]:
        """Return daily ATR(14) of symbols to be adopted without a stop; empty without an answer."""
        since = self.now - DAILY_LOOK_BACK
        try:
            bars = self.market_data.daily_bars(symbols, since=since, until=self.now)
        except (BrokerUnavailable, BrokerRejected) as error:
            self._note("daily bars", error)
            return {}
        return {symbol: daily_atr(found) for symbol, found in bars.items()}

    def _note(self, what: str, error: Exception) -> None:
        self.on_failure("market_data", error)
        self.alarms.append(
            Alarm(
                key="market_data_unavailable",
                kind="market_data_unavailable",
                symbol=None,
                message=f"{what} could not be read, only rules that need no price act: {error}",
                severity="critical",
            )
        )
