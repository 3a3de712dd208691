"""The guard over the shipped adapter and the simulator: what a trader sees happen to a position."""

from datetime import timedelta
from decimal import Decimal

import pytest

from stopward.errors import BrokerUnavailable
from stopward.local.simulator import Fault
from tests.builders.guard import AAPL, ADOPT_ALL, a_world
from tests.builders.simulator import a_simulator, at, climb, flat

BREAKEVEN = ADOPT_ALL + '[rules.breakeven]\narm = "1 r"\n'
PARTIAL = (
    ADOPT_ALL + '[rules.partial]\nat_1 = "2 r"\nfraction_1 = 0.5\nat_2 = "3 r"\nfraction_2 = 0.25\n'
)
TIME_STOP = ADOPT_ALL + "[rules.time_stop]\nminutes = 2\n"
SESSION_FLAT = ADOPT_ALL + "[rules.session_flat]\nminutes = 10\n"


class TestAdoption:
    def test_a_position_with_a_resting_stop_is_adopted_and_nothing_is_sent(self) -> None:
        with a_world(*flat(100, 5)) as world:
            world.open(stop="98")
            summary = world.tick(1)
            assert summary.adopted == 1
            assert world.position().initial_stop == Decimal(98)
            assert world.position().risk == Decimal(2)
            assert world.stop_prices() == ["100@98"]
            assert world.sent() == []

    def test_an_opted_in_position_without_a_stop_is_armed_in_its_first_tick(self) -> None:
        with a_world(*flat(100, 5)) as world:
            world.open()
            world.tick(1)
            assert world.stop_prices() == ["100@98"]
            assert set(world.position().flags) >= {"risk_estimated", "naked_on_arrival"}
            assert "unprotected" in world.alarms()

    def test_a_position_that_was_not_opted_in_is_reported_and_left_alone(self) -> None:
        with a_world(*flat(100, 5), rules='[account]\nadopt = "listed"\n') as world:
            world.open()
            summary = world.tick(1)
            assert summary.adopted == 0
            assert world.alarms() == {"unguarded"}
            assert world.sent() == []

    def test_a_tag_in_the_client_id_of_the_entry_opts_in_and_chooses_the_rules(self) -> None:
        tagged = "[tag.swing.rules.time_stop]\nenabled = true\nminutes = 2\n"
        rules = '[account]\nadopt = "listed"\n' + tagged
        with a_world(*flat(100, 6), rules=rules) as world:
            world.open(stop="98", client_order_id="swing:first")
            world.tick(1)
            assert world.position().tags == ("swing",)
            world.run(2, 3)
            assert [trade.cause for trade in world.trades()] == ["time_stop"]

    def test_a_word_that_the_rules_do_not_name_opts_nothing_in(self) -> None:
        with a_world(*flat(100, 6), rules='[account]\nadopt = "listed"\n') as world:
            world.open(stop="98", client_order_id="mybot:42")
            world.tick(1)
            assert world.snapshot().positions == ()

    def test_a_position_older_than_its_fills_counts_as_held_overnight(self) -> None:
        simulator = a_simulator(*flat(100, 390), start=at(370))
        with a_world(rules=SESSION_FLAT, simulator=simulator) as world:
            world.open(stop="98", at=at(0) - timedelta(days=10))
            world.tick(371)
            assert "entry_unknown" in world.position().flags
            world.run(379, 382)
            assert world.shares() == 100

    def test_an_entry_whose_fills_turn_up_late_is_of_today(self) -> None:
        simulator = a_simulator(*flat(100, 390), start=at(370))
        with a_world(rules=SESSION_FLAT, simulator=simulator) as world:
            world.open(stop="98")
            path = "/v2/account/activities/FILL"
            world.simulator.fault(Fault(kind="empty_list", method="GET", path=path))
            world.tick(371)
            assert "entry_unknown" in world.position().flags
            world.tick(372)
            assert "entry_unknown" not in world.position().flags
            world.run(379, 380)
            assert world.shares() == 0

    def test_a_stranger_is_looked_up_once_and_not_at_every_tick(self) -> None:
        with a_world(*flat(100, 8), rules='[account]\nadopt = "listed"\n') as world:
            world.open(stop="98", client_order_id="no-tag")
            world.run(1, 5)
            paths = [handled.request.path for handled in world.simulator.log]
            assert sum("activities" in path for path in paths) == 1

    def test_the_hands_off_tag_beats_adopt_all(self) -> None:
        with a_world(*flat(100, 5)) as world:
            world.memory.tag_symbol(world.guard.settings.account_id, AAPL, "hands-off")
            world.open()
            world.tick(1)
            assert world.sent() == []
            assert world.snapshot().positions == ()

    def test_a_stop_for_part_of_the_shares_is_completed(self) -> None:
        with a_world(*flat(100, 5)) as world:
            world.open()
            world.simulator.hand_stop(AAPL, Decimal(97), quantity=Decimal(40))
            world.tick(1)
            assert sum(order.open_quantity for order in world.stops()) == 100

    def test_a_short_is_armed_above_its_entry(self) -> None:
        with a_world(*flat(100, 5)) as world:
            world.open(side="short")
            world.tick(1)
            assert world.stop_prices() == ["100@102"]

    def test_observe_mode_decides_and_sends_nothing(self) -> None:
        with a_world(*climb(101, 102.5, 103), rules=BREAKEVEN, mode="observe") as world:
            world.open(stop="98")
            world.run(1, 3)
            assert {type(row.decision).__name__ for row in world.decisions()} >= {"MoveStop"}
            assert world.sent() == []
            assert world.sent("PATCH") == []
            assert world.stop_prices() == ["100@98"]


