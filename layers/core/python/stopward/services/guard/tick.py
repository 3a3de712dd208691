"""One tick: lease, look, believe, judge, record, act, confirm."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from stopward.domain.daily import daily_atr
from stopward.domain.decision import Exit, Reduce
from stopward.domain.identity import AccountId, OrderId, Symbol
from stopward.domain.orders import Fill
from stopward.domain.rulebook import Mask, RuleBook, parse
from stopward.domain.snapshot import Acknowledgement, Alarm, Busy, DayRow, Snapshot, TickRecord
from stopward.errors import BrokerUnavailable, DatabaseRejected, InvalidInput
from stopward.ports import Broker, Clock, MarketData, Store
from stopward.services.guard.act import Executor, Sent
from stopward.services.guard.believe import believe
from stopward.services.guard.bench import Bench
from stopward.services.guard.confirm import Confirmed, confirm, sold
from stopward.services.guard.entry_tags import EntryTags
from stopward.services.guard.judge import Judgement, judge
from stopward.services.guard.look import fills_needed_since, look_at_broker, look_at_market
from stopward.services.guard.plans import Planned, plan_all
from stopward.services.guard.record import is_unprotected, tick_record, without_holds
from stopward.services.guard.rounds import Rounds
from stopward.services.guard.subject import Beliefs, Market
from stopward.services.guard.summary import Summary

BUSY_RETRY = timedelta(milliseconds=250)
DAILY_LOOK_BACK = timedelta(days=30)
"""Calendar days that hold the fifteen sessions of an ATR(14), weekends and holidays included."""
STALE_FENCE = "stale_fence"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What one function needs to know of itself.

    source: its name, for the journal. mask: which rules it may apply. lease_seconds: how long a
    pulse may hold the account. busy_seconds: how long a busy lease is retried.
    """

    account_id: AccountId
    source: str
    mask: Mask = "all"
    lease_seconds: float = 15.0
    lease_margin_seconds: float = 2.0
    busy_seconds: float = 2.0


