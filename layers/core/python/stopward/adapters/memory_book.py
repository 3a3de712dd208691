"""One account's state in memory, and how a tick changes it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from stopward.adapters.memory_alarms import raise_alarms
from stopward.adapters.memory_rows import (
    AlarmRow,
    JournalRow,
    KeptFigure,
    Lease,
    OrderEvent,
    VectorKey,
)
from stopward.adapters.memory_rules import (
    UNSETTLED,
    check_change,
    check_intent,
    check_new,
    check_settled,
    check_together,
    check_trade,
    ends,
    extends,
    is_repeated,
    is_told,
    is_withheld,
    refusal,
    refuse_if,
    step_key,
)
from stopward.domain.excursions import COUNTED, Excursions, measure
from stopward.domain.features.past_trade import StoredVector
from stopward.domain.identity import OrderId, PositionId, Symbol
from stopward.domain.open_score import OpenScore
from stopward.domain.orders import Order
from stopward.domain.position import Position
from stopward.domain.rule_set import RuleSet
from stopward.domain.snapshot import (
    AccountRow,
    Alarm,
    DayRow,
    DecisionRow,
    Observation,
    SymbolState,
    TradeRow,
    ViewRow,
)


@dataclass(slots=True, kw_only=True)
class Book:
    """Everything of one account. Copied before a transaction, and put in place when it held."""

    account: AccountRow
    exchange: str
    equity_prior_close: Decimal | None = None
    equity_put_at: datetime | None = None
    rules: dict[str, str] = field(default_factory=dict)
    lease: Lease | None = None
    positions: dict[PositionId, Position] = field(default_factory=dict)
    closed: dict[PositionId, datetime] = field(default_factory=dict)
    orders: dict[OrderId, Order] = field(default_factory=dict)
    events: list[OrderEvent] = field(default_factory=list)
    symbols: dict[Symbol, SymbolState] = field(default_factory=dict)
    tags: dict[Symbol, tuple[str, ...]] = field(default_factory=dict)
    views: dict[tuple[datetime, Symbol, int], ViewRow] = field(default_factory=dict)
    rule_sets: dict[str, RuleSet] = field(default_factory=dict)
    journal: list[JournalRow] = field(default_factory=list)
    last_decision: dict[tuple[PositionId, str], int] = field(default_factory=dict)
    trades: dict[PositionId, TradeRow] = field(default_factory=dict)
    days: dict[str, DayRow] = field(default_factory=dict)
    observations: list[tuple[datetime, Observation]] = field(default_factory=list)
    alarms: list[AlarmRow] = field(default_factory=list)
    gaps: dict[tuple[datetime, str, Symbol], float] = field(default_factory=dict)
    figures: dict[tuple[PositionId, str], KeptFigure] = field(default_factory=dict)
    vectors: dict[VectorKey, StoredVector] = field(default_factory=dict)
    unresolved: set[VectorKey] = field(default_factory=set)
    scores: dict[PositionId, OpenScore] = field(default_factory=dict)

    def copy(self) -> "Book":
        """Return a copy whose containers are its own; what they hold never changes."""
        return replace(
            self,
            rules=dict(self.rules),
            positions=dict(self.positions),
            closed=dict(self.closed),
            orders=dict(self.orders),
            events=list(self.events),
            symbols=dict(self.symbols),
            tags=dict(self.tags),
            views=dict(self.views),
            rule_sets=dict(self.rule_sets),
            journal=list(self.journal),
            last_decision=dict(self.last_decision),
            trades=dict(self.trades),
            days=dict(self.days),
            observations=list(self.observations),
            alarms=list(self.alarms),
            gaps=dict(self.gaps),
            figures=dict(self.figures),
            vectors=dict(self.vectors),
            unresolved=set(self.unresolved),
            scores=dict(self.scores),
        )

    def open_positions(self) -> tuple[Position, ...]:
        """Return the positions under guard, by symbol."""
        found = (p for p in self.positions.values() if p.id not in self.closed)
        return tuple(sorted(found, key=lambda position: position.symbol))

    def require_fence(self, fence: int) -> None:
        """Refuse a writer whose lease was taken over."""
        held = None if self.lease is None else self.lease.fence
        if held != fence:
            raise refusal("stale_fence", f"fence {fence}, passed by {held},")

    def observe(self, tick_at: datetime, observations: Iterable[Observation]) -> None:
        """Append what was seen; the same thing of the same pulse once."""
        for observation in observations:
            if (tick_at, observation) not in self.observations:
                self.observations.append((tick_at, observation))

    def seen_at(self, tick_at: datetime) -> tuple[Observation, ...]:
        """Return what was seen at a pulse, in whichever call it was told."""
        return tuple(each for at, each in self.observations if at == tick_at)

    def write_positions(
        self,
        positions: Iterable[Position],
        trades: Iterable[TradeRow],
        seen: Iterable[Observation],
    ) -> None:
        """Bring open positions to the rows given, close those that closed, add the new ones."""
        explained = tuple(seen)
        closing = {trade.position_id: trade.closed_at for trade in trades}
        new = []
        for position in positions:
            stored = self.positions.get(position.id)
            if stored is None:
                new.append(position)
            elif position.id not in self.closed:
                check_change(stored, position, explained)
                self.positions[position.id] = position
        self._close(closing)
        for position in new:
            check_new(position)
            taken = any(p.symbol == position.symbol for p in self.open_positions())
            refuse_if(taken, "positions_one_open_per_symbol", position.id)
            self.positions[position.id] = position
        self._close(closing)

    def write_trades(self, trades: Iterable[TradeRow]) -> None:
        """Write the trade of each closed position, once."""
        for trade in trades:
            unknown = trade.position_id not in self.positions
            refuse_if(unknown, "trades_position_known", trade.position_id)
            check_trade(trade, self.positions[trade.position_id])
            self.trades.setdefault(trade.position_id, trade)

    def excursions(self) -> Excursions:
        """Return what the last winning trades tell."""
        winners = [trade for trade in self.trades.values() if trade.result > 0]
        winners.sort(key=lambda trade: (trade.closed_at, trade.position_id), reverse=True)
        return measure([trade.mae_r for trade in winners[:COUNTED]])

    def write_intents(self, at: datetime, orders: Iterable[Order]) -> frozenset[OrderId]:
        """Insert intents and return the ids that are new.

        A step that is known, by its id or by what it is for, is left alone: a tick that runs again
        does not decide it anew.
        """
        known = tuple(self.orders.values())
        before = {step_key(order) for order in known}
        taken = set(before)
        new: list[Order] = []
        for order in orders:
            key = step_key(order)
            told = order.id in self.orders or key in before
            if told or is_withheld(order, known, self.account.mode):
                continue
            refuse_if(key in taken, "orders_one_per_step", order.id)
            taken.add(key)
            self._check_intent(order)
            self.orders[order.id] = order
            self.events.append(OrderEvent(order=order, tick_at=order.tick_at, at=at))
            new.append(order)
        for position_id, tick_at in {(order.position_id, order.tick_at) for order in new}:
            together = [o for o in new if (o.position_id, o.tick_at) == (position_id, tick_at)]
            held = self._held(position_id, tick_at)
            check_together(together, self.positions[position_id], held=held)
        return frozenset(order.id for order in new)

    def settle_orders(self, tick_at: datetime, at: datetime, orders: Iterable[Order]) -> None:
        """Write what came of orders, and an event for each that changed."""
        for order in orders:
            stored = self.orders.get(order.id)
            if stored is None:
                raise refusal("orders_recorded_first", order.id)
            told = ((e.tick_at, e.order) for e in self.events if e.order.id == order.id)
            if stored == order or is_repeated(stored, order, tick_at=tick_at, told=told):
                continue
            check_settled(stored, order)
            self.orders[order.id] = order
            self.events.append(OrderEvent(order=order, tick_at=tick_at, at=at))

    def write_rule_sets(self, rule_sets: Iterable[RuleSet]) -> None:
        """Keep rule sets; one that is known stays as it is."""
        for each in rule_sets:
            # Spelled, for nan is no number's equal.
            known = self.rule_sets.setdefault(each.digest, each)
            differs = known is not each and repr(known) != repr(each)
            refuse_if(differs, "rule_sets_append_only", each.digest)

    def write_journal(
        self, tick_at: datetime, decisions: Iterable[DecisionRow], views: Iterable[ViewRow]
    ) -> None:
        """Append decisions and their views; an equal hold inside a bar extends its run.

        A hold of a pulse that was told is dropped. What acts is kept beside what was told before,
        unless that decided the same: an order stands on it.
        """
        written: dict[Symbol, int] = {}
        told: set[Symbol] = set()
        for row in decisions:
            refuse_if(row.position_id not in self.positions, "decisions_position_fkey", row.symbol)
            given = row.circumstances
            unknown = given is not None and given.rule_set not in self.rule_sets
            refuse_if(unknown, "decisions_rule_set_known", row.symbol)
            told.add(row.symbol)
            key = (row.position_id, row.source)
            place = self.last_decision.get(key)
            last = None if place is None else self.journal[place]
            known = [] if last is None or row.tick_at > last.last_tick_at else self._told(row)
            if is_told(row, [each.row for each in known]):
                continue
            if last is not None and extends(last.row, last.last_tick_at, row):
                run = replace(last, last_tick_at=row.tick_at, ticks=last.ticks + 1)
                self.journal[self.last_decision[key]] = run
                continue
            at_once = [each.telling for each in known if each.row.tick_at == row.tick_at]
            telling = max(at_once, default=0) + 1
            written[row.symbol] = max(telling, written.get(row.symbol, 1))
            if last is None or ends(last.last_tick_at, row):
                self.last_decision[key] = len(self.journal)
            self.journal.append(JournalRow(row=row, last_tick_at=row.tick_at, telling=telling))
        for view in views:
            if view.symbol in written or view.symbol not in told:
                seen = (tick_at, view.symbol, written.get(view.symbol, 1))
                self.views.setdefault(seen, view)

    def _told(self, row: DecisionRow) -> list[JournalRow]:
        return [
            each
            for each in self.journal
            if (each.row.position_id, each.row.source) == (row.position_id, row.source)
            and each.row.tick_at <= row.tick_at <= each.last_tick_at
        ]

    def write_alarms(
        self, tick_at: datetime, at: datetime, alarms: Iterable[Alarm], cleared: Iterable[str]
    ) -> None:
        """Raise or count alarms by key; clear those whose key or kind is over.

        A pulse counts once, and the gravest word about it stays.
        """
        self.alarms = raise_alarms(self.alarms, tick_at, at, alarms, cleared)

    def write_day(self, day: DayRow | None) -> None:
        """Bring the session's row to the one given; a lock stays."""
        if day is None:
            return
        stored = self.days.get(day.session_day)
        unlocked = stored is not None and stored.locked_by is not None and day.locked_by is None
        refuse_if(unlocked, "day_results_lock_stays", day.session_day)
        self.days[day.session_day] = day

    def write_gaps(self, tick_at: datetime, phase: str, seconds: Mapping[Symbol, float]) -> None:
        """Write the seconds without protection; told again, the larger number stays."""
        for symbol, value in seconds.items():
            key = (tick_at, phase, symbol)
            self.gaps[key] = max(value, self.gaps.get(key, 0.0))

    def tag(self, symbol: Symbol, tag: str) -> None:
        """Add a tag to a symbol."""
        self.tags[symbol] = tuple(sorted({*self.tags.get(symbol, ()), tag}))

    def _close(self, closing: Mapping[PositionId, datetime]) -> None:
        for position_id, closed_at in closing.items():
            if position_id in self.positions:
                self.closed.setdefault(position_id, closed_at)

    def _check_intent(self, order: Order) -> None:
        position = self.positions.get(order.position_id)
        if position is None:
            raise refusal("orders_position_fkey", order.id)
        held = self._held(order.position_id, order.tick_at)
        check_intent(order, position, is_closed=position.id in self.closed, held=held)
        another = any(
            other.step == "sell" and other.status in UNSETTLED
            for other in self.orders.values()
            if other.symbol == order.symbol
        )
        refuse_if(order.step == "sell" and another, "orders_one_unsettled_sell", order.id)

    def _held(self, position_id: PositionId, tick_at: datetime) -> Decimal:
        """Return what the broker was seen to hold at that pulse; 0 when nothing was told."""
        seen = (
            Decimal(each.detail.get("quantity", 0))
            for each in self.seen_at(tick_at)
            if each.kind == "held" and each.position_id == position_id
        )
        return max(seen, default=Decimal(0))
