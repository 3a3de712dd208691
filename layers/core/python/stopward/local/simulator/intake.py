"""What the broker checks before it takes an order; every refusal carries Alpaca's status and code.

Sources: Alpaca's order documentation and answers that its users published (messages may change
there; status and code are the contract).
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from stopward.domain.orders import OrderSide
from stopward.local.simulator.order import SimulatedOrder, Ticket, is_stop_kind
from stopward.local.simulator.refusal import forbidden, plain, unprocessable

LONGEST_CLIENT_ID = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the account is when an order arrives.

    shares: signed position. held: shares promised to open orders that would close it. price: last
    price, None before the first bar. tick: the price step at a price. opposing: open orders of the
    other side. related: ids of the orders that hold shares.
    """

    shares: Decimal
    held: Decimal
    price: Decimal | None
    tick: Callable[[Decimal], Decimal]
    opposing: tuple[SimulatedOrder, ...] = ()
    related: tuple[str, ...] = ()
    shorting_enabled: bool = True
    fractionable: bool = True
    buying_power: Decimal = Decimal("Infinity")

    @property
    def available(self) -> Decimal:
        """Shares of the position that no order holds."""
        return max(abs(self.shares) - self.held, Decimal(0))


def check(ticket: Ticket, standing: Standing) -> str:
    """Return the position intent of an order that may be taken; raises Refused otherwise."""
    _check_fields(ticket)
    _check_group_fields(ticket)
    if ticket.extended_hours and (ticket.kind != "limit" or ticket.time_in_force != "day"):
        raise unprocessable("extended hours order must be DAY limit orders")
    if ticket.quantity != ticket.quantity.to_integral_value():
        _check_fractional(ticket, standing)
    for name, price in _prices(ticket):
        check_increment(name, price, standing)
    intent = intent_of(ticket.side, standing.shares)
    if ticket.intent is not None and ticket.intent != intent:
        message = f"position intent mismatch, inferred: {intent}, specified: {ticket.intent}"
        raise unprocessable(message)
    if ticket.group == "oco" and intent.endswith("open"):
        raise unprocessable("oco orders must be exit orders")
    if ticket.group in {"bracket", "oto"} and intent.endswith("close"):
        raise unprocessable(f"{ticket.group} orders must be entry orders")
    _check_levels(ticket, standing)
    _check_opposing(ticket, standing, opens=intent.endswith("open"))
    if intent.endswith("close"):
        check_available(ticket.symbol, ticket.quantity, standing)
    else:
        _check_opening(ticket, standing)
    return intent


def intent_of(side: OrderSide, shares: Decimal) -> str:
    """Return Alpaca's position intent of an order, given the signed position."""
    if side == "sell":
        return "sell_to_close" if shares > 0 else "sell_to_open"
    return "buy_to_close" if shares < 0 else "buy_to_open"


def check_increment(name: str, price: Decimal, standing: Standing) -> None:
    """Refuse a price off the tick: 2 decimals from a dollar, 4 below, or the symbol's own."""
    if price <= 0:
        raise unprocessable(f"{name} must be > 0")
    if price % standing.tick(price) != 0:
        raise unprocessable(
            f"invalid {name} {plain(price)}. "
            "sub-penny increment does not fulfill minimum pricing criteria"
        )


def check_stop_level(side: OrderSide, stop_price: Decimal, standing: Standing) -> None:
    """Refuse a stop that the market has already passed, or that is not a step away from it."""
    if standing.price is None:
        return
    step = standing.tick(standing.price)
    facts = {"market_price": plain(standing.price), "stop_price": plain(stop_price)}
    if side == "sell" and stop_price > standing.price - step:
        raise unprocessable("stop price must be less than current price", **facts)
    if side == "buy" and stop_price < standing.price + step:
        raise unprocessable("stop price must be greater than current price", **facts)


def check_available(symbol: str, quantity: Decimal, standing: Standing) -> None:
    """Refuse to close more shares than are free: others are held for open orders."""
    if quantity <= standing.available:
        return
    requested, available = plain(quantity), plain(standing.available)
    raise forbidden(
        f"insufficient qty available for order (requested: {requested}, available: {available})",
        available=available,
        existing_qty=plain(abs(standing.shares)),
        held_for_orders=plain(standing.held),
        related_orders=list(standing.related),
        symbol=symbol,
    )


def _prices(ticket: Ticket) -> list[tuple[str, Decimal]]:
    named = (
        ("limit_price", ticket.limit_price),
        ("stop_price", ticket.stop_price),
        ("take_profit.limit_price", ticket.take_profit),
        ("stop_loss.stop_price", ticket.stop_loss),
        ("stop_loss.limit_price", ticket.stop_loss_limit),
    )
    return [(name, price) for name, price in named if price is not None]