class TestStops:
    def test_at_one_r_the_stop_at_the_broker_moves_to_breakeven(self) -> None:
        with a_world(*climb(101, 102, 102, 102), rules=BREAKEVEN) as world:
            world.open(stop="98")
            world.run(1, 3)
            assert world.stop_prices() == ["100@100.01"]
            assert world.position().stop == Decimal("100.01")
            assert world.position().stop_rule == "breakeven"
            assert len(world.sent("PATCH")) == 1

    def test_a_short_mirrors_it(self) -> None:
        with a_world(*climb(99, 98, 98, 98), rules=BREAKEVEN) as world:
            world.open(side="short", stop="102")
            world.run(1, 3)
            assert world.stop_prices() == ["100@99.99"]

    def test_a_bracket_leg_is_moved_in_price_and_its_target_stays(self) -> None:
        with a_world(*climb(101, 102, 102, 102), rules=BREAKEVEN) as world:
            world.open(stop="98", target="110")
            world.run(1, 3)
            assert world.stop_prices() == ["100@100.01"]
            kinds = sorted(order.kind for order in world.simulator.open_orders(AAPL))
            assert kinds == ["limit", "stop"]

    def test_a_stop_cancelled_by_hand_rests_again_after_the_next_tick(self) -> None:
        with a_world(*flat(100, 6)) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.hand_cancel(AAPL)
            world.tick(2)
            assert world.stop_prices() == ["100@98"]

    def test_a_stop_tightened_by_hand_is_respected(self) -> None:
        with a_world(*flat(100, 6)) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.hand_move_stop(AAPL, Decimal(99))
            world.run(2, 3)
            assert world.stop_prices() == ["100@99"]
            assert world.position().stop == Decimal(99)
            assert world.position().risk == Decimal(2)

    def test_a_stop_loosened_by_hand_raises_an_alarm_and_no_fight(self) -> None:
        with a_world(*climb(101, 102, 102, 102, 103, 103), rules=BREAKEVEN) as world:
            world.open(stop="98")
            world.run(1, 3)
            assert world.stop_prices() == ["100@100.01"]
            world.simulator.hand_move_stop(AAPL, Decimal(97))
            world.run(4, 5)
            assert world.stop_prices() == ["100@97"]
            assert "stop_loosened" in world.alarms()

    def test_ten_pulses_in_one_minute_move_the_stop_once(self) -> None:
        with a_world(*climb(101, 102, 102, 102), rules=BREAKEVEN) as world:
            world.open(stop="98")
            world.run(1, 2)
            for pulse in range(1, 11):
                world.tick(2 + pulse / 20)
            assert len(world.sent("PATCH")) == 1
            assert world.position().marks.age == 2

    def test_a_rule_that_only_tightens_runs_alone_under_the_breakeven_mask(self) -> None:
        rules = BREAKEVEN + "[rules.time_stop]\nminutes = 1\n"
        with a_world(*climb(101, 102, 102), rules=rules, mask="breakeven") as world:
            world.open(stop="98")
            world.run(1, 2)
            assert world.stop_prices() == ["100@100.01"]
            assert world.shares() == 100


