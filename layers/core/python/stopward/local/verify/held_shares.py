"""Facts about orders that close shares: what they hold, what a shrunk stop frees, shorts."""

from decimal import Decimal

from stopward.adapters.alpaca.parse import Row
from stopward.domain.orders import BrokerOrder
from stopward.errors import BrokerRejected
from stopward.local.verify.check import Check, FactFails, NotCheckable, require
from stopward.local.verify.venue import Venue, must_refuse

INSUFFICIENT = 40310000
NOT_TAKEN = (400, 403, 422)


def _stop(venue: Venue, quantity: Decimal) -> BrokerOrder:
    resting = venue.take(
        side="sell",
        type="stop",
        qty=quantity,
        stop_price=venue.at("0.8"),
        position_intent="sell_to_close",
    )
    return venue.working(resting.id)


def _sell(venue: Venue, quantity: Decimal) -> dict[str, object]:
    return {
        "side": "sell",
        "type": "limit",
        "limit_price": venue.at("1.5"),
        "qty": quantity,
        "position_intent": "sell_to_close",
    }


def _shares_held(venue: Venue) -> str:
    shares = venue.hold()
    _stop(venue, shares)
    answer = venue.post(side="sell", type="market", qty="1", position_intent="sell_to_close")
    seen = must_refuse(answer, 403)
    row = Row(answer.json(), answer.what)
    require(row.get("code") == INSUFFICIENT, f"code was {row.get('code')}")
    require(row.decimal("held_for_orders") == shares, f"{row.get('held_for_orders')} were held")
    return seen


def _available_shares(venue: Venue) -> str:
    shares = venue.hold()
    _stop(venue, shares - 1)
    position = venue.position()
    require(position.available == 1, f"{position.available} of {shares} were available")
    return f"1 of {shares}"


def _no_position(venue: Venue) -> str:
    venue.flatten()
    require(venue.broker.position(venue.symbol) is None, "a closed position is still there")
    try:
        venue.read(f"/v2/positions/{venue.symbol}", lambda row: row.path)
    except BrokerRejected as refusal:
        require(refusal.status == 404, f"was {refusal.status}")
        return f"404, code {refusal.code}"
    raise FactFails("a position of no shares is listed")


def _shrunk_stop(venue: Venue) -> str:
    shares = venue.hold()
    stop = _stop(venue, shares)
    ours = venue.new_id()
    successor = venue.broker.replace(stop.id, client_order_id=ours, quantity=shares - 1)
    working = venue.working(successor.id)
    require(working.quantity == shares - 1, f"{working.quantity} shares were left in the stop")
    require(working.stop_price == stop.stop_price, f"its price became {working.stop_price}")
    sold = venue.post(**_sell(venue, Decimal(1)))
    require(sold.is_success, f"the freed share was refused with {sold.status}")
    return "its price stayed, and the freed share could be offered"


def _moved_stop(venue: Venue) -> str:
    stop = _stop(venue, venue.hold())
    first = venue.broker.replace(
        stop.id, client_order_id=venue.new_id(), stop_price=venue.at("0.82")
    )
    venue.working(first.id)
    second = venue.broker.replace(
        first.id, client_order_id=venue.new_id(), stop_price=venue.at("0.84")
    )
    last = venue.working(second.id)
    ends = [venue.read_order(order_id) for order_id in (stop.id, first.id)]
    require([e.replaced_by for e in ends] == [first.id, second.id], "the chain is broken")
    require(last.quantity == stop.quantity, f"its quantity became {last.quantity}")
    return f"{stop.stop_price}, {first.stop_price}, {last.stop_price}: three ids, one chain"


def _stop_above_the_price(venue: Venue) -> str:
    venue.hold()
    answer = venue.post(
        side="sell", type="stop", stop_price=venue.at("1.2"), position_intent="sell_to_close"
    )
    return must_refuse(answer, *NOT_TAKEN)


def _selling_more_than_held(venue: Venue) -> str:
    shares = venue.hold()
    return must_refuse(venue.post(**_sell(venue, shares + 1)), *NOT_TAKEN)


def _fractional_stop(venue: Venue) -> str:
    venue.hold()
    half = Decimal("0.5")
    resting = _stop(venue, half)
    require(resting.quantity == half, f"was for {resting.quantity}")
    later = _sell(venue, half) | {"time_in_force": "gtc"}
    return f"a day stop rests; good till canceled: {must_refuse(venue.post(**later), *NOT_TAKEN)}"


def _short_position(venue: Venue) -> str:
    venue.require_open()
    if not venue.broker.account().shorting_enabled:
        raise NotCheckable("the account may not sell short")
    venue.flatten()
    sold = venue.take(side="sell", type="market", position_intent="sell_to_open")
    venue.settle(sold.id, "filled")
    rows = {row.text("symbol"): row for row in venue.read_list("/v2/positions")}
    require(venue.symbol in rows, "the short is no position")
    row = rows[venue.symbol]
    require(row.decimal("qty") == -1, f"qty was {row.get('qty')}")
    require(row.get("side") == "short", f"side was {row.get('side')}")
    resting = venue.take(
        side="buy", type="stop", stop_price=venue.at("1.2"), position_intent="buy_to_close"
    )
    venue.working(resting.id)
    venue.flatten()
    return "qty -1, side short; a buy stop rests"


CHECKS = (
    Check(
        name="shares_held",
        fact="a stop holds its shares: another sale is 403, 40310000, held_for_orders",
        run=_shares_held,
    ),
    Check(
        name="available_shares",
        fact="a position says how many of its shares no order holds",
        run=_available_shares,
    ),
    Check(
        name="shrunk_stop",
        fact="a stop's quantity is replaced at the same price, and frees the rest",
        run=_shrunk_stop,
    ),
    Check(
        name="moved_stop",
        fact="a stop is moved again and again, each time with a new id",
        run=_moved_stop,
    ),
    Check(
        name="stop_level",
        fact="a sell stop above the price is refused",
        run=_stop_above_the_price,
    ),
    Check(
        name="too_many_shares",
        fact="a closing order for more shares than held is refused",
        run=_selling_more_than_held,
    ),
    Check(
        name="fractional_stop",
        fact="a fractional stop rests as a day order, and only so",
        run=_fractional_stop,
    ),
    Check(
        name="no_position",
        fact="a position that is not there is 404",
        run=_no_position,
    ),
    Check(
        name="short_position",
        fact="a short has a negative quantity, and a buy stop may rest for it",
        run=_short_position,
    ),
)
