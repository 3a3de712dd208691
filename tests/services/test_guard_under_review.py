"""What a review found in the guard, each with its story; see also tests/faults."""

from datetime import timedelta
from decimal import Decimal

import pytest

from stopward.domain.pulses import GUARDS
from stopward.domain.snapshot import Snapshot
from stopward.errors import BrokerRejected, DatabaseRejected
from stopward.local.simulator import Fault
from stopward.services.guard import Summary, run_minute
from stopward.services.guard.refusals import HELD_SHARES, is_held
from tests.builders.guard import AAPL, ACCOUNT, ADOPT_ALL, SimulatorClock, a_world
from tests.builders.simulator import a_bar, a_simulator, at, flat

TIME_STOP = ADOPT_ALL + "[rules.time_stop]\nminutes = 2\n"
SESSION_FLAT = ADOPT_ALL + "[rules.session_flat]\nminutes = 10\n"


@pytest.mark.parametrize("kind", ["server_error", "half_answer"])
def test_market_data_that_fails_stops_neither_the_session_flat_nor_arming(kind: str) -> None:
    simulator = a_simulator(*flat(100, 390), start=at(370))
    with a_world(rules=SESSION_FLAT, simulator=simulator) as world:
        world.open()
        fault = Fault(kind=kind, method="GET", path="/v2/stocks/*", times=None)  # type: ignore[arg-type]
        world.simulator.fault(fault)
        world.tick(371)
        assert world.stop_prices() == ["100@98"]
        assert "market_data_unavailable" in world.alarms()
        assert world.tick(381).exits == 1
        assert world.shares() == 0


def test_a_broker_that_refuses_our_keys_gives_the_lease_back_with_an_alarm() -> None:
    with a_world(*flat(100, 6)) as world:
        world.open(stop="98")
        transport = world.guard.broker._transport  # type: ignore[attr-defined]
        keys = transport._keys
        transport._keys = type(keys)(key_id="wrong", secret="wrong")
        assert world.tick(1).failures == 1
        assert world.guard.keys_refused
        assert "broker_unavailable" in world.alarms()
        transport._keys = keys
        assert world.tick(1.25).adopted == 1
        assert not world.guard.keys_refused or world.stop_prices() == ["100@98"]


def test_rules_that_cannot_be_read_leave_the_last_good_ones_in_force() -> None:
    with a_world(*flat(100, 8), rules=TIME_STOP) as world:
        world.open(stop="98")
        world.tick(1)
        world.memory.put_rules(ACCOUNT, "[rules.nonsense]\n", rules_hash="broken")
        world.run(2, 3)
        assert "rules_invalid" in world.alarms()
        assert [trade.cause for trade in world.trades()] == ["time_stop"]


def test_a_cold_start_with_unreadable_rules_still_protects_what_is_guarded() -> None:
    with a_world(*flat(100, 8)) as world:
        world.open(stop="98")
        world.tick(1)
        world.memory.put_rules(ACCOUNT, "[rules.nonsense]\n", rules_hash="broken")
        world.guard._book = None
        world.simulator.hand_cancel(AAPL)
        world.tick(2)
        assert world.stop_prices() == ["100@98"]


def test_a_wash_trade_is_a_refusal_and_held_shares_are_not() -> None:
    held = BrokerRejected(
        "insufficient qty available for order (requested: 1)", status=403, code=HELD_SHARES
    )
    wash = BrokerRejected("potential wash trade detected", status=403, code=HELD_SHARES)
    assert is_held(held)
    assert not is_held(wash)


def test_an_exit_refused_for_an_opposite_order_raises_an_alarm_and_rests_its_stop() -> None:
    with a_world(*flat(100, 8), rules=TIME_STOP) as world:
        world.open(stop="98")
        world.tick(1)
        broker = world.guard.broker
        submit = broker.submit

        def refuse_sells(request):  # type: ignore[no-untyped-def]
            if request.kind == "market":
                raise BrokerRejected("potential wash trade detected", status=403, code=HELD_SHARES)
            return submit(request)

        broker.submit = refuse_sells  # type: ignore[method-assign]
        world.tick(2)
        assert "order_rejected" in world.alarms()
        assert world.stop_prices() == ["100@98"]
        assert [o.step for o in world.snapshot().orders if o.step == "sell"] == []
        assert "exit_refused" in world.position().flags
        released = len(world.sent("DELETE"))
        world.tick(2.3)
        world.tick(2.6)
        assert len(world.sent("DELETE")) == released
        broker.submit = submit  # type: ignore[method-assign]
        world.tick(3)
        assert world.shares() == 0


def test_a_stop_refused_for_an_opposite_order_is_tried_once_a_tick_until_that_is_gone() -> None:
    with a_world(*flat(100, 8), rules=ADOPT_ALL) as world:
        world.open()
        broker = world.guard.broker
        submit, tried = broker.submit, []

        def refuse(request):  # type: ignore[no-untyped-def]
            tried.append(request)
            raise BrokerRejected("potential wash trade detected", status=403, code=HELD_SHARES)

        broker.submit = refuse  # type: ignore[method-assign]
        world.tick(1)
        world.tick(2)
        assert len(tried) == 2
        assert "order_rejected" in world.alarms()
        broker.submit = submit  # type: ignore[method-assign]
        world.tick(3)
        assert world.stop_prices() == ["100@98"]


def test_a_refusal_that_only_the_next_tick_learns_of_is_counted_once() -> None:
    with a_world(*flat(100, 8), rules=ADOPT_ALL) as world:
        world.open()
        world.simulator.reject_next(AAPL, "no market maker")
        assert [world.tick(minute).orders_rejected for minute in (1, 2, 3)] == [0, 1, 0]
        assert "order_rejected" in world.alarms()
        assert world.stop_prices() == ["100@98"]


