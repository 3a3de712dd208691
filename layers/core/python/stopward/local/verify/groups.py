"""Facts about groups: brackets, their held stop, what may be changed, what ends them."""

from stopward.adapters.alpaca.parse import Row
from stopward.domain.orders import BrokerOrder
from stopward.local.verify.check import Check, FactFails, NotCheckable, require
from stopward.local.verify.venue import Venue, must_refuse

NOT_TAKEN = (400, 403, 422)
ORDERS = "/v2/orders"


def _bracket(venue: Venue) -> tuple[str, BrokerOrder, BrokerOrder]:
    # A filled bracket: its parent's id, the take-profit and the stop.
    venue.require_open()
    parent = venue.take(
        side="buy",
        type="market",
        order_class="bracket",
        take_profit={"limit_price": str(venue.at("1.5"))},
        stop_loss={"stop_price": str(venue.at("0.8"))},
    )
    venue.settle(parent.id, "filled")
    legs = {leg.text("type"): leg.text("id") for leg in venue.read(f"{ORDERS}/{parent.id}", _legs)}
    if legs.keys() != {"limit", "stop"}:
        raise FactFails(f"its legs were {sorted(legs)}")
    return parent.id, venue.settle(legs["limit"], "new"), venue.read_order(legs["stop"])


def _legs(row: Row) -> list[Row]:
    return list(row.rows("legs"))


def _held_stop(venue: Venue) -> str:
    parent, target, stop = _bracket(venue)
    require(stop.status == "held", f"the stop was {stop.status}")
    flat = {row.text("id") for row in venue.read_list(ORDERS, status="open", limit="500")}
    require(target.id in flat, "the take-profit is in no list of open orders")
    nested = venue.read_list(ORDERS, status="open", nested="true", limit="500")
    shown = {leg.text("id") for row in nested for leg in row.rows("legs")}
    where = "an open nested list shows it" if stop.id in shown else "no open list shows it"
    in_flat = "shows it too" if stop.id in flat else "does not"
    ours = {read.id: read for read in venue.broker.open_orders()}
    require(stop.id in ours, "our adapter does not see it")
    require(ours[stop.id].parent in {parent, target.id}, f"its parent was {ours[stop.id].parent}")
    return f"{where}, a flat list {in_flat}"


def _group_is_canceled(venue: Venue) -> str:
    _, target, stop = _bracket(venue)
    venue.broker.cancel(target.id)
    venue.settle(target.id, "canceled")
    ended = venue.settle(stop.id, "canceled")
    return f"the stop ended in {ended.status}"


def _group_holds_once(venue: Venue) -> str:
    shares = venue.hold()
    _bracket(venue)
    position = venue.position()
    require(position.quantity == shares + 1, f"{position.quantity} shares were held")
    require(position.available == shares, f"{position.available} were available")
    return "two legs hold one share"


def _leg_s_price(venue: Venue) -> str:
    _, _, stop = _bracket(venue)
    successor = venue.broker.replace(
        stop.id, client_order_id=venue.new_id(), stop_price=venue.at("0.82")
    )
    moved = venue.settle(successor.id, "held", "new")
    require(moved.stop_price == venue.at("0.82"), f"its price was {moved.stop_price}")
    seen = must_refuse(venue.patch(moved.id, qty="2"), *NOT_TAKEN)
    return f"its price moved; its quantity: {seen}"


def _leg_of_an_oto(venue: Venue) -> str:
    venue.require_open()
    parent = venue.take(
        side="buy",
        type="market",
        order_class="oto",
        stop_loss={"stop_price": str(venue.at("0.8"))},
    )
    venue.settle(parent.id, "filled")
    legs = venue.read(f"{ORDERS}/{parent.id}", _legs)
    require(len(legs) == 1, f"it had {len(legs)} legs")
    leg = venue.settle(legs[0].text("id"), "new", "held")
    return must_refuse(venue.patch(leg.id, stop_price=venue.at("0.82")), *NOT_TAKEN)


def _oco_of_held_shares(venue: Venue) -> str:
    shares = venue.hold()
    parent = venue.take(
        side="sell",
        type="limit",
        qty=shares,
        order_class="oco",
        take_profit={"limit_price": str(venue.at("1.5"))},
        stop_loss={"stop_price": str(venue.at("0.8"))},
    )
    venue.settle(parent.id, "new")
    ours = [read for read in venue.broker.open_orders() if read.symbol == venue.symbol]
    kinds = sorted((read.kind, read.status, read.parent is not None) for read in ours)
    require(kinds == [("limit", "new", False), ("stop", "held", True)], f"our adapter sees {kinds}")
    return "the take-profit is the parent, the stop its held leg"


def _stops_in_a_squeeze(venue: Venue) -> str:
    raise NotCheckable(
        "its limit (+4 % under $50, else +2.5 %) shows only when the price runs past it"
    )


CHECKS = (
    Check(
        name="held_stop",
        fact="a filled bracket's stop is held, and our adapter finds it",
        run=_held_stop,
    ),
    Check(
        name="group_canceled",
        fact="canceling one leg cancels its group",
        run=_group_is_canceled,
    ),
    Check(
        name="group_holds_once",
        fact="both legs of a bracket hold the same shares",
        run=_group_holds_once,
    ),
    Check(
        name="leg_price",
        fact="a bracket's leg takes a new price and no new quantity",
        run=_leg_s_price,
    ),
    Check(name="oto_leg", fact="an oto's leg cannot be replaced", run=_leg_of_an_oto),
    Check(
        name="oco",
        fact="an oco's stop is a held leg of its take-profit",
        run=_oco_of_held_shares,
    ),
    Check(
        name="buy_stop_limit",
        fact="a buy stop becomes a stop-limit",
        run=_stops_in_a_squeeze,
    ),
)