@dataclass(slots=True, kw_only=True)
class Guard:
    """Guards one account. `tick` may run any number of times for one instant: it acts once."""

    store: Store
    broker: Broker
    market_data: MarketData
    clock: Clock
    settings: GuardSettings
    on_failure: Callable[[str, Exception], None]
    _book: RuleBook | None = None
    _book_hash: str = ""
    _entry_tags: EntryTags = field(default_factory=EntryTags)

    def tick(self, tick_at: datetime, *, invocation: str = "") -> Summary:
        """Run the nine steps for the pulse `tick_at` and return its counts.

        invocation: who runs it, so that an event delivered twice at once has two holders, not one.

        Raises DatabaseUnavailable when the store gives no answer: stops rest, the next tick
        reconciles. A broker that gives no answer is recorded as an alarm, and the lease given back.
        """
        started_at = self.clock.now()
        snapshot = self._begin(tick_at, invocation)
        if isinstance(snapshot, Busy):
            return Summary(busy=1)
        try:
            book = self._rulebook(snapshot)
            beliefs, market, now = self._look(snapshot, book, tick_at)
        except (BrokerUnavailable, InvalidInput) as error:
            return self._give_up(snapshot, tick_at, error)
        bench = Bench(
            snapshot=snapshot,
            book=book,
            market=market,
            session=snapshot.session,
            tick_at=tick_at,
            now=now,
            mask=self.settings.mask,
            source=self.settings.source,
        )
        judgement = judge(bench, beliefs)
        planned = plan_all(bench, beliefs, judgement)
        fresh = self._record(bench, beliefs, judgement, planned)
        deadline = started_at + timedelta(
            seconds=self.settings.lease_seconds - self.settings.lease_margin_seconds
        )
        confirmed = Confirmed()
        if any(each.steps for each in planned):
            confirmed = self._act(bench, planned, fresh, judgement.day, deadline)
        return _summary(beliefs, judgement, planned, confirmed)

    def _begin(self, tick_at: datetime, invocation: str) -> Snapshot | Busy:
        """Take the lease; a busy one is asked again for `busy_seconds`, or one function starves."""
        give_up_at = self.clock.now() + timedelta(seconds=self.settings.busy_seconds)
        holder = f"{self.settings.source}/{tick_at.isoformat()}/{invocation}"
        while True:
            snapshot = self.store.begin_tick(
                self.settings.account_id,
                tick_at=tick_at,
                holder=holder,
                lease_seconds=self.settings.lease_seconds,
            )
            now = self.clock.now()
            if isinstance(snapshot, Snapshot) or now >= give_up_at:
                return snapshot
            self.clock.sleep_until(now + BUSY_RETRY)

    def _rulebook(self, snapshot: Snapshot) -> RuleBook:
        if self._book is None or self._book_hash != snapshot.account.rules_hash:
            source = f"rules of account {snapshot.account.name}"
            self._book = parse(snapshot.account.rules_toml, source=source)
            self._book_hash = snapshot.account.rules_hash
        return self._book

    def _look(
        self, snapshot: Snapshot, book: RuleBook, tick_at: datetime
    ) -> tuple[Beliefs, Market, datetime]:
        now = self.clock.now()
        self._entry_tags.known = book.known_tags
        picture = look_at_broker(
            self.broker, snapshot, now=now, settings=book.account, entry_tags=self._entry_tags
        )
        beliefs = believe(snapshot, picture, book.account, daily_atr=self._daily_atr(now))
        if snapshot.session is not None and beliefs.day.equity is None:
            account = self.broker.account()
            equity = account.last_equity or account.equity
            beliefs = replace(beliefs, day=replace(beliefs.day, equity=equity))
        market = look_at_market(
            self.market_data,
            [subject.position.symbol for subject in beliefs.subjects],
            states=snapshot.symbols,
            session=snapshot.session,
            tick_at=tick_at,
            now=now,
            max_quote_age=timedelta(seconds=book.account.max_quote_age_seconds),
        )
        return beliefs, market, now

    def _daily_atr(self, now: datetime) -> Callable[[Sequence[Symbol]], Mapping[Symbol, float]]:
        def read(symbols: Sequence[Symbol]) -> Mapping[Symbol, float]:
            since = now - DAILY_LOOK_BACK
            bars = self.market_data.daily_bars(symbols, since=since, until=now)
            return {symbol: daily_atr(found) for symbol, found in bars.items()}

        return read

    def _give_up(self, snapshot: Snapshot, tick_at: datetime, error: Exception) -> Summary:
        """Record that the tick could not look, and give the lease back; stops rest as they are."""
        kind = "rules_invalid" if isinstance(error, InvalidInput) else "broker_unavailable"
        alarm = Alarm(key=kind, kind=kind, symbol=None, message=str(error), severity="critical")
        self.on_failure(kind, error)
        self.store.record_tick(
            TickRecord(
                fence=snapshot.fence,
                account_id=self.settings.account_id,
                tick_at=tick_at,
                at=self.clock.now(),
                source=self.settings.source,
                alarms=(alarm,),
                release=True,
            )
        )
        return Summary(ticks=1, positions=len(snapshot.positions), alarms=1, failures=1)

    def _record(
        self,
        bench: Bench,
        beliefs: Beliefs,
        judgement: Judgement,
        planned: Sequence[Planned],
    ) -> frozenset[OrderId]:
        """Write the tick; when its journal of holds cannot be written, what protects still is."""
        record = tick_record(bench, beliefs, judgement, planned, at=self.clock.now())
        try:
            return self.store.record_tick(record)
        except DatabaseRejected as error:
            if error.rule == STALE_FENCE:
                raise
            self.on_failure("journal", error)
            return self.store.record_tick(without_holds(record, error))

    def _act(
        self,
        bench: Bench,
        planned: Sequence[Planned],
        fresh: frozenset[OrderId],
        day: DayRow,
        deadline: datetime,
    ) -> Confirmed:
        """Send, plan anew where a step came out otherwise, acknowledge: the lease is released."""
        rounds = Rounds(
            broker=self.broker,
            market_data=self.market_data,
            store=self.store,
            executor=Executor(broker=self.broker, clock=self.clock, deadline=deadline),
            on_failure=self.on_failure,
        )
        sent = rounds.carry_out(bench, planned, fresh)
        confirmed = confirm(sent, self._fills(bench, sent), day, now=self.clock.now())
        self.store.acknowledge(
            Acknowledgement(
                fence=bench.snapshot.fence,
                account_id=self.settings.account_id,
                tick_at=bench.tick_at,
                at=self.clock.now(),
                orders=confirmed.orders,
                positions=confirmed.positions,
                trades=confirmed.trades,
                alarms=confirmed.alarms,
                cleared=confirmed.cleared,
                day=confirmed.day,
                unprotected_seconds=confirmed.unprotected_seconds,
            )
        )
        return confirmed

    def _fills(self, bench: Bench, sent: Sequence[Sent]) -> tuple[Fill, ...]:
        """Read the fills of exits just done; without an answer the next tick reads them."""
        if not sold(sent):
            return ()
        since = min(fills_needed_since(each.position) for each in sent)
        try:
            return self.broker.fills(since=since)
        except BrokerUnavailable as error:
            self.on_failure("fills", error)
            return ()


def _summary(
    beliefs: Beliefs, judgement: Judgement, planned: Sequence[Planned], confirmed: Confirmed
) -> Summary:
    decisions = [each.decision for each in judgement.judged if each.decision is not None]
    steps = [order.step for order in confirmed.orders]
    return Summary(
        ticks=1,
        positions=len(judgement.judged),
        adopted=sum(subject.is_new for subject in beliefs.subjects),
        decisions=len(decisions),
        exits=sum(isinstance(decision, Exit) for decision in decisions),
        reduces=sum(isinstance(decision, Reduce) for decision in decisions),
        moves=steps.count("move"),
        arms=steps.count("arm"),
        orders_sent=len(confirmed.orders),
        orders_rejected=sum(order.status == "rejected" for order in confirmed.orders),
        trades=len(beliefs.trades) + len(confirmed.trades),
        alarms=len(beliefs.alarms) + len(judgement.alarms) + len(confirmed.alarms),
        unprotected=sum(is_unprotected(each.subject) for each in judgement.judged),
        unusable_views=sum(view.fault is not None for view in judgement.views),
        unprotected_seconds=sum(confirmed.unprotected_seconds.values()),
    )
