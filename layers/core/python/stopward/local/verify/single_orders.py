"""Facts about single orders: ids, replacements, cancels, prices, fractions, hours."""

from decimal import Decimal

from stopward.adapters.alpaca.parse import Row
from stopward.adapters.alpaca.reads import BY_CLIENT_ID
from stopward.adapters.alpaca.wire import order
from stopward.domain.identity import OrderId
from stopward.errors import BrokerRejected
from stopward.local.verify.check import Check, FactFails, require
from stopward.local.verify.venue import Venue, must_refuse

NOT_TAKEN = (400, 403, 422)
HALF = Decimal("0.5")


def _duplicate_id(venue: Venue) -> str:
    first = venue.far_buy()
    again = {"side": "buy", "type": "limit", "limit_price": venue.at("0.5")}
    return must_refuse(venue.post(**again, client_order_id=first.client_order_id), 422)


def _id_of_a_canceled_order(venue: Venue) -> str:
    first = venue.far_buy()
    venue.delete(first.id)
    venue.settle(first.id, "canceled")
    again = {"side": "buy", "type": "limit", "limit_price": venue.at("0.5")}
    return must_refuse(venue.post(**again, client_order_id=first.client_order_id), 422)


def _long_id(venue: Venue) -> str:
    wanted = venue.new_id().ljust(48, "x")
    taken = venue.far_buy(client_order_id=wanted)
    require(taken.client_order_id == wanted, f"came back as {taken.client_order_id!r}")
    return f"{len(wanted)} characters came back unchanged"


def _read_by_client_id(venue: Venue) -> str:
    first = venue.far_buy()
    venue.delete(first.id)
    venue.settle(first.id, "canceled")
    found = venue.broker.order_by_client_id(OrderId(first.client_order_id))
    require(found is not None and found.id == first.id, f"was {found}")
    try:
        venue.read(BY_CLIENT_ID, order, client_order_id=f"{first.client_order_id}-never")
    except BrokerRejected as refusal:
        require(refusal.status == 404, f"an unknown id was answered with {refusal.status}")
        return "found after its cancel; an unknown id is 404"
    raise FactFails("an id never used was found")


def _replacement(venue: Venue) -> str:
    old = venue.working(venue.far_buy(qty="2").id)
    ours = venue.new_id()
    answer = venue.patch(old.id, limit_price=venue.at("0.51"), client_order_id=ours)
    require(answer.is_success, f"refused with {answer.status}")
    new = order(Row(answer.json(), answer.what))
    require(new.id != old.id, "kept its id")
    require(new.replaces == old.id, f"replaces was {new.replaces}")
    require(new.client_order_id == ours, f"client id was {new.client_order_id!r}")
    ended = venue.settle(old.id, "replaced")
    require(ended.replaced_by == new.id, f"replaced_by was {ended.replaced_by}")
    return f"answered in {new.status}; the old order ended in replaced"


def _replacement_without_change(venue: Venue) -> str:
    old = venue.working(venue.far_buy().id)
    return must_refuse(venue.patch(old.id, limit_price=old.limit_price), *NOT_TAKEN)


def _replacement_under_way(venue: Venue) -> str:
    first = venue.far_buy()
    if not venue.is_open():
        seen = must_refuse(venue.patch(first.id, limit_price=venue.at("0.51")), *NOT_TAKEN)
        return f"in {first.status}: {seen}"
    venue.working(first.id)
    answer = venue.patch(first.id, limit_price=venue.at("0.51"))
    require(answer.is_success, f"the first was refused with {answer.status}")
    status = venue.read_order(first.id).status
    seen = must_refuse(venue.patch(first.id, limit_price=venue.at("0.52")), *NOT_TAKEN)
    return f"in {status}: {seen}"


def _replacement_by_fractions(venue: Venue) -> str:
    old = venue.working(venue.far_buy(qty="2").id)
    return must_refuse(venue.patch(old.id, qty="1.5"), *NOT_TAKEN)


def _cancel_is_a_request(venue: Venue) -> str:
    resting = venue.far_buy()
    answer = venue.delete(resting.id)
    require(answer.status == 204 and not answer.body, f"was {answer.status}")
    after = venue.read_order(resting.id).status
    require(after in {"pending_cancel", "canceled"}, f"then was {after}")
    venue.settle(resting.id, "canceled")
    return f"204 without a body, then {after}, then canceled"