class TestExits:
    def test_a_full_exit_releases_the_stop_sells_once_and_writes_the_trade(self) -> None:
        with a_world(*flat(100, 6), rules=TIME_STOP) as world:
            world.open(stop="98")
            world.run(1, 3)
            assert world.shares() == 0
            assert world.stops() == []
            assert [trade.cause for trade in world.trades()] == ["time_stop"]
            assert len(world.sent()) == 1
            assert world.snapshot().positions == ()

    def test_a_short_is_bought_back(self) -> None:
        with a_world(*flat(100, 6), rules=TIME_STOP) as world:
            world.open(side="short", stop="102")
            world.run(1, 3)
            assert world.shares() == 0
            assert [body["side"] for body in world.sent()] == ["buy"]

    def test_the_resting_stop_that_fills_becomes_a_trade_caused_by_the_stop(self) -> None:
        with a_world(*climb(99, 97, 97, 97)) as world:
            world.open(stop="98")
            world.run(1, 4)
            assert [trade.cause for trade in world.trades()] == ["stop"]
            assert world.trades()[0].exit_price == Decimal(98)
            assert world.trades()[0].result_r == pytest.approx(-1.0)

    def test_a_stop_that_was_elected_and_did_not_fill_is_escalated_in_the_next_tick(self) -> None:
        with a_world(*climb(101, 101), *flat(108, 5)) as world:
            world.open(side="short", stop="102")
            world.tick(1)
            world.tick(2)
            assert world.tick(2.25).exits == 0
            assert world.shares() == -100
            world.tick(2.5)
            assert world.shares() == 0
            assert [trade.cause for trade in world.trades()] == ["stop"]

    def test_a_position_closed_by_hand_is_a_trade_by_hand(self) -> None:
        with a_world(*flat(100, 6)) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.hand_close(AAPL)
            world.tick(2)
            assert [trade.cause for trade in world.trades()] == ["by_hand"]
            assert world.simulator.open_orders(AAPL) == []

    def test_session_flat_closes_ten_minutes_before_the_end(self) -> None:
        simulator = a_simulator(*flat(100, 390), start=at(370))
        with a_world(rules=SESSION_FLAT, simulator=simulator) as world:
            world.open(stop="98")
            world.run(371, 379)
            assert world.shares() == 100
            world.tick(380)
            assert world.shares() == 0
            assert [trade.cause for trade in world.trades()] == ["session_flat"]

    def test_flatten_closes_all_and_spares_what_is_opened_later(self) -> None:
        with a_world(*flat(100, 8)) as world:
            world.open(stop="98")
            world.tick(1)
            world.memory.request_flatten(world.guard.settings.account_id, at=world.simulator.now)
            world.tick(2)
            assert world.shares() == 0
            world.open(stop="98")
            world.run(3, 4)
            assert world.shares() == 100

    def test_halt_stops_the_rules_and_arming_goes_on(self) -> None:
        with a_world(*climb(101, 102, 102, 102), rules=BREAKEVEN) as world:
            world.open()
            world.memory.halt(world.guard.settings.account_id, reason="test")
            world.run(1, 3)
            assert world.stop_prices() == ["100@98"]
            assert world.sent("PATCH") == []


class TestHands:
    def test_an_addition_rebases_the_entry_keeps_the_risk_and_is_covered(self) -> None:
        with a_world(*climb(101, 102, 102, 102)) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.hand_add(AAPL, Decimal(100))
            world.tick(2)
            position = world.position()
            assert position.quantity == 200
            assert position.average_entry == Decimal("100.5")
            assert position.risk == Decimal(2)
            assert "rebased" in position.flags
            assert sum(order.open_quantity for order in world.stops()) == 200

    def test_a_part_sold_by_hand_leaves_no_stop_for_shares_that_are_gone(self) -> None:
        with a_world(*flat(100, 6)) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.hand_close(AAPL, Decimal(30), orders="keep")
            world.run(2, 3)
            assert world.position().quantity == 70
            assert sum(order.open_quantity for order in world.stops()) == 70

    def test_hands_off_on_a_guarded_position_leaves_its_stop_and_follows_it(self) -> None:
        with a_world(*flat(100, 8), rules=TIME_STOP) as world:
            world.open(stop="98")
            world.tick(1)
            world.memory.tag_symbol(world.guard.settings.account_id, AAPL, "hands-off")
            world.simulator.hand_add(AAPL, Decimal(10))
            world.run(2, 4)
            assert world.shares() == 110
            assert world.position().quantity == 110
            assert world.stop_prices() == ["100@98"]
            kinds = [o.kind for r in world.store.records for o in r.observations]
            assert kinds.count("added") == 1

    def test_a_split_rescales_everything_in_one_tick(self) -> None:
        with a_world(*flat(100, 6)) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.hand_split(AAPL)
            world.tick(2)
            position = world.position()
            assert (position.quantity, position.average_entry) == (200, 50)
            assert position.risk == Decimal(1)
            assert world.stop_prices() == ["200@49"]


