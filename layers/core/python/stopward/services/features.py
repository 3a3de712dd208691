"""After the close: entry features are rebuilt where they are missing, and stored ones compared.

A vector that comes out otherwise than it is stored is skew: training and serving would not mean
the same by it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from stopward.domain.features.inputs import INPUTS
from stopward.domain.features.open_position import held_again
from stopward.domain.features.past_trade import (
    PastPage,
    PastTrade,
    Place,
    StoredVector,
    differences,
    rebuilt,
    unfit,
)
from stopward.domain.features.registry import names, schema_hash
from stopward.domain.features.row import Kind
from stopward.domain.features.sight import RESULTS
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.domain.sessions import EVENING, session_number
from stopward.errors import (
    BrokerRejected,
    BrokerUnavailable,
    DatabaseRejected,
    InvalidInput,
    InvalidState,
)
from stopward.services.feature_book import BarHistory, FeatureBook

MOST_TRADES: Final = 2_000
"""Trades of one run that are rebuilt, and as many that are compared: a minute or two of arithmetic.

What is left waits for the next night.
"""
MARGIN_SECONDS: Final = 60.0
"""Remaining time under which no further trades are begun."""
ASKED_FOR: Final = timedelta(days=30)
"""How long after its close a trade is asked for, unless a person says since when."""
COMPARED_FOR: Final = timedelta(days=7)
"""How long after its trade's close a stored vector is compared."""
DAYS_BEFORE: Final = timedelta(days=100)
"""Calendar days that hold the 60 daily bars of a vector, holidays included."""
PUT_AT_ONCE: Final = 200
"""Vectors a call; ticks of the account wait for it, some milliseconds."""
MOST_SKEW: Final = 0.001
"""Share of compared vectors that may differ; beyond it somebody must look."""
Bars = Mapping[Symbol, Sequence[ClosedBar]]
Group = tuple[int, tuple[PastTrade, ...]]
"""Trades that were entered in one session: how many sessions had begun, their own included."""


