"""What was done to the resting stop, by hand or by a lost answer, and what we believe of it."""

from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.cause import BY_HAND, GUARD
from stopward.domain.holding import Holding, is_tighter
from stopward.domain.orders import BrokerOrder, Fill
from stopward.domain.position import HAND_LOOSENED, REBASED, Position
from stopward.domain.protection import plan
from stopward.domain.reconcile import Reconciled, reconcile
from stopward.domain.resting import seems_loosened
from tests.builders.positions import (
    NOW,
    a_broker_order,
    a_fill,
    a_goal,
    a_holding,
    a_position,
    a_stop,
    d,
    minute,
)


def reconciled(
    position: Position,
    holding: Holding,
    *fills: Fill,
    causes: dict[str, str] | None = None,
) -> Reconciled:
    return reconcile(position, holding, fills=fills, causes=causes or {}, now=NOW)


def kinds(found: Reconciled) -> list[tuple[str, str]]:
    return [(o.kind, o.cause) for o in found.observations]


class TestStop:
    def test_a_stop_tightened_by_hand_is_respected(self) -> None:
        found = reconciled(a_position(), a_holding(a_stop(100, "99")))
        assert (found.position.stop, found.position.stop_rule) == (99, BY_HAND)
        assert found.position.tightest == 99
        assert kinds(found) == [("stop_moved", BY_HAND)]
        assert found.alarms == ()

    def test_a_move_of_ours_whose_answer_was_lost_keeps_its_rule(self) -> None:
        stop = a_stop(100, "99", order_id="moved", client_id="sw-move-0-x")
        found = reconciled(a_position(), a_holding(stop), causes={"moved": "breakeven"})
        assert (found.position.stop, found.position.stop_rule) == (99, "breakeven")
        assert kinds(found) == [("stop_moved", "breakeven")]
        unknown = reconciled(a_position(), a_holding(stop))
        assert unknown.position.stop_rule == GUARD

    def test_a_looser_stop_of_ours_that_his_hand_was_the_reason_for_is_not_loosened(self) -> None:
        stop = a_stop(100, "97", order_id="armed", client_id="sw-arm-0-x")
        found = reconciled(a_position(), a_holding(stop), causes={"armed": BY_HAND})
        assert (found.position, found.alarms) == (a_position(), ())

    def test_a_tighter_stop_for_part_of_the_shares_is_not_the_position_s(self) -> None:
        found = reconciled(a_position(), a_holding(a_stop(40, "99")))
        assert found.position.stop == 98

    def test_a_tighter_stop_beside_a_working_exit_is_the_position_s(self) -> None:
        """The rest of the shares leave: a stop that is armed again may not be looser than his."""
        leaving = a_broker_order("market", 60, order_id="exit", client_id="sw-sell-0-x")
        found = reconciled(a_position(), a_holding(a_stop(40, "99"), leaving))
        assert (found.position.stop, found.position.stop_rule) == (99, BY_HAND)
        waiting = a_broker_order("limit", 60, order_id="target")
        assert reconciled(a_position(), a_holding(a_stop(40, "99"), waiting)).position.stop == 98

    def test_a_stop_loosened_by_hand_is_an_alarm_and_no_fight(self) -> None:
        found = reconciled(a_position(stop="100", tightest="100"), a_holding(a_stop(100, "97")))
        assert found.position.stop == 97
        assert found.position.tightest == 100
        assert HAND_LOOSENED in found.position.flags
        assert [a.kind for a in found.alarms] == ["stop_loosened"]
        again = reconciled(found.position, a_holding(a_stop(100, "97")))
        assert (again.alarms, again.observations) == ((), ())
        assert again.position == found.position

    def test_a_looser_stop_that_is_being_canceled_loosens_nothing(self) -> None:
        leaving = a_stop(100, "97", status="pending_cancel")
        found = reconciled(a_position(), a_holding(leaving))
        assert (found.position, found.alarms) == (a_position(), ())
        both = reconciled(a_position(), a_holding(leaving, a_stop(50, "97")))
        assert HAND_LOOSENED in both.position.flags

    def test_the_flag_goes_only_when_the_stop_is_as_tight_as_it_ever_was(self) -> None:
        loosened = a_position(stop="97", tightest="100", flags=(HAND_LOOSENED,))
        halfway = reconciled(loosened, a_holding(a_stop(100, "99")))
        assert HAND_LOOSENED in halfway.position.flags
        assert halfway.cleared[-1] != "stop_loosened:AAPL"
        back = reconciled(halfway.position, a_holding(a_stop(100, "100")))
        assert back.position.flags == ()
        assert "stop_loosened:AAPL" in back.cleared

    def test_a_looser_stop_of_ours_is_for_the_plan_to_move(self) -> None:
        position = a_position(stop="99")
        found = reconciled(position, a_holding(a_stop(100, "98", client_id="sw-arm-0-x")))
        assert found.position == position

    def test_a_stop_that_was_cancelled_leaves_the_goal(self) -> None:
        position = a_position(stop="99")
        assert reconciled(position, a_holding()).position == position

    def test_of_several_stops_the_loosest_counts(self) -> None:
        stops = (a_stop(50, "98.50"), a_stop(50, "99"))
        assert reconciled(a_position(), a_holding(*stops)).position.stop == d("98.50")

    def test_the_trader_s_trailing_stop_is_followed(self) -> None:
        trailing = a_broker_order("trailing_stop", 100, stop="98.70")
        assert reconciled(a_position(), a_holding(trailing)).position.stop == d("98.70")

    def test_a_short_mirrors_it(self) -> None:
        tighter = reconciled(
            a_position("short"), a_holding(a_stop(100, "101", side="short"), side="short")
        )
        assert tighter.position.stop == 101
        looser = reconciled(
            a_position("short"), a_holding(a_stop(100, "104", side="short"), side="short")
        )
        assert HAND_LOOSENED in looser.position.flags


