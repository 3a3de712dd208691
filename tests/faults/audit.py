"""What must hold, checked after every step against the simulator's own ledger and orders."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from stopward.adapters.memory import MemoryStore
from stopward.domain.holding import is_tighter
from stopward.domain.identity import BrokerOrderId, OrderId, PositionId, Symbol, is_ours
from stopward.domain.money import sign
from stopward.domain.orders import Order, OrderRequest
from stopward.domain.position import HAND_LOOSENED, Position
from stopward.domain.rulebook import RuleBook
from stopward.domain.snapshot import Acknowledgement, Busy, Snapshot, TickRecord
from stopward.errors import DatabaseRejected
from stopward.local.simulator import SimulatedOrder, Simulator
from stopward.local.simulator.order import is_stop_kind
from stopward.local.simulator.state import protects
from tests.builders.guard import ACCOUNT
from tests.faults.episode import ZERO, Episode
from tests.faults.frame import Broken, Frame
from tests.faults.redecide import check_decided_again

STALE_FENCE = "stale_fence"
RESTS = frozenset({"new", "accepted", "held"})


@dataclass(slots=True, kw_only=True)
class Audit:
    """Reads the ledger event by event; raises Broken at the first thing that must not be.

    excess_by_hand: symbols that the trader reduced past orders that rest. rejected: symbols of
    which the market rejected an order of ours since the tick began: the next one sees it. adopted:
    by position, its episode and the first execution in it after the adoption. just_split: symbols
    whose split no healthy tick has seen yet.
    """

    simulator: Simulator
    store: MemoryStore
    book: RuleBook
    sends_allowed: bool
    hands_off: set[Symbol]
    holding: dict[Symbol, Episode] = field(default_factory=dict)
    finished: list[Episode] = field(default_factory=list)
    excess_by_hand: set[Symbol] = field(default_factory=set)
    rejected: set[Symbol] = field(default_factory=set)
    adopted: dict[PositionId, tuple[Episode, int]] = field(default_factory=dict)
    just_split: set[Symbol] = field(default_factory=set)
    _events: int = 0
    _executions: int = 0
    _seen: set[BrokerOrderId] = field(default_factory=set)

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Every symbol that trades."""
        return self.simulator.state.tape.symbols

    # What a guard asks for, before it has any effect

    def began(self, frame: Frame, snapshot: Snapshot | Busy) -> Snapshot | Busy:
        """Take note of what was off limits when a tick began."""
        frame.watched = frozenset(self.hands_off)
        if isinstance(snapshot, Snapshot):
            frame.snapshot = snapshot
        return snapshot

    def asked_to_submit(self, frame: Frame, request: OrderRequest) -> None:
        """Check an order of ours before it is sent."""
        self._may_send(frame, request.symbol)
        recorded = self.store.book(ACCOUNT).orders.get(request.client_order_id)
        if recorded is None:
            raise Broken(f"5: {request.client_order_id} is sent and was never recorded")
        if request.quantity > recorded.quantity:
            raise Broken(f"5: {request.quantity} sent, {recorded.quantity} recorded")
        told = frame.told.get(request.symbol, ZERO)
        waits = [o for o, symbol in frame.canceled.items() if symbol == request.symbol]
        waiting = sum((self.simulator.book[o].open_quantity for o in waits), ZERO)
        if waits and request.quantity > told - waiting:
            raise Broken(
                f"1: {request.kind} sent before the cancel of {waits[0]} was seen to be final"
            )
        if request.quantity > told:
            raise Broken(
                f"1: {request.kind} of {request.quantity} {request.symbol} sent, "
                f"{told} were held when last read"
            )
        again = request.client_order_id in frame.unanswered
        if request.kind == "market" and request.symbol not in frame.fresh and not again:
            raise Broken(f"1: {request.symbol} is sold and was not read after the last change")

    def asked_to_replace(
        self,
        frame: Frame,
        order_id: BrokerOrderId,
        client_order_id: OrderId,
        quantity: Decimal | None,
        stop_price: Decimal | None,
    ) -> None:
        """Check a replacement before it is sent."""
        recorded = self.store.book(ACCOUNT).orders.get(client_order_id)
        if recorded is None or recorded.on != order_id:
            raise Broken(f"5: the replacement {client_order_id} was never recorded")
        if quantity not in (None, recorded.quantity) or stop_price not in (None, recorded.price):
            raise Broken(f"5: {client_order_id} is not sent as it was recorded")
        self._may_send(frame, recorded.symbol)

    def asked_to_cancel(self, frame: Frame, order_id: BrokerOrderId) -> Symbol | None:
        """Check a cancel before it is sent; return the symbol of its order."""
        orders = self.store.book(ACCOUNT).orders.values()
        releases = [o for o in orders if o.step == "release" and o.on == order_id]
        if not releases:
            raise Broken(f"5: the cancel of {order_id} was never recorded")
        order = self.simulator.book.get(order_id)
        if order is None:
            return None
        self._may_send(frame, order.symbol)
        told = frame.told.get(order.symbol, ZERO)
        may_lag = frame.faults > 0 and told > 0
        if order.is_open and not may_lag and not self._is_followed(releases[-1], order):
            raise Broken(f"4: the stop of held {order.symbol} is canceled, and nothing follows")
        return order.symbol

    def _is_followed(self, release: Order, order: SimulatedOrder) -> bool:
        """Whether a sale or a stop takes its place, or it stands for shares that are gone."""
        shares = abs(self.simulator.shares(order.symbol))
        if not is_stop_kind(order.kind) or order.open_quantity < shares:
            return True
        if self.simulator.book.held(order.symbol, order.side) > shares or not shares:
            return True
        own = self.store.book(ACCOUNT).orders.values()
        return any(
            (o.step == "arm" and o.tick_at == release.tick_at)
            or (o.step == "sell" and o.status in ("recorded", "working"))
            for o in own
            if o.position_id == release.position_id
        )

    @contextmanager
    def writing(self, frame: Frame, told: TickRecord | Acknowledgement) -> Iterator[None]:
        """Let nothing be written that the database refuses, but by a writer that came too late.

        And no decision that what is written of it would not come to again.
        """
        if isinstance(told, TickRecord):
            check_decided_again(told, self.book)
        before = self.store.book(ACCOUNT).positions
        known, loose = set(before), {p.id for p in before.values() if HAND_LOOSENED in p.flags}
        try:
            yield
        except DatabaseRejected as refused:
            if refused.rule != STALE_FENCE:
                raise Broken(
                    f"the database refused {told.tick_at:%H:%M:%S}: {refused}"
                ) from refused
            raise
        finally:
            stored = self.store.book(ACCOUNT).positions
            for position_id in stored.keys() - known - self.adopted.keys():
                self._adopted(stored[position_id], listed_at=frame.listed_at)
            # A stop of ours may have come to rest after he loosened his, and before we saw it.
            for position_id in stored.keys() & {p.id for p in told.positions} - loose:
                if HAND_LOOSENED in stored[position_id].flags:
                    self.loosened(stored[position_id].symbol)
        frame.closed |= {
            self.store.book(ACCOUNT).positions[t.position_id].symbol for t in told.trades
        }

    def _adopted(self, position: Position, *, listed_at: datetime) -> None:
        """Remember from which execution on the position is ours: it was held as it was listed."""
        shares = sign(position.side) * position.quantity
        all_of = (*self.finished, *self.holding.values())
        for episode in reversed([each for each in all_of if each.symbol == position.symbol]):
            if (last := episode.last_with(shares, by=listed_at)) is not None:
                self.adopted[position.id] = (episode, last + 1)
                return

    # What happened at the broker

    def check(self) -> None:
        """Read the new events of the ledger, and check what must hold at every moment."""
        ledger = self.simulator.ledger
        if len(ledger.events) == self._events:
            return
        touched = set()
        while self._events < len(ledger.events):
            event = ledger.events[self._events]
            self._events += 1
            touched.add(event.symbol)
            if event.kind == "split":
                episode = self.holding[event.symbol]
                episode.shares, episode.tightest, episode.has_split = event.quantity, None, True
                continue
            if event.order_id is None:
                continue
            order = self.simulator.book[event.order_id]
            if event.kind == "fill":
                self._filled(order)
            elif is_ours(order.client_order_id):
                self._changed(order, event.kind)
        for symbol in touched:
            self._check_symbol(symbol)

    def loosened(self, symbol: Symbol) -> None:
        """Take note that the trader moved or placed a stop: what he loosened is loose."""
        episode = self.holding.get(symbol)
        if episode is None or episode.tightest is None:
            return
        for order in self.simulator.open_orders(symbol):
            if is_ours(order.client_order_id) or order.stop_price is None:
                continue
            if is_tighter(episode.tightest, order.stop_price, episode.side):
                episode.tightest = order.stop_price

    def naked(self, symbol: Symbol) -> Decimal:
        """Return the shares that have neither a resting stop nor a working exit."""
        shares = self.simulator.shares(symbol)
        side = "sell" if shares > 0 else "buy"
        promised = self.simulator.book.promised(symbol, side)
        covered = sum((o.open_quantity for o in promised if protects(o)), ZERO)
        return max(abs(shares) - covered, ZERO)

    def _filled(self, order: SimulatedOrder) -> None:
        execution = self.simulator.ledger.executions[self._executions]
        self._executions += 1
        change = order.direction * execution.quantity
        episode = self.holding.get(order.symbol)
        if episode is None:
            episode = Episode(symbol=order.symbol, began_at=execution.at)
            self.holding[order.symbol] = episode
        before = episode.shares
        after = before + change
        ours = is_ours(order.client_order_id)
        opens = before == 0 or before * after < 0 or abs(after) > abs(before)
        if ours and opens and order.symbol not in self.excess_by_hand:
            raise Broken(
                f"1: our {order.kind} {order.client_order_id} took {order.symbol} "
                f"from {before} to {after}"
            )
        if before and before * after < 0:
            episode.steps.append((execution.at, ZERO, execution.realised))
            self.finished.append(episode)
            self.holding[order.symbol] = Episode(
                symbol=order.symbol,
                began_at=execution.at,
                shares=after,
                steps=[(execution.at, after, ZERO)],
            )
            return
        episode.shares = after
        episode.steps.append((execution.at, after, execution.realised))
        if after == 0:
            self.finished.append(episode)
            del self.holding[order.symbol]

    def _changed(self, order: SimulatedOrder, status: str) -> None:
        if status == "rejected":
            self.rejected.add(order.symbol)
        episode = self.holding.get(order.symbol)
        if not is_stop_kind(order.kind) or order.stop_price is None or episode is None:
            return
        known = episode.tightest
        is_looser = known is not None and is_tighter(known, order.stop_price, episode.side)
        old = None if order.replaces is None else self.simulator.book[order.replaces]
        is_shrunk = old is not None and old.stop_price == order.stop_price
        if order.id not in self._seen:
            self._seen.add(order.id)
            if is_looser and not is_shrunk:
                raise Broken(
                    f"3: our stop for {order.symbol} at {order.stop_price} is looser than {known}, "
                    "which rested before"
                )
        # One of ours that is shrunk rested there before: he may have loosened others since.
        counted = is_shrunk and old is not None and is_ours(old.client_order_id)
        if counted or status not in RESTS or not order.is_open:
            return
        if known is None or is_tighter(order.stop_price, known, episode.side):
            episode.tightest = order.stop_price

    def _check_symbol(self, symbol: Symbol) -> None:
        shares = self.simulator.shares(symbol)
        orders = self.simulator.open_orders(symbol)
        ours = [o for o in orders if is_ours(o.client_order_id) and o.kind == "market"]
        if len(ours) > 1:
            raise Broken(f"2: {len(ours)} sells of ours work for {symbol}")
        book = self.simulator.book
        held = book.held(symbol, "sell") if shares >= 0 else Decimal(0)
        held += book.held(symbol, "buy") if shares <= 0 else Decimal(0)
        rests = any(is_ours(o.client_order_id) for o in orders)
        if held <= abs(shares) and not rests:
            self.excess_by_hand.discard(symbol)
        elif held > abs(shares) and rests and symbol not in self.excess_by_hand:
            raise Broken(f"1: orders hold {held} of {abs(shares)} {symbol}")

    def _may_send(self, frame: Frame, symbol: Symbol) -> None:
        if not self.sends_allowed:
            raise Broken(f"8: something is sent for {symbol} in mode observe")
        if symbol in frame.watched:
            raise Broken(f"8: something is sent for {symbol}, which is not opted in")