@dataclass(slots=True, kw_only=True)
class FeatureSummary:
    """What a run did.

    trades: without a vector. written: vectors that are new. unfit: how many of those trades cannot
    be rebuilt, by reason. compared: vectors that were stored before. skewed: how many of them came
    out otherwise. differing: how often, by feature. failures: a sentence each; such a trade is
    asked for again. is_cut: time or count ended the run before the trades did. skewed_in: accounts
    of a fleet of whose vectors too many came out otherwise.
    """

    trades: int = 0
    written: int = 0
    unfit: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    skewed: int = 0
    differing: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    is_cut: bool = False
    skewed_in: list[AccountId] = field(default_factory=list)

    @property
    def is_skewed(self) -> bool:
        """Return whether more vectors differ than may; of a fleet, whether those of an account do.

        The accounts that are as they should be would hide one that is not.
        """
        return bool(self.skewed_in) or self.skewed > MOST_SKEW * self.compared

    def add(self, other: "FeatureSummary") -> None:
        """Add what another run did."""
        self.trades += other.trades
        self.written += other.written
        self.unfit.update(other.unfit)
        self.compared += other.compared
        self.skewed += other.skewed
        self.differing.update(other.differing)
        self.failures += other.failures
        self.is_cut |= other.is_cut

    def add_account(self, account_id: AccountId, other: "FeatureSummary") -> None:
        """Add what was done for an account of a fleet, its failures left out."""
        self.add(replace(other, failures=[]))
        self.skewed_in += [account_id] if other.is_skewed else []

    def counts(self) -> dict[str, int]:
        """Return the numbers, for the log and the metrics."""
        return {
            "features_trades": self.trades,
            "features_written": self.written,
            "features_unfit": self.unfit.total(),
            "features_compared": self.compared,
            "features_skewed": self.skewed,
            "features_skew": int(self.is_skewed),
            "features_failures": len(self.failures),
            "features_cut": int(self.is_cut),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureChecker:
    """Rebuilds and compares the vectors of one account's closed trades.

    index: the symbol that stands for the market; None leaves its features missing. kind: of the
    vectors; those of open positions are compared, and never made later.
    """

    book: FeatureBook
    bars: BarHistory
    account_id: AccountId
    index: Symbol | None = None
    kind: Kind = "entry"
    most_trades: int = MOST_TRADES

    def run(
        self,
        *,
        now: datetime,
        remaining_seconds: Callable[[], float],
        since: datetime | None = None,
    ) -> FeatureSummary:
        """Rebuild what is missing, then compare what is stored, oldest close first.

        now: nothing later is asked for. since: the first close; without it, that of ASKED_FOR ago
        to rebuild and of COMPARED_FOR ago to compare. A trade that cannot be rebuilt is counted and
        skipped. What was stored stays, whatever comes after; a second run stores nothing.

        Raises DatabaseUnavailable when the database gives no answer, DatabaseRejected when it
        refuses the schema.
        """
        summary = FeatureSummary()
        self.book.put_schema(schema_hash(self.kind), names(self.kind))
        looks = ((False, ASKED_FOR), (True, COMPARED_FOR))
        for stored, spell in looks if self.kind == "entry" else looks[1:]:
            groups = self._groups(now, since or now - spell, stored=stored, summary=summary)
            trades = 0
            for page, group in groups:
                if trades >= self.most_trades or remaining_seconds() < MARGIN_SECONDS:
                    summary.is_cut = True
                    break
                trades += len(group[1])
                try:
                    self._do(group, page, summary, stored=stored)
                except (BrokerUnavailable, BrokerRejected) as error:
                    # The next group would fare no better; all of it is asked for again.
                    summary.failures.append(f"bars: {error}")
                    summary.is_cut = True
                    return summary
        return summary

    def _groups(
        self, now: datetime, since: datetime, *, stored: bool, summary: FeatureSummary
    ) -> Iterator[tuple[PastPage, Group]]:
        after: Place | None = None
        while True:
            page = self.book.read_entries(
                self.account_id,
                schema_hash=schema_hash(self.kind),
                at=now,
                since=since,
                results=RESULTS,
                lag_seconds=int(INPUTS["account"].lag_seconds),
                stored=stored,
                kind=self.kind,
                after=after,
            )
            summary.failures += page.unreadable
            yield from ((page, group) for group in _by_session(page))
            after = page.after
            if after is None:
                return

    def _do(self, group: Group, page: PastPage, summary: FeatureSummary, *, stored: bool) -> None:
        found: list[StoredVector] = []
        reasons: Counter[str] = Counter()
        for vector in self._vectors(group, page, summary):
            if isinstance(vector, StoredVector):
                found.append(vector)
            else:
                reasons[vector] += 1
        if stored:
            _compare(found, page, summary)
            return
        summary.trades += len(group[1])
        summary.unfit += reasons
        self._put(found, summary)

    def _vectors(
        self, group: Group, page: PastPage, summary: FeatureSummary
    ) -> Iterator[StoredVector | str]:
        """Yield each trade's vector, or why there is none; one that fails is told."""
        number, trades = group
        reasons = [unfit(trade) or (None if number else "no_session") for trade in trades]
        yield from (reason for reason in reasons if reason is not None)
        fit = [trade for trade, reason in zip(trades, reasons, strict=True) if reason is None]
        if not fit:
            return
        minutes, days = self._bars(fit, page.sessions[max(number - 2, 0) : number])
        for trade in fit:
            try:
                yield self._again(trade, page, minutes, days)
            except (InvalidInput, InvalidState) as error:
                summary.failures.append(f"{trade.position_id}: {error}")

    def _again(
        self, trade: PastTrade, page: PastPage, minutes: Bars, days: Bars
    ) -> StoredVector | str:
        bars = minutes.get(trade.symbol, ())
        market_bars = () if self.index is None else minutes.get(self.index, ())
        if self.kind == "open":
            stored = page.vectors[trade.position_id]
            return held_again(trade, page, stored, bars=bars, market_bars=market_bars)
        return rebuilt(
            trade,
            page,
            bars=bars,
            daily_bars=days.get(trade.symbol, ()),
            market_bars=market_bars,
        )

    def _bars(self, trades: Sequence[PastTrade], sessions: Sequence[Session]) -> tuple[Bars, Bars]:
        """Return minute bars of both sessions up to the last entry, and daily bars before it."""
        last = max(trade.at for trade in trades)
        symbols = list(dict.fromkeys(trade.symbol for trade in trades))
        index = () if self.index is None else (self.index,)
        return (
            self.bars.bars(
                list(dict.fromkeys((*symbols, *index))), since=sessions[0].opens_at, until=last
            ),
            {}
            if self.kind == "open"
            else self.bars.daily_bars(symbols, since=last - DAYS_BEFORE, until=last),
        )

    def _put(self, found: Sequence[StoredVector], summary: FeatureSummary) -> None:
        """Store vectors, many a call; where one is refused, one by one."""
        for first in range(0, len(found), PUT_AT_ONCE):
            some = found[first : first + PUT_AT_ONCE]
            try:
                summary.written += self.book.put_vectors(self.account_id, some)
            except DatabaseRejected:
                for each in some:
                    self._put_one(each, summary)

    def _put_one(self, stored: StoredVector, summary: FeatureSummary) -> None:
        try:
            summary.written += self.book.put_vectors(self.account_id, (stored,))
        except DatabaseRejected as error:
            summary.failures.append(f"{stored.position_id}: {error}")


def _compare(found: Sequence[StoredVector], page: PastPage, summary: FeatureSummary) -> None:
    for again in found:
        differing = differences(page.vectors[again.position_id], again)
        summary.compared += 1
        summary.skewed += bool(differing)
        summary.differing.update(differing)


def _by_session(page: PastPage) -> Iterator[Group]:
    """Yield trades by the session of their vector's day; 0 where none is known."""

    def number_of(trade: PastTrade) -> int:
        number = session_number(trade.at + EVENING, sessions=page.sessions)
        is_over = number > 0 and trade.at > page.sessions[number - 1].closes_at + EVENING
        return 0 if is_over else number

    ranked = sorted(page.trades, key=lambda trade: (number_of(trade), trade.position_id))
    for number, own in groupby(ranked, key=number_of):
        yield number, tuple(own)