class TestAddedShares:
    """100 shares with our stop at 98; the trader adds 100 with a stop of his own."""

    OURS = a_stop(100, "98", order_id="ours", client_id="sw-arm-0-x")
    CAUSES: ClassVar[dict[str, str]] = {"ours": "stop"}
    FILL = a_fill(100, "102", side="buy", at=minute(1))

    def added(self, position: Position, *orders: BrokerOrder) -> Reconciled:
        holding = a_holding(*orders, quantity=200, entry="101")
        return reconciled(position, holding, self.FILL, causes=self.CAUSES)

    def test_a_looser_stop_of_theirs_loosens_nothing_and_is_left(self) -> None:
        his = a_stop(100, "90")
        found = self.added(a_position(), self.OURS, his)
        assert (found.position.quantity, found.position.stop) == (200, 98)
        assert HAND_LOOSENED not in found.position.flags
        assert kinds(found) == [("added", BY_HAND)]
        assert found.alarms == ()
        again = self.added(found.position, self.OURS, his)
        assert again.position == found.position
        assert (again.alarms, again.observations) == ((), ())
        holding = a_holding(self.OURS, his, quantity=200, entry="101")
        for stop in ("98", "100.50"):
            steps = plan(a_goal(found.position, stop=d(stop)), holding, tick_at=NOW, attempt=0)
            assert [step.on for step in steps] == ([] if stop == "98" else ["ours"])

    def test_they_may_be_seen_before_their_fill(self) -> None:
        holding = a_holding(self.OURS, a_stop(100, "90"), quantity=200, entry="101")
        found = reconciled(a_position(), holding, causes=self.CAUSES)
        assert found.position == a_position()
        assert [a.kind for a in found.alarms] == ["quantity_unexplained"]

    def test_a_stop_in_the_place_of_ours_loosens(self) -> None:
        found = self.added(a_position(), a_stop(200, "90"))
        assert found.position.stop == 90
        assert HAND_LOOSENED in found.position.flags

    def test_so_does_one_that_takes_shares_from_ours(self) -> None:
        part = a_stop(50, "98", client_id="sw-arm-0-y")
        found = self.added(a_position(), part, a_stop(150, "90"))
        assert HAND_LOOSENED in found.position.flags

    def test_so_does_one_that_replaces_ours_later_on(self) -> None:
        guarded = self.added(a_position(), self.OURS, a_stop(100, "99")).position
        tight = a_stop(100, "99", client_id="sw-arm-0-y")
        found = self.added(guarded, tight, a_stop(100, "97", replaces="ours"))
        assert HAND_LOOSENED in found.position.flags

    def test_without_an_addition_a_looser_part_still_loosens(self) -> None:
        part = a_stop(50, "98", client_id="sw-arm-0-y")
        found = reconciled(a_position(), a_holding(part, a_stop(50, "90")))
        assert HAND_LOOSENED in found.position.flags


PRICES = st.integers(9000, 10500).map(lambda cents: d(cents) / 100)


@given(PRICES, PRICES, st.booleans(), st.integers(1, 100))
def test_only_a_hand_loosens_and_seeing_twice_is_seeing_once(
    stop: object, resting: object, ours: bool, covered: int
) -> None:
    position = a_position(stop=stop, tightest=stop)
    order = a_stop(covered, resting, client_id="sw-arm-0-x" if ours else "hand")  # type: ignore[arg-type]
    found = reconciled(position, a_holding(order))
    if is_tighter(position.stop, found.position.stop, "long"):
        assert not ours
        assert HAND_LOOSENED in found.position.flags
    assert not is_tighter(position.tightest or position.stop, found.position.tightest, "long")
    again = reconciled(found.position, a_holding(order))
    assert again.position == found.position
    assert again.observations == ()


PARTS = st.lists(
    st.tuples(PRICES, st.integers(1, 60), st.sampled_from(["ours", "his", "his instead of ours"])),
    max_size=4,
)


@given(PRICES, PARTS, st.booleans())
def test_what_is_taken_for_loosened_was_named_as_such_before(
    stop: object, parts: list[tuple[object, int, str]], rebased: bool
) -> None:
    position = a_position(stop=stop, tightest=stop, flags=(REBASED,) if rebased else ())
    causes = {"ours": "stop"}
    orders = [
        a_stop(
            quantity,
            price,  # type: ignore[arg-type]
            client_id="sw-arm-0-x" if whose == "ours" else None,
            replaces="ours" if whose == "his instead of ours" else None,
        )
        for price, quantity, whose in parts
    ]
    named = seems_loosened(position, a_holding(*orders, quantity=0), causes)
    found = reconciled(position, a_holding(*orders), causes=causes).position
    if is_tighter(position.stop, found.stop, "long"):
        assert found.stop in {order.stop_price for order in named}
    assert all(is_tighter(position.stop, o.stop_price, "long") for o in named if o.stop_price)