def _check_fields(ticket: Ticket) -> None:
    if ticket.quantity <= 0:
        raise unprocessable("qty must be > 0")
    if ticket.client_order_id is not None and len(ticket.client_order_id) > LONGEST_CLIENT_ID:
        raise unprocessable(f"client_order_id must be no more than {LONGEST_CLIENT_ID} characters")
    if ticket.time_in_force in {"opg", "cls"}:
        raise unprocessable(f"time_in_force {ticket.time_in_force} is not offered by the simulator")
    limit_comes_later = ticket.group == "oco"
    wants = {
        "limit_price": ticket.kind in {"limit", "stop_limit"} and not limit_comes_later,
        "stop_price": ticket.kind in {"stop", "stop_limit"},
    }
    for name, wanted in wants.items():
        given = getattr(ticket, name) is not None
        if wanted and not given:
            raise unprocessable(f"{ticket.kind} orders require {name.replace('_', ' ')}")
        if given and not wanted and not (limit_comes_later and name == "limit_price"):
            raise unprocessable(f"{ticket.kind} orders must not have {name}")
    trails = (ticket.trail_price is not None) + (ticket.trail_percent is not None)
    if trails != (1 if ticket.kind == "trailing_stop" else 0):
        raise unprocessable("trailing_stop orders require one of trail_price and trail_percent")


def _check_group_fields(ticket: Ticket) -> None:
    has_target, has_stop = ticket.take_profit is not None, ticket.stop_loss is not None
    match ticket.group:
        case "simple":
            if has_target or has_stop:
                raise unprocessable("simple orders must not have take_profit or stop_loss")
            return
        case "oto":
            if has_target == has_stop:
                raise unprocessable("oto orders require either take_profit or stop_loss")
        case _:
            if not has_target:
                raise unprocessable(f"{ticket.group} orders require take_profit.limit_price")
            if not has_stop:
                raise unprocessable(f"{ticket.group} orders require stop_loss.stop_price")
    if ticket.group == "oco" and ticket.kind != "limit":
        raise unprocessable("oco orders must be limit orders")
    if ticket.time_in_force not in {"day", "gtc"}:
        raise unprocessable(f"{ticket.group} orders must be DAY or GTC orders")
    if ticket.extended_hours:
        raise unprocessable("complex orders are not supported for extended hours trading")


def _check_fractional(ticket: Ticket, standing: Standing) -> None:
    if not standing.fractionable:
        raise forbidden(f'asset "{ticket.symbol}" is not fractionable')
    if ticket.time_in_force != "day":
        raise unprocessable("fractional orders must be DAY orders")
    if ticket.group != "simple":
        raise unprocessable("fractional orders must be simple orders")
    if ticket.kind == "trailing_stop":
        raise unprocessable("fractional orders must not be trailing stop orders")
    if ticket.side == "sell" and standing.shares <= 0:
        raise unprocessable("fractional orders cannot be sold short")


def _check_levels(ticket: Ticket, standing: Standing) -> None:
    if ticket.kind in {"stop", "stop_limit"} and ticket.stop_price is not None:
        check_stop_level(ticket.side, ticket.stop_price, standing)
    if ticket.group == "simple":
        return
    base = (
        ticket.limit_price if ticket.kind == "limit" and ticket.group != "oco" else standing.price
    )
    if base is None:
        return
    # The legs close what the entry opens; an oco's own side is the closing one.
    closing = ticket.side if ticket.group == "oco" else ("sell" if ticket.side == "buy" else "buy")
    step = standing.tick(base)
    up, word = (1, "<=") if closing == "sell" else (-1, ">=")
    other = ">=" if closing == "sell" else "<="
    minus, plus = ("-", "+") if closing == "sell" else ("+", "-")
    facts = {"base_price": plain(base)}
    if ticket.stop_loss is not None and up * (base - ticket.stop_loss) < step:
        message = f"stop_loss.stop_price must be {word} base_price {minus} {plain(step)}"
        raise unprocessable(message, **facts)
    if ticket.take_profit is not None and up * (ticket.take_profit - base) < step:
        message = f"take_profit.limit_price must be {other} base_price {plus} {plain(step)}"
        raise unprocessable(message, **facts)


def _check_opposing(ticket: Ticket, standing: Standing, *, opens: bool) -> None:
    # Alpaca refuses what could trade against the account's own resting order.
    for order in standing.opposing:
        if opens and order.intent.endswith("open"):
            new, old = (
                ("long buy", "short sell") if ticket.side == "buy" else ("short sell", "long buy")
            )
            raise forbidden(f"cannot open a {new} while a {old} order is open")
        if not _may_cross(ticket, order):
            continue
        raise forbidden(
            "potential wash trade detected. use complex orders",
            existing_order_id=order.id,
            reject_reason="opposite side market/stop order exists",
        )


def _may_cross(ticket: Ticket, order: SimulatedOrder) -> bool:
    mine = ticket.limit_price if ticket.kind == "limit" else None
    theirs = order.limit_price if order.kind == "limit" else None
    if mine is None or theirs is None:
        return ticket.group == "simple" or is_stop_kind(order.kind) or order.kind == "market"
    return mine >= theirs if ticket.side == "buy" else mine <= theirs


def _check_opening(ticket: Ticket, standing: Standing) -> None:
    if ticket.side == "sell" and not standing.shorting_enabled:
        raise forbidden("account is not allowed to short", symbol=ticket.symbol)
    price = ticket.limit_price or ticket.stop_price or standing.price
    if price is not None and price * ticket.quantity > standing.buying_power:
        raise forbidden(
            "insufficient buying power",
            buying_power=plain(standing.buying_power),
            cost_basis=plain(price * ticket.quantity),
        )
