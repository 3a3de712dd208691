"""After the close: what rules saved the trades that closed, from the bars that came, is stored."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Final, Protocol

from stopward.domain.attribution.counterfactual import figures
from stopward.domain.attribution.track import track_of
from stopward.domain.attribution.trade import WAITING, ClosedTrade, Figure, Place, TradePage
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.domain.rulebook import RuleBook, parse
from stopward.errors import (
    BrokerRejected,
    BrokerUnavailable,
    DatabaseRejected,
    InvalidInput,
    InvalidState,
)

MOST_TRADES: Final = 2_000
"""Trades of one run, some minutes of walking. What is left waits for the next night."""
MARGIN_SECONDS: Final = 60.0
"""Remaining time under which no further trades are begun."""
SESSIONS_AFTER: Final = 5
"""Sessions after its close that a trade without a rule may live on, before it is left unknown.

What has not ended by then waits for no more bars: it is asked for in vain. [judgement]
"""
Bars = Mapping[Symbol, Sequence[ClosedBar]]
Group = tuple[Session | None, tuple[ClosedTrade, ...]]
"""Trades that were entered in one session; None: no session is known for them."""


class AttributionBook(Protocol):
    """Trades that wait for their attribution, and where it is stored.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected with the rule's name.
    """

    def read_unattributed(
        self,
        account_id: AccountId,
        *,
        at: datetime,
        since: date | None = None,
        more_bars: bool = False,
        again: bool = False,
        after: Place | None = None,
    ) -> TradePage:
        """Return the page of trades after a place, the first one after None.

        at: now. since: the first session; without it what waits for bars does so for a month.
        more_bars: ask for what waits now, not only once a session has closed since it was asked
        for. again: ask for what is known too.
        """

    def put_figures(self, account_id: AccountId, figures: Sequence[Figure], *, at: datetime) -> int:
        """Store figures, the last word counts; return how many are other than before."""


class BarSource(Protocol):
    """Who has bars: the port MarketData, or a file."""

    def bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, Sequence[ClosedBar]]:
        """Return closed one-minute bars, oldest first: since <= at and at + 1 min <= until."""


@dataclass(slots=True, kw_only=True)
class AttributionSummary:
    """What a run did. changed: figures that are other than before.

    unknown: how many figures, by reason. failures: a sentence each; such a trade is asked for
    again. is_cut: time or count ended the run before the trades did.
    """

    trades: int = 0
    known: int = 0
    changed: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    is_cut: bool = False

    def add_account(self, _: AccountId, other: "AttributionSummary") -> None:
        """Add what was done for an account of a fleet, its failures left out."""
        self.trades += other.trades
        self.known += other.known
        self.changed += other.changed
        self.unknown.update(other.unknown)
        self.is_cut |= other.is_cut

    def counts(self) -> dict[str, int]:
        """Return the numbers, for the log and the metrics."""
        return {
            "attribution_trades": self.trades,
            "attribution_known": self.known,
            "attribution_unknown": self.unknown.total(),
            "attribution_changed": self.changed,
            "attribution_failures": len(self.failures),
            "attribution_cut": int(self.is_cut),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributor:
    """Asks for the figures of one account's trades, and stores them as they come."""

    book: AttributionBook
    bars: BarSource
    account_id: AccountId
    most_trades: int = MOST_TRADES

    def run(
        self,
        *,
        now: datetime,
        remaining_seconds: Callable[[], float],
        since: date | None = None,
        more_bars: bool = False,
        again: bool = False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> AttributionSummary:
        """Attribute what waits, oldest session first; a trade that cannot be is told and skipped.

        now: bars after it are not asked for. progress: told how many more trades are done. What was
        stored stays, whatever comes after; a second run changes nothing.

        Raises DatabaseUnavailable when the database gives no answer.
        """
        summary = AttributionSummary()
        after: Place | None = None
        while True:
            page = self.book.read_unattributed(
                self.account_id,
                at=now,
                since=since,
                more_bars=more_bars,
                again=again,
                after=after,
            )
            summary.failures += page.unreadable
            for group in _groups(page):
                if summary.trades >= self.most_trades or remaining_seconds() < MARGIN_SECONDS:
                    summary.is_cut = True
                    return summary
                try:
                    self._attribute(group, page, now=now, summary=summary)
                except (BrokerUnavailable, BrokerRejected) as error:
                    # The next group would fare no better; all of it is asked for again.
                    summary.failures.append(f"bars: {error}")
                    summary.is_cut = True
                    return summary
                progress(len(group[1]))
            after = page.after
            if after is None:
                return summary

    def _attribute(
        self, group: Group, page: TradePage, *, now: datetime, summary: AttributionSummary
    ) -> None:
        session, trades = group
        asker = _Asker(page)
        known_until = _known_until(trades, page, sessions_after=0, now=now)
        found = asker.ask(trades, self._bars(session, trades, until=known_until))
        waiting = [
            trade
            for trade in trades
            if any(each.because in WAITING for each in found.get(trade.position_id, ()))
        ]
        later = _known_until(waiting, page, sessions_after=SESSIONS_AFTER, now=now)
        if waiting and later > known_until:
            found.update(asker.ask(waiting, self._bars(session, waiting, until=later)))
        summary.failures += asker.failures
        summary.trades += len(trades)
        self._put([found[t.position_id] for t in trades if t.position_id in found], now, summary)

    def _bars(
        self, session: Session | None, trades: Sequence[ClosedTrade], *, until: datetime
    ) -> Bars:
        if session is None:
            return {}
        symbols = list(dict.fromkeys(trade.symbol for trade in trades))
        return self.bars.bars(symbols, since=session.opens_at, until=until)

    def _put(
        self, found: Sequence[tuple[Figure, ...]], now: datetime, summary: AttributionSummary
    ) -> None:
        """Store the figures of trades together; where one is refused, trade by trade."""
        try:
            self._count([each for own in found for each in own], now, summary)
        except DatabaseRejected:
            for own in found:
                try:
                    self._count(own, now, summary)
                except DatabaseRejected as error:
                    summary.failures.append(f"{own[0].position_id}: {error}")

    def _count(self, found: Sequence[Figure], now: datetime, summary: AttributionSummary) -> None:
        if not found:
            return
        summary.changed += self.book.put_figures(self.account_id, found, at=now)
        summary.known += sum(each.because is None for each in found)
        summary.unknown.update(each.because for each in found if each.because is not None)


class _Asker:
    """Asks for the figures of trades of one page; a trade that cannot be read is told."""

    def __init__(self, page: TradePage) -> None:
        self._page = page
        self._books: dict[str, RuleBook] = {}
        self.failures: list[str] = []

    def ask(self, trades: Sequence[ClosedTrade], bars: Bars) -> dict[str, tuple[Figure, ...]]:
        """Return figures by position; one that failed is in none."""
        found: dict[str, tuple[Figure, ...]] = {}
        for trade in trades:
            try:
                found[trade.position_id] = self._figures(trade, bars.get(trade.symbol, ()))
            except (InvalidState, InvalidInput, ArithmeticError, ValueError) as error:
                self.failures.append(f"{trade.position_id}: {error or type(error).__name__}")
        return found

    def _figures(self, trade: ClosedTrade, bars: Sequence[ClosedBar]) -> tuple[Figure, ...]:
        hashes = {each.rules_hash for each in trade.guarded}
        if not trade.guarded or not hashes <= self._page.rules_toml.keys():
            return tuple(
                Figure(position_id=trade.position_id, rule=rule, without_r=None, because="no_rules")
                for rule in trade.asked
            )
        book = self._book(trade.guarded[-1].rules_hash)
        track = track_of(
            bars,
            sessions=self._page.sessions,
            usual_volume=self._page.usual_volume.get(trade.symbol, ()),
            periods=book.periods,
        )
        flat_tag = book.account.session_flat_tag
        return figures(trade, track, self._page.rule_sets, session_flat_tag=flat_tag)

    def _book(self, rules_hash: str) -> RuleBook:
        if rules_hash not in self._books:
            text = self._page.rules_toml[rules_hash]
            self._books[rules_hash] = parse(text, source=f"rules {rules_hash[:8]}")
        return self._books[rules_hash]


def _known_until(
    trades: Sequence[ClosedTrade], page: TradePage, *, sessions_after: int, now: datetime
) -> datetime:
    """Return the close of the session of the last trade's close, or of one after it; or now."""
    last = max((trade.closed_at for trade in trades), default=now)
    begun = [each for each in page.sessions if each.opens_at <= last]
    later = [each for each in page.sessions if last < each.opens_at < now]
    ends = [each.closes_at for each in (*begun[-1:], *later[:sessions_after])]
    return min(now, max(ends, default=now))


def _groups(page: TradePage) -> Iterator[Group]:
    """Yield trades by the session that they were entered in, or that opened after the entry."""

    def session_of(trade: ClosedTrade) -> Session | None:
        return next((each for each in page.sessions if each.closes_at > trade.opened_at), None)

    ranked = sorted(
        ((session_of(trade), trade) for trade in page.trades),
        key=lambda each: ("" if each[0] is None else each[0].day, each[1].position_id),
    )
    for session, own in groupby(ranked, key=lambda each: each[0]):
        yield session, tuple(trade for _, trade in own)
