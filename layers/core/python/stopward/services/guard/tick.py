"""One tick: lease, look, believe, judge, record, act, confirm."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from stopward.domain.fills import fills_needed_since, orders_of_others
from stopward.domain.identity import OrderId
from stopward.domain.orders import BrokerOrder, Fill
from stopward.domain.rulebook import RuleBook, parse
from stopward.domain.snapshot import Acknowledgement, Alarm, Busy, DayRow, Snapshot, TickRecord
from stopward.errors import (
    BrokerRejected,
    BrokerUnavailable,
    DatabaseRejected,
    InvalidInput,
    OtherAccount,
)
from stopward.ports import Broker, Clock, MarketData, Store
from stopward.services.guard.act import Executor
from stopward.services.guard.believe import believe
from stopward.services.guard.bench import Bench
from stopward.services.guard.confirm import Confirmed, confirm, sold
from stopward.services.guard.judge import Judgement, judge
from stopward.services.guard.look import look_at_broker
from stopward.services.guard.plans import Planned, plan_all
from stopward.services.guard.record import tick_record, without_holds
from stopward.services.guard.remembered import Remembered
from stopward.services.guard.rounds import Rounds
from stopward.services.guard.sent import Sent
from stopward.services.guard.settings import GuardSettings
from stopward.services.guard.sight import Sight
from stopward.services.guard.subject import Beliefs
from stopward.services.guard.summary import Summary, summarize
from stopward.services.guard.whose_account import refuse_other_account

BUSY_RETRY = timedelta(milliseconds=250)
REFUSED_KEYS = frozenset({401, 403})
STALE_FENCE = "stale_fence"


@dataclass(slots=True, kw_only=True)
class Guard:
    """Guards one account. `tick` may run any number of times for one instant: it acts once.

    keys_refused: the broker did not take our keys at the last look; new ones must be read.
    """

    store: Store
    broker: Broker
    market_data: MarketData
    clock: Clock
    settings: GuardSettings
    on_failure: Callable[[str, Exception], None]
    _book: RuleBook | None = None
    _book_hash: str = ""
    keys_refused: bool = False
    _account_is_known: bool = False
    _remembered: Remembered = field(default_factory=Remembered)
    _failures: int = 0

    def tick(
        self, tick_at: datetime, *, invocation: str = "", until: datetime | None = None
    ) -> Summary:
        """Run the nine steps for the pulse `tick_at` and return its counts.

        invocation: who runs it, so that an event delivered twice at once has two holders, not one.
        until: nothing is sent after it; None leaves that to the lease alone.

        Raises DatabaseUnavailable when the store gives no answer: stops rest, the next tick
        reconciles. A broker that gives no answer, or refuses our keys, is recorded as an alarm, and
        the lease given back.
        """
        self._failures = 0
        snapshot = self._begin(tick_at, invocation)
        if isinstance(snapshot, Busy):
            return Summary(busy=1)
        now = self.clock.now()
        sight = Sight(market_data=self.market_data, now=now, on_failure=self._failed)
        try:
            book, alarms = self._rulebook(snapshot)
            beliefs = self._believe(snapshot, book, sight)
        except (BrokerUnavailable, BrokerRejected, InvalidInput) as error:
            return self._give_up(snapshot, tick_at, error)
        market = sight.market(snapshot, beliefs, book, tick_at=tick_at)
        bench = Bench(
            snapshot=snapshot,
            book=book,
            market=market,
            session=snapshot.session,
            tick_at=tick_at,
            now=now,
            mask=self.settings.mask,
            source=self.settings.source,
            alarms=(*alarms, *sight.alarms),
        )
        judgement = judge(bench, beliefs)
        planned = plan_all(bench, beliefs, judgement)
        fresh = self._record(bench, beliefs, judgement, planned)
        confirmed = Confirmed()
        if any(each.steps for each in planned):
            confirmed = self._act(bench, planned, fresh, judgement.day, self._deadline(until))
        return summarize(beliefs, judgement, planned, confirmed, failures=self._failures)

    def _failed(self, where: str, error: Exception) -> None:
        self._failures += 1
        self.on_failure(where, error)

    def _deadline(self, until: datetime | None) -> datetime:
        """Return when sending ends: with the lease, which the record has renewed, or before."""
        seconds = self.settings.lease_seconds - self.settings.lease_margin_seconds
        leased = self.clock.now() + timedelta(seconds=seconds)
        return leased if until is None else min(leased, until)

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

    def _rulebook(self, snapshot: Snapshot) -> tuple[RuleBook, tuple[Alarm, ...]]:
        """Return the account's rules; of a file that cannot be read, the last good one's.

        Without a last good one no rule acts, and what is guarded already stays protected.
        """
        if self._book is not None and self._book_hash == snapshot.account.rules_hash:
            return self._book, ()
        source = f"rules of account {snapshot.account.name}"
        try:
            self._book = parse(snapshot.account.rules_toml, source=source)
        except InvalidInput as error:
            self._failed("rules", error)
            alarm = Alarm(
                key="rules_invalid",
                kind="rules_invalid",
                symbol=None,
                message=f"the last good rules hold: {error}",
                severity="critical",
            )
            return self._book or _protecting(snapshot), (alarm,)
        self._book_hash = snapshot.account.rules_hash
        return self._book, ()

    def _believe(self, snapshot: Snapshot, book: RuleBook, sight: Sight) -> Beliefs:
        named = self.settings.account_number
        if named and not self._account_is_known:
            refuse_other_account(self.broker, named=named)
            self._account_is_known = True
        self._remembered.entry_tags.known = book.known_tags
        picture = look_at_broker(
            self.broker,
            snapshot,
            now=sight.now,
            settings=book.account,
            remembered=self._remembered,
            on_failure=self._failed,
        )
        beliefs = believe(snapshot, picture, book.account, daily_atr=sight.daily_atr)
        if snapshot.session is None or beliefs.day.equity is not None:
            return beliefs
        account = self.broker.account()
        equity = account.last_equity or account.equity
        return replace(beliefs, day=replace(beliefs.day, equity=equity))

    def _give_up(self, snapshot: Snapshot, tick_at: datetime, error: Exception) -> Summary:
        """Record that the tick could not look, and give the lease back; stops rest as they are."""
        is_other = isinstance(error, OtherAccount)
        kind = "other_account" if is_other else "broker_unavailable"
        is_refused = isinstance(error, BrokerRejected) and error.status in REFUSED_KEYS
        self.keys_refused = is_refused or is_other
        alarm = Alarm(key=kind, kind=kind, symbol=None, message=str(error), severity="critical")
        self._failed(kind, error)
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
        record = tick_record(
            bench,
            beliefs,
            judgement,
            planned,
            at=self.clock.now(),
            lease_seconds=self.settings.lease_seconds,
        )
        try:
            return self.store.record_tick(record)
        except DatabaseRejected as error:
            if error.rule == STALE_FENCE:
                raise
            self._failed("journal", error)
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
            on_failure=self._failed,
        )
        sent = rounds.carry_out(bench, planned, fresh)
        fills, found = self._fills(bench, sent)
        confirmed = confirm(
            sent,
            fills,
            day,
            recorded=bench.snapshot.orders,
            found=found,
            now=self.clock.now(),
            session=bench.session,
        )
        self.store.acknowledge(
            Acknowledgement(
                fence=bench.snapshot.fence,
                account_id=self.settings.account_id,
                tick_at=bench.tick_at,
                at=self.clock.now(),
                orders=confirmed.orders,
                positions=confirmed.positions,
                trades=confirmed.trades,
                observations=confirmed.observations,
                alarms=confirmed.alarms,
                cleared=confirmed.cleared,
                day=confirmed.day,
                unprotected_seconds=confirmed.unprotected_seconds,
            )
        )
        return confirmed

    def _fills(
        self, bench: Bench, sent: Sequence[Sent]
    ) -> tuple[tuple[Fill, ...], tuple[BrokerOrder, ...]]:
        """Read the fills of exits just done, and the orders of others that filled meanwhile.

        Without an answer the next tick reads them.
        """
        if not sold(sent):
            return (), ()
        since = min(fills_needed_since(each.position) for each in sent)
        ours = (*bench.snapshot.orders, *(order for each in sent for order in each.orders))
        try:
            fills = self.broker.fills(since=since)
            others = orders_of_others(
                fills, [each.position for each in sent if sold((each,))], ours
            )
            found = tuple(self.broker.order(order_id) for order_id in others)
        except (BrokerUnavailable, BrokerRejected) as error:
            self._failed("fills", error)
            return (), ()
        return fills, tuple(order for order in found if order is not None)


def _protecting(snapshot: Snapshot) -> RuleBook:
    """Return rules that do nothing, for an account whose guarded positions stay protected."""
    symbols = ", ".join(f'"{position.symbol}"' for position in snapshot.positions)
    return parse(f"[account]\nallow = [{symbols}]\n", source="protection alone")