def _cancel_again(venue: Venue) -> str:
    resting = venue.far_buy()
    venue.delete(resting.id)
    venue.settle(resting.id, "canceled")
    seen = must_refuse(venue.delete(resting.id), 422)
    venue.broker.cancel(resting.id)
    return seen


def _sub_penny(venue: Venue) -> str:
    price = venue.at("0.5") + Decimal("0.001")
    return must_refuse(venue.post(side="buy", type="limit", limit_price=price), *NOT_TAKEN)


def _closing_nothing(venue: Venue) -> str:
    require(venue.held() == 0, f"{venue.held()} shares are held")
    seen = []
    for side, limit in (("sell", "1.5"), ("buy", "0.5")):
        answer = venue.post(
            side=side,
            type="limit",
            limit_price=venue.at(limit),
            position_intent=f"{side}_to_close",
        )
        seen.append(must_refuse(answer, *NOT_TAKEN))
    return "; ".join(seen)


def _fractions_are_day_orders(venue: Venue) -> str:
    answer = venue.post(
        side="buy", type="limit", limit_price=venue.at("0.5"), qty=HALF, time_in_force="gtc"
    )
    return must_refuse(answer, *NOT_TAKEN)


def _fractions_are_simple(venue: Venue) -> str:
    answer = venue.post(
        side="buy",
        type="limit",
        limit_price=venue.at("0.5"),
        qty=HALF,
        order_class="bracket",
        take_profit={"limit_price": str(venue.at("0.7"))},
        stop_loss={"stop_price": str(venue.at("0.3"))},
    )
    return must_refuse(answer, *NOT_TAKEN)


def _fractions_keep_their_quantity(venue: Venue) -> str:
    resting = venue.working(venue.far_buy(qty=HALF).id)
    require(resting.quantity == HALF, f"{resting.quantity} shares rest")
    return must_refuse(venue.patch(resting.id, qty="2"), *NOT_TAKEN)


def _extended_hours(venue: Venue) -> str:
    late: dict[str, object] = {"side": "buy", "extended_hours": True}
    refused = {
        "market": venue.post(**late, type="market"),
        "stop": venue.post(**late, type="stop", stop_price=venue.at("1.5")),
    }
    seen = [f"{kind}: {must_refuse(answer, *NOT_TAKEN)}" for kind, answer in refused.items()]
    taken = venue.far_buy(extended_hours=True)
    require(taken.extended_hours, "a limit day order was taken without extended hours")
    return "; ".join([*seen, "limit: taken"])


CHECKS = (
    Check(
        name="duplicate_id", fact="a client order id in use is refused with 422", run=_duplicate_id
    ),
    Check(
        name="id_for_ever",
        fact="a client order id stays used after its order was canceled",
        run=_id_of_a_canceled_order,
    ),
    Check(name="long_id", fact="client order ids of 48 characters are kept whole", run=_long_id),
    Check(
        name="read_by_client_id",
        fact="any order is read by its client id; an unknown one is 404",
        run=_read_by_client_id,
    ),
    Check(
        name="replacement",
        fact="a replacement is a new order with our id, chained both ways",
        run=_replacement,
    ),
    Check(
        name="empty_replacement",
        fact="a replacement that changes nothing is refused",
        run=_replacement_without_change,
    ),
    Check(
        name="pending_replacement",
        fact="a replacement is refused while an order is pending or accepted",
        run=_replacement_under_way,
    ),
    Check(
        name="whole_replacement",
        fact="a replacement takes whole shares only",
        run=_replacement_by_fractions,
    ),
    Check(
        name="cancel",
        fact="a cancel is answered with 204 before it is done",
        run=_cancel_is_a_request,
    ),
    Check(name="cancel_again", fact="a second cancel is refused with 422", run=_cancel_again),
    Check(name="sub_penny", fact="prices from $1 have two decimals", run=_sub_penny),
    Check(
        name="closing_intent",
        fact="position_intent refuses a closing order that would open",
        run=_closing_nothing,
    ),
    Check(
        name="fraction_day",
        fact="fractional orders are day orders only",
        run=_fractions_are_day_orders,
    ),
    Check(
        name="fraction_simple",
        fact="fractional orders are simple orders only",
        run=_fractions_are_simple,
    ),
    Check(
        name="fraction_fixed",
        fact="the quantity of a fractional order cannot be replaced",
        run=_fractions_keep_their_quantity,
    ),
    Check(
        name="extended_hours",
        fact="extended hours take limit day orders, and neither market nor stop",
        run=_extended_hours,
    ),
)
