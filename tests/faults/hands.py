"""What a person does at the worst moment: at the broker, at Stopward, or as the market."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from stopward.adapters.memory import MemoryStore
from stopward.domain.identity import is_ours
from stopward.domain.money import round_stop
from stopward.errors import InvalidInput
from stopward.local.simulator import Simulator
from tests.builders.faults import Hand
from tests.builders.guard import ACCOUNT
from tests.faults.audit import Audit

TICK = Decimal("0.01")
APART = timedelta(microseconds=1)
"""Two executions of one symbol never bear the same time: which came first, nobody could tell."""


class Theatre(Protocol):
    """What a hand may reach."""

    simulator: Simulator
    memory: MemoryStore
    audit: Audit


def act_by_hand(world: Theatre, hand: Hand) -> str:
    """Act; return what was done. Raises what the broker, or the state of things, refuses."""
    if hand.symbol in world.audit.just_split:
        return "nothing: a split is not traded on before a tick has seen it"
    executions = world.simulator.ledger.executions
    if executions and executions[-1].at == world.simulator.now:
        world.simulator.advance_to(world.simulator.now + APART)
    return HANDS[hand.kind](world, hand)


def _part(world: Theatre, hand: Hand) -> Decimal:
    held = abs(world.simulator.shares(hand.symbol))
    whole = held == held.to_integral_value()
    part = (held * hand.amount).quantize(Decimal(1) if whole else Decimal("0.01"))
    return min(max(part, Decimal(1) if whole else Decimal("0.01")), held)


def _close(world: Theatre, hand: Hand) -> str:
    world.simulator.hand_close(hand.symbol)
    return f"{hand.symbol} closed"


def _reduce(world: Theatre, hand: Hand) -> str:
    part = _part(world, hand)
    world.simulator.hand_close(hand.symbol, part)
    return f"{hand.symbol} reduced by {part}"


def _reduce_keep(world: Theatre, hand: Hand) -> str:
    part = _part(world, hand)
    world.audit.excess_by_hand.add(hand.symbol)
    world.simulator.hand_close(hand.symbol, part, orders="keep")
    return f"{hand.symbol} reduced by {part}, its orders stay"


def _add(world: Theatre, hand: Hand) -> str:
    part = _part(world, hand)
    world.simulator.hand_add(hand.symbol, part)
    return f"{hand.symbol} enlarged by {part}"


def _stop_price(world: Theatre, hand: Hand, *, away: Decimal) -> Decimal:
    price = world.simulator.price(hand.symbol)
    if price is None:
        raise InvalidInput(f"{hand.symbol} has no price")
    is_long = world.simulator.shares(hand.symbol) > 0
    side = "long" if is_long else "short"
    return round_stop(price * (1 - away if is_long else 1 + away), TICK, side)


def _tighten(world: Theatre, hand: Hand) -> str:
    order = world.simulator.hand_move_stop(
        hand.symbol, _stop_price(world, hand, away=hand.amount / 100)
    )
    world.audit.loosened(hand.symbol)
    return f"{hand.symbol} stop to {order.stop_price}"


def _loosen(world: Theatre, hand: Hand) -> str:
    order = world.simulator.hand_move_stop(
        hand.symbol, _stop_price(world, hand, away=hand.amount / 10)
    )
    world.audit.loosened(hand.symbol)
    return f"{hand.symbol} stop to {order.stop_price}"


def _cancel(world: Theatre, hand: Hand) -> str:
    world.simulator.hand_cancel(hand.symbol)
    return f"{hand.symbol} orders canceled"


def _stop(world: Theatre, hand: Hand) -> str:
    order = world.simulator.hand_stop(
        hand.symbol,
        _stop_price(world, hand, away=hand.amount / 20),
        quantity=_part(world, hand),
    )
    world.audit.loosened(hand.symbol)
    return f"{hand.symbol} stop for {order.quantity} at {order.stop_price}"


def _open_by_hand(world: Theatre, hand: Hand) -> str:
    rests = [o for o in world.simulator.open_orders(hand.symbol) if not is_ours(o.client_order_id)]
    if world.simulator.shares(hand.symbol) or rests:
        return "nothing: it is held, or an order of the trader's rests"
    quantity = max((hand.amount * 100).quantize(Decimal(1)), Decimal(1))
    price = world.simulator.price(hand.symbol)
    if price is None:
        raise InvalidInput(f"{hand.symbol} has no price")
    world.simulator.open_position(hand.symbol, hand.side, quantity, price)
    return f"{hand.side} {quantity} {hand.symbol}"


def _split(world: Theatre, hand: Hand) -> str:
    guarded = {p.symbol for p in world.memory.book(ACCOUNT).open_positions()}
    if not world.simulator.shares(hand.symbol) or hand.symbol not in guarded:
        return "nothing: it is not held, or not guarded yet"
    world.simulator.hand_split(hand.symbol, Decimal(2))
    world.audit.just_split.add(hand.symbol)
    return f"{hand.symbol} 2 for 1"


def _hands_off(world: Theatre, hand: Hand) -> str:
    world.memory.tag_symbol(ACCOUNT, hand.symbol, "hands-off")
    world.audit.hands_off.add(hand.symbol)
    return f"{hand.symbol} hands off"


def _opt_in(world: Theatre, hand: Hand) -> str:
    world.memory.untag_symbol(ACCOUNT, hand.symbol, "hands-off")
    world.memory.untag_symbol(ACCOUNT, hand.symbol, "halted")
    world.audit.hands_off.discard(hand.symbol)
    return f"{hand.symbol} opted in"


def _halt(world: Theatre, _: Hand) -> str:
    world.memory.halt(ACCOUNT, reason="by hand")
    return "halted"


def _resume(world: Theatre, _: Hand) -> str:
    world.memory.resume(ACCOUNT)
    return "resumed"


def _flatten(world: Theatre, _: Hand) -> str:
    world.memory.request_flatten(ACCOUNT, at=world.simulator.now)
    return "flatten asked"


def _cap(world: Theatre, hand: Hand) -> str:
    world.simulator.cap_next_fill(hand.symbol, Decimal(1))
    return f"the next fill of {hand.symbol} takes one share"


def _reject(world: Theatre, hand: Hand) -> str:
    world.simulator.reject_next(hand.symbol, "not now")
    return f"the next order of {hand.symbol} is rejected by the market"


HANDS: Mapping[str, Callable[[Theatre, Hand], str]] = {
    "close": _close, "reduce": _reduce, "reduce_keep": _reduce_keep, "add": _add,
    "tighten": _tighten, "loosen": _loosen, "cancel": _cancel, "stop": _stop,
    "open": _open_by_hand, "split": _split, "hands_off": _hands_off, "opt_in": _opt_in,
    "halt": _halt, "resume": _resume, "flatten": _flatten, "cap": _cap, "reject": _reject,
}  # fmt: skip