class TestFaults:
    def test_a_tick_run_twice_acts_once(self) -> None:
        with a_world(*flat(100, 6), rules=TIME_STOP) as world:
            world.open(stop="98")
            world.run(1, 2)
            world.guard.tick(at(2))
            assert len(world.sent()) == 1
            assert len(world.trades()) == 1

    @pytest.mark.parametrize("kind", ["lost_answer", "timeout_after"])
    def test_an_exit_whose_answer_is_lost_is_not_sold_twice(self, kind: str) -> None:
        with a_world(*flat(100, 8), rules=TIME_STOP) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.fault(Fault(kind=kind, method="POST", path="/v2/orders", times=1))  # type: ignore[arg-type]
            world.run(2, 5)
            assert world.shares() == 0
            assert len(world.trades()) == 1

    def test_a_crash_after_recording_is_finished_by_the_next_tick_under_the_same_id(self) -> None:
        with a_world(*flat(100, 8), rules=TIME_STOP) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.fault(
                Fault(kind="server_error", times=None, method="DELETE", path="/v2/orders")
            )
            world.tick(2)
            sells = [
                order
                for record in world.store.records
                for order in record.orders
                if order.step == "sell"
            ]
            world.simulator.clear_faults()
            world.run(3, 4)
            assert world.shares() == 0
            assert [body["client_order_id"] for body in world.sent()] == [sells[0].id]

    def test_a_rate_limit_between_release_and_exit_is_waited_out(self) -> None:
        with a_world(*flat(100, 8), rules=TIME_STOP) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.fault(Fault(kind="rate_limited", method="POST", path="/v2/orders"))
            world.tick(2)
            assert world.shares() == 0

    def test_a_broker_that_fails_after_the_release_gets_its_stop_back_or_the_exit_done(
        self,
    ) -> None:
        with a_world(*flat(100, 8), rules=TIME_STOP) as world:
            world.open(stop="98")
            world.tick(1)
            path = "/v2/positions/AAPL"
            world.simulator.fault(Fault(kind="server_error", method="GET", path=path, times=6))
            world.tick(2)
            assert world.shares() == 0 or world.stop_prices() == ["100@98"]
            world.simulator.clear_faults()
            world.run(3, 4)
            assert world.shares() == 0
            assert len(world.trades()) == 1

    def test_shares_held_by_the_traders_target_are_released_for_a_full_exit(self) -> None:
        with a_world(*flat(100, 8), rules=TIME_STOP) as world:
            world.open(target="110")
            world.run(1, 3)
            assert world.shares() == 0
            assert world.simulator.open_orders(AAPL) == []

    def test_an_exit_that_was_not_sent_before_the_close_waits_and_its_stop_rests(self) -> None:
        simulator = a_simulator(*flat(100, 390), start=at(379))
        with a_world(rules=SESSION_FLAT, simulator=simulator) as world:
            world.open(stop="98")
            world.tick(379)
            world.simulator.fault(Fault(kind="server_error", method="DELETE", times=None))
            world.run(380, 389)
            world.simulator.clear_faults()
            world.tick(391)
            assert world.shares() == 100
            assert world.stop_prices() == ["100@98"]

    def test_the_exit_of_a_position_that_closed_meanwhile_is_void(self) -> None:
        with a_world(*flat(100, 8), rules=TIME_STOP) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.fault(Fault(kind="server_error", method="DELETE", times=None))
            world.tick(2)
            world.simulator.clear_faults()
            world.simulator.hand_close(AAPL)
            world.run(3, 4)
            assert world.snapshot().orders == ()
            assert [trade.cause for trade in world.trades()] == ["by_hand"]

    def test_a_broker_without_an_answer_leaves_the_stop_and_raises_an_alarm(self) -> None:
        with a_world(*flat(100, 8)) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.fault(
                Fault(kind="server_error", times=None, method="GET", path="/v2/positions")
            )
            summary = world.tick(2)
            assert summary.failures == 1
            assert "broker_unavailable" in world.alarms()
            world.simulator.clear_faults()
            assert world.tick(5).failures == 0
            assert world.stop_prices() == ["100@98"]

    def test_a_stop_that_cannot_rest_because_price_is_through_becomes_an_exit(self) -> None:
        with a_world(*climb(99, 97.5, 96, 96, 96)) as world:
            world.open(stop="97")
            world.tick(1)
            world.simulator.hand_cancel(AAPL)
            world.tick(3)
            assert world.shares() == 0
            assert [trade.cause for trade in world.trades()] == ["stop"]

    def test_a_move_that_the_price_has_overtaken_takes_the_profit_at_the_market(self) -> None:
        rows = climb(101, 102.5, 100.0, 100.0)
        with a_world(*rows, rules=BREAKEVEN) as world:
            world.open(stop="98")
            world.tick(1)
            world.tick(3.5)
            assert world.shares() == 0
            assert [trade.cause for trade in world.trades()] == ["breakeven"]

    def test_a_close_by_hand_that_crosses_ours_halts_the_symbol(self) -> None:
        with a_world(*flat(100, 8)) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.hand_cancel(AAPL)
            world.simulator.hand_close(AAPL)
            world.open(side="short")
            world.tick(2)
            assert "side_flipped" in world.alarms()
            world.run(3, 4)
            assert world.snapshot().positions == ()
            assert world.snapshot().tags[AAPL] == ("halted",)
            assert world.sent() == []

    def test_a_sell_that_is_refused_brings_the_stop_back_at_once(self) -> None:
        with a_world(*flat(100, 8), rules=TIME_STOP) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.reject_next(AAPL, "the market maker is away")
            world.tick(2)
            assert world.stop_prices() == ["100@98"]
            assert "order_rejected" in world.alarms()

    def test_the_gap_between_release_and_exit_is_counted(self) -> None:
        with a_world(*flat(100, 8), rules=TIME_STOP) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.fault(Fault(kind="slow", method="POST", path="/v2/orders", seconds=1.5))
            summary = world.tick(2)
            assert summary.unprotected_seconds == pytest.approx(
                world.simulator.unprotected_seconds(AAPL), abs=0.01
            )
            assert summary.unprotected_seconds == pytest.approx(1.5, abs=0.3)

    def test_a_stale_list_without_the_position_never_closes_it_nor_takes_its_stop(self) -> None:
        with a_world(*flat(100, 8)) as world:
            world.open(stop="98")
            world.tick(1)
            world.simulator.fault(
                Fault(kind="empty_list", method="GET", path="/v2/positions", times=2)
            )
            world.tick(2)
            assert "position_missing" in world.alarms()
            assert world.trades() == []
            assert world.stop_prices() == ["100@98"]
            world.tick(3)
            assert world.position().quantity == 100

    def test_without_session_rows_no_rule_acts_and_the_stop_is_armed(self) -> None:
        rules = ADOPT_ALL + "[rules.time_stop]\nminutes = 1\n"
        with a_world(*flat(100, 6), rules=rules, sessions=False) as world:
            world.open()
            world.run(1, 3)
            assert world.shares() == 100
            assert world.stop_prices() == ["100@98"]
            assert "session_missing" in world.alarms()

    def test_a_stale_quote_stops_price_rules_and_not_the_session_flat(self) -> None:
        simulator = a_simulator(*flat(100, 390), start=at(370))
        with a_world(rules=SESSION_FLAT, simulator=simulator) as world:
            world.open(stop="98")
            world.tick(371)
            world.simulator.fault(
                Fault(kind="stale_quote", path="/v2/stocks/quotes/latest", seconds=60)
            )
            world.tick(380.5)
            assert world.shares() == 0

    def test_an_idle_tick_costs_two_database_calls_and_a_handful_of_requests(self) -> None:
        with a_world(*flat(100, 8)) as world:
            world.open(stop="98")
            world.run(1, 2)
            before, calls = len(world.simulator.log), len(world.store.calls)
            world.tick(3)
            assert world.store.calls[calls:] == ["begin_tick", "record_tick"]
            paths = [handled.request.path for handled in world.simulator.log[before:]]
            assert paths == [
                "/v2/orders",
                "/v2/positions",
                "/v2/stocks/quotes/latest",
                "/v2/stocks/bars",
            ]

    def test_the_store_that_is_down_stops_the_tick_and_nothing_is_sent(self) -> None:
        with a_world(*flat(100, 8)) as world:
            world.open()
            world.store.fail_next["record_tick"] = BrokerUnavailable("the database is away")
            with pytest.raises(BrokerUnavailable):
                world.tick(1)
            assert world.sent() == []
            world.simulator.advance_to(at(1) + timedelta(seconds=20))
            world.tick(1 + 20 / 60)
            assert world.stop_prices() == ["100@98"]
