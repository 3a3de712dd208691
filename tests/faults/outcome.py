"""What must hold once things are quiet: nothing unsettled, one story at broker and store, money."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import takewhile

from stopward.adapters.memory_book import Book
from stopward.domain.holding import is_tighter
from stopward.domain.identity import Symbol, is_ours
from stopward.domain.money import sign
from stopward.domain.orders import Order
from stopward.domain.position import REBASED, Position
from stopward.local.simulator import Simulator
from stopward.local.simulator.ledger import Execution
from stopward.local.simulator.order import SimulatedOrder, is_stop_kind
from tests.builders.guard import ACCOUNT
from tests.faults.audit import Audit
from tests.faults.frame import Broken

CENT = Decimal("0.01")
MOST_IN_PARTS = Decimal("0.8")


def check_protected(audit: Audit, *, but: Collection[Symbol] = ()) -> None:
    """After healthy ticks every opted-in share has a resting stop or a working exit."""
    if not audit.sends_allowed:
        return
    tags = audit.store.book(ACCOUNT).tags
    for symbol in audit.holding:
        if symbol in but or is_opposed_by_hand(audit, symbol) or _cannot_rest(audit, symbol):
            continue
        if symbol in audit.hands_off | audit.rejected or "halted" in tags.get(symbol, ()):
            continue
        naked = audit.naked(symbol)
        if naked > 0:
            raise Broken(
                f"4: {naked} of {audit.simulator.shares(symbol)} {symbol} have no stop and no exit"
            )


def _cannot_rest(audit: Audit, symbol: Symbol) -> bool:
    """Whether the price is through the stop and nothing may be sold: closed, or an exit works.

    Through it is also what is nearer than a tick, for the broker takes no stop there.
    Nor does a stop for fractions rest after the close: it is a day order.
    """
    shares = audit.simulator.shares(symbol)
    if shares != shares.to_integral_value() and not _in_session(audit):
        return True
    position = next(
        (p for p in audit.store.book(ACCOUNT).open_positions() if p.symbol == symbol), None
    )
    price = audit.simulator.price(symbol)
    if position is None or price is None:
        return False
    if sign(position.side) * (price - position.stop) >= position.tick_at(price):
        return False
    orders = audit.simulator.open_orders(symbol)
    leaving = any(o.kind == "market" and is_ours(o.client_order_id) for o in orders)
    return leaving or not _in_session(audit)


def is_opposed_by_hand(audit: Audit, symbol: Symbol) -> bool:
    """Whether an order of the trader's that would enlarge it makes the broker refuse a stop."""
    adding = "buy" if audit.simulator.shares(symbol) > 0 else "sell"
    orders = audit.simulator.open_orders(symbol)
    return any(o.side == adding and not is_ours(o.client_order_id) for o in orders)


def check_settled(audit: Audit) -> None:
    """Once quiet, what the store says is what the broker holds, and nothing is left unsettled."""
    book = audit.store.book(ACCOUNT)
    for order in book.orders.values():
        if order.status in ("recorded", "working"):
            _check_unsettled(audit, order)
    for position in book.open_positions():
        _check_position(audit, position)
    for symbol in audit.symbols:
        flat = not audit.simulator.shares(symbol) and symbol not in audit.hands_off
        rests = [o.id for o in audit.simulator.open_orders(symbol) if is_ours(o.client_order_id)]
        if flat and rests:
            raise Broken(f"6: {symbol} is flat, and our order {rests[0]} still rests")
    guarded = {position.symbol for position in book.open_positions()}
    for symbol in audit.holding:
        halted = "halted" in book.tags.get(symbol, ())
        if symbol not in guarded and symbol not in audit.hands_off and not halted:
            raise Broken(f"6: {symbol} is held at the broker, and not guarded")


def check_trades(audit: Audit) -> None:
    """Each position that closed has one trade, whose money and shares are the ledger's."""
    book = audit.store.book(ACCOUNT)
    for position_id in book.closed:
        position = book.positions[position_id]
        trade = book.trades.get(position_id)
        if trade is None:
            raise Broken(f"7: {position_id} is closed without a trade")
        expected = _realised(audit, position, closed_at=trade.closed_at)
        if expected is not None and abs(trade.result - expected) > CENT:
            raise Broken(f"7: {position_id} made {expected}, its trade says {trade.result}")
    _check_partials(book)
    for day in book.days.values():
        summed = sum((trade.result for trade in book.trades.values()), Decimal(0))
        if len(book.days) == 1 and abs(day.realised - summed) > CENT:
            raise Broken(f"7: the day made {summed}, its row says {day.realised}")


