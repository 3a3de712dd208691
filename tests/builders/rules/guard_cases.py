"""What breaks the rules of positions, orders, leases and trades: what a tick writes."""

from tests.builders.requests import REQUESTS, Stage
from tests.builders.rules.case import (
    Cases,
    after,
    asks,
    asks_row,
    asks_row_again,
    behind,
    copied,
    sql,
    updated,
)


def armed_twice(stage: Stage) -> None:
    """Protect all shares of a position twice over in one record."""
    request = REQUESTS["record_tick"](stage)
    (order,) = request["orders"]
    again = {**order, "id": "fresh", "part": "bare1"}
    stage.ask("record_tick", {**request, "orders": [order, again]})


CASES: Cases = {
    "require_now record_tick_request": asks("record_tick", tick_at="2199-01-01T00:00:00+00:00"),
    "orders_filled_quantity_not_negative": behind(
        "orders", "orders_fills_only_grow", updated("orders", "filled_quantity = -1")
    ),
    "orders_one_per_step": behind(
        "orders", "orders_check_intent", copied("orders", id="'fresh'", status="'void'")
    ),
    "orders_one_unsettled_sell": behind(
        "orders",
        "orders_check_intent",
        copied("orders", id="'fresh'", tick_at="t.tick_at + interval '1 hour'"),
    ),
    # A release is no order of a side: whatever it is told, it cancels.
    "orders_side_known": copied("orders", id="'fresh'", step="'release'", side="'bogus'"),
    "orders_stop_has_price": copied("orders", id="'fresh'", step="'arm'", price="null"),
    "trigger day_results_lock_stays": sql("""
        update stopward.day_results set locked_by = 'day_loss' where account_id = %(account)s;
        update stopward.day_results set locked_by = null where account_id = %(account)s
        """),
    "trigger orders_final_stays_final": sql("""
        update stopward.orders set status = 'void' where account_id = %(account)s;
        update stopward.orders set status = 'working' where account_id = %(account)s
        """),
    "trigger orders_broker_id_is_fixed": sql("""
        update stopward.orders set broker_order_id = 'b-1' where account_id = %(account)s;
        update stopward.orders set broker_order_id = 'b-2' where account_id = %(account)s
        """),
    "trigger orders_fills_fit_quantity": updated("orders", "filled_quantity = quantity + 1"),
    "begin_tick begin_tick_request": asks("begin_tick", lease_seconds=0),
    "check_intent orders_born_recorded": copied("orders", id="'fresh'", status="'working'"),
    "check_intent orders_within_position": copied(
        "orders", id="'fresh'", quantity="t.quantity + 1"
    ),
    "check_intent orders_only_reduce": copied("orders", id="'fresh'", side="'buy'"),
    "check_intent orders_need_open_position": copied(
        "orders", id="'fresh'", position_id="%(closed)s", symbol="'MSFT'"
    ),
    "check_intent orders_stop_tightens": copied(
        "orders", id="'fresh'", step="'move'", price="97.99"
    ),
    "name_fault acknowledge_request": asks_row("acknowledge", "positions", stop="yesterday"),
    "name_fault record_tick_request": asks_row("record_tick", "positions", stop="yesterday"),
    "put_positions lease_is_held": after(asks("begin_tick"), asks("put_positions")),
    "put_positions positions_pkey": asks_row_again("put_positions", "positions", stop="98.5"),
    "require_account unknown_account": asks("halt", account_id="nobody"),
    "require_all put_positions_request": asks_row("put_positions", "positions", stop="yesterday"),
    "require_fence stale_fence": asks("record_tick", fence=99),
    "require_own positions_own_account": asks_row(
        "put_positions", "positions", account_id="nobody"
    ),
    "require_tick acknowledge_request": asks("acknowledge", at=...),
    "require_tick record_tick_request": asks("record_tick", at=...),
    "require_trade positions_closed_has_trade": sql(
        "update stopward.positions set closed_at = now() where id = %(open)s"
    ),
    "settle_orders orders_recorded_first": asks_row("acknowledge", "orders", id="nothing"),
    "write_intents orders_within_position": armed_twice,
    "write_trades trades_symbol_of_position": asks_row("acknowledge", "trades", symbol="MSFT"),
    "write_trades trades_position_known": asks_row("acknowledge", "trades", position_id="nothing"),
}