def test_a_store_that_refuses_a_new_plan_does_not_lose_the_acknowledgement() -> None:
    with a_world(*flat(100, 8), rules=TIME_STOP) as world:
        world.open(stop="98")
        world.tick(1)
        world.simulator.reject_next(AAPL, "no market maker")
        record, seen = world.store.inner.record_tick, []

        def refuse_the_second(written):  # type: ignore[no-untyped-def]
            seen.append(written)
            if len(seen) == 2:
                raise DatabaseRejected("refused", rule="test")
            return record(written)

        world.store.inner.record_tick = refuse_the_second  # type: ignore[method-assign]
        summary = world.tick(2)
        assert summary.failures >= 1
        assert len(world.store.acknowledgements) == 1
        world.store.inner.record_tick = record  # type: ignore[method-assign]
        world.tick(3)
        assert world.shares() == 0 or world.stop_prices() == ["100@98"]


def test_a_slow_look_does_not_eat_the_time_to_act() -> None:
    with a_world(*flat(100, 8), rules=TIME_STOP) as world:
        world.open(stop="98")
        world.tick(1)
        slow = Fault(kind="slow", method="GET", path="/v2/*", seconds=4.0, times=4)
        world.simulator.fault(slow)
        world.tick(2)
        assert world.shares() == 0


def test_a_plan_that_releases_is_not_begun_without_room_for_its_requests() -> None:
    with a_world(*flat(100, 8), rules=TIME_STOP) as world:
        world.open(stop="98")
        world.tick(1)
        kind = type(world.guard.broker)
        original = kind.remaining
        kind.remaining = property(lambda _self: 3)  # type: ignore[method-assign,assignment]
        try:
            world.tick(2)
        finally:
            kind.remaining = original  # type: ignore[method-assign]
        assert world.sent("DELETE") == []
        assert world.stop_prices() == ["100@98"]
        assert "steps_unsent" in world.alarms()
        world.tick(3)
        assert world.shares() == 0


def test_a_tick_of_before_the_close_that_runs_after_it_sells_nothing() -> None:
    simulator = a_simulator(*flat(100, 395), start=at(370))
    with a_world(rules=SESSION_FLAT, simulator=simulator) as world:
        world.open(stop="98")
        world.tick(371)
        world.simulator.advance_to(at(390) + timedelta(seconds=8))
        world.guard.tick(at(389) + timedelta(seconds=40))
        assert world.shares() == 100
        assert world.stop_prices() == ["100@98"]


def test_an_entry_whose_fills_lag_is_not_counted_twice() -> None:
    with a_world(*flat(100, 8)) as world:
        world.open(stop="98")
        path = "/v2/account/activities/FILL"
        world.simulator.fault(Fault(kind="empty_list", method="GET", path=path))
        world.tick(1)
        world.run(2, 3)
        assert world.position().quantity == Decimal(100)


def test_a_pulse_that_fails_costs_no_other() -> None:
    with a_world(*flat(100, 6)) as world:
        world.simulator.advance_to(at(1))
        calls: list[object] = []
        failures: list[str] = []

        def tick(tick_at, *, until):  # type: ignore[no-untyped-def]
            calls.append(until)
            if len(calls) == 2:
                raise DatabaseRejected("stale", rule="stale_fence")
            return Summary(ticks=1)

        total = run_minute(
            tick,
            scheduled_at=at(1),
            clock=SimulatorClock(world.simulator),
            kind=GUARDS["monitor_positions"],
            pulse_seconds=20,
            remaining_seconds=lambda: 60.0,
            margin_seconds=5,
            on_failure=lambda where, _error: failures.append(where),
        )
        assert (total.ticks, total.failures, failures) == (2, 1, ["pulse"])


def test_when_no_pulse_succeeds_the_error_is_raised() -> None:
    with a_world(*flat(100, 6)) as world:
        world.simulator.advance_to(at(1))

        def tick(tick_at, *, until):  # type: ignore[no-untyped-def]
            raise DatabaseRejected("stale", rule="stale_fence")

        with pytest.raises(DatabaseRejected):
            run_minute(
                tick,
                scheduled_at=at(1),
                clock=SimulatorClock(world.simulator),
                kind=GUARDS["monitor_positions"],
                pulse_seconds=30,
                remaining_seconds=lambda: 60.0,
                margin_seconds=5,
                on_failure=lambda _where, _error: None,
            )


def test_moves_tell_the_store_at_once_what_they_replaced() -> None:
    rules = ADOPT_ALL + '[rules.breakeven]\narm = "1 r"\n'
    rows = [(100.0, 101.0, 100.0, 101.0), (101.0, 102.0, 101.0, 102.0), *flat(102, 4)]
    with a_world(*rows, rules=rules) as world:
        world.open()
        world.run(1, 2)
        found = world.snapshot()
        assert isinstance(found, Snapshot)
        assert [order.step for order in found.orders] == ["move"]


def test_many_new_positions_are_adopted_a_few_a_tick() -> None:
    """Each entry order is read for its tag, and two hundred requests a minute must do."""
    symbols = [f"S{index:02d}" for index in range(45)]
    bars = [a_bar((100, 100, 100, 100), minute=m, symbol=s) for s in symbols for m in range(6)]
    simulator = a_simulator(bars=bars, cash="10000000")
    with a_world(simulator=simulator) as world:
        for symbol in symbols:
            world.open("10", symbol=symbol, stop="98")
        assert [world.tick(1 + k / 10).adopted for k in range(4)] == [20, 20, 5, 0]