def _check_unsettled(audit: Audit, order: Order) -> None:
    if order.symbol in audit.hands_off:
        return
    at_broker = audit.simulator.book.by_client_id(order.id)
    if order.step == "release" and not _in_session(audit):
        return
    if order.step == "release":
        raise Broken(f"6: the release {order.id} is still {order.status}")
    waits = order.step == "sell" and not _in_session(audit)
    never_sent = order.step == "arm" and _cannot_rest(audit, order.symbol)
    if at_broker is None and (waits or never_sent):
        return
    if at_broker is None:
        raise Broken(f"6: {order.step} {order.id} is {order.status} and not at the broker")
    if not at_broker.is_open:
        raise Broken(f"6: {order.id} is {order.status}, at the broker {at_broker.status}")
    if order.status != "working":
        raise Broken(f"6: {order.id} is {order.status}, at the broker {at_broker.status}")


def _in_session(audit: Audit) -> bool:
    return _is_open(audit.simulator, audit.simulator.now)


def _is_open(simulator: Simulator, moment: datetime) -> bool:
    return simulator.state.hours.session_at(moment) is not None


def _check_position(audit: Audit, position: Position) -> None:
    symbol = position.symbol
    shares = audit.simulator.shares(symbol)
    signed = position.quantity if position.side == "long" else -position.quantity
    if shares != signed:
        raise Broken(f"6: {symbol} is {shares} at the broker and {signed} in the store")
    episode, _ = audit.adopted.get(position.id, (None, 0))
    if episode is not None and episode is not audit.holding[symbol]:
        raise Broken(f"6: {position.id} was left and entered again, and is told as one")
    if symbol in audit.hands_off or not audit.sends_allowed or is_opposed_by_hand(audit, symbol):
        return
    stops = [o for o in audit.simulator.open_orders(symbol) if is_stop_kind(o.kind)]
    prices = [o.stop_price for o in stops if o.stop_price is not None]
    if REBASED in position.flags or _waits_for_the_open(audit, stops):
        # What the trader gave to shares that he added is his, while the others keep theirs.
        kept = [price for price in prices if not is_tighter(position.stop, price, position.side)]
        prices = kept or prices
    if not prices:
        return
    loosest = min(prices) if position.side == "long" else max(prices)
    if loosest != position.stop:
        raise Broken(f"6: the stop of {symbol} rests at {loosest}, the store says {position.stop}")


def _waits_for_the_open(audit: Audit, stops: Sequence[SimulatedOrder]) -> bool:
    """Whether a stop of ours cannot be moved: taken so late that the broker is busy with it."""
    ours = (order for order in stops if is_ours(order.client_order_id))
    return not _in_session(audit) and any(order.status == "accepted" for order in ours)


def _realised(audit: Audit, position: Position, *, closed_at: datetime) -> Decimal | None:
    """Return the dollars of the executions since adoption; None where a split hides them."""
    episode, first = audit.adopted.get(position.id, (None, 0))
    if episode is None:
        raise Broken(f"7: {position.id} was never held as it was adopted")
    if episode not in audit.finished or episode.steps[-1][0] != closed_at:
        raise Broken(f"7: {position.id} is closed at {closed_at:%H:%M:%S}, not so at the broker")
    if episode.has_split:
        return None
    return sum((realised for _, _, realised in episode.steps[first:]), Decimal(0))


def _check_partials(book: Book) -> None:
    """No part is sold twice: of the rules used here parts never sum to more than three quarters."""
    for position in book.positions.values():
        parts = [
            order
            for order in book.orders.values()
            if order.position_id == position.id and order.step == "sell" and order.rule == "partial"
        ]
        sold = sum((order.filled_quantity for order in parts), Decimal(0))
        if sold > position.initial_quantity * MOST_IN_PARTS and position.initial_quantity >= 2:
            raise Broken(
                f"2: {sold} of {position.initial_quantity} {position.symbol} sold in parts"
            )
        for step, count in Counter(o.partials for o in parts if o.filled_quantity > 0).items():
            if count > 1:
                raise Broken(f"2: part {step} of {position.id} was sold {count} times")


def filled_since(simulator: Simulator, moment: datetime) -> set[Symbol]:
    """Return the symbols of which something other than a sell of ours filled since then."""
    filled = (simulator.book[each.order_id] for each in _executed_since(simulator, moment))
    return {o.symbol for o in filled if o.kind != "market" or not is_ours(o.client_order_id)}


def traded_since(simulator: Simulator, moment: datetime) -> bool:
    """Whether anything filled since then, a sell of ours that was working already too."""
    return any(True for _ in _executed_since(simulator, moment))


def _executed_since(simulator: Simulator, moment: datetime) -> Iterator[Execution]:
    executions = reversed(simulator.ledger.executions)
    return takewhile(lambda each: each.at >= moment, executions)


def closed_since(simulator: Simulator, moment: datetime) -> bool:
    """Whether the session ended since then, and day orders with it: the next tick sees that."""
    return _is_open(simulator, moment) and not _is_open(simulator, simulator.now)
