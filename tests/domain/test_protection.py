"""The planner: what is sent to bring the broker from what it holds to what we want."""

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.adapters.memory_rules import step_key
from stopward.domain.holding import STOP_KINDS, Holding, is_tighter, tightest
from stopward.domain.money import Side
from stopward.domain.orders import BrokerOrder, Order
from stopward.domain.position import FRACTIONAL_LOT, Position
from stopward.domain.protection import Goal, plan
from tests.builders.broker_model import World, applied
from tests.builders.positions import (
    NOW,
    a_bracket,
    a_broker_order,
    a_goal,
    a_holding,
    a_position,
    a_stop,
    an_exit,
    d,
)


def planned(goal: Goal, holding: Holding) -> tuple[Order, ...]:
    return plan(goal, holding, tick_at=NOW, attempt=0)


def told(steps: tuple[Order, ...]) -> list[str]:
    """Return steps as `arm 100@98`, `sell 50`, in their order."""
    return [
        f"{s.step} {s.quantity}" + ("" if s.price is None or s.step == "shrink" else f"@{s.price}")
        for s in steps
    ]


LONG = a_position()
EXIT_ALL = an_exit(LONG)
EXIT_40 = an_exit(LONG, 40)
SOLD_ONE = a_broker_order(
    "limit", 100, limit="110", filled=1, status="partially_filled", group="bracket", parent="p"
)


@pytest.mark.parametrize(
    ("name", "goal", "holding", "expected"),
    [
        ("at rest", a_goal(LONG), a_holding(a_stop()), []),
        ("bare", a_goal(LONG), a_holding(), ["arm 100@98"]),
        ("partly covered", a_goal(LONG), a_holding(a_stop(40)), ["arm 60@98"]),
        ("a held leg covers", a_goal(LONG), a_holding(*a_bracket()), []),
        (
            "a target protects nothing, and its shares are not free",
            a_goal(LONG),
            a_holding(a_broker_order("limit", 100, limit="110")),
            [],
        ),
        (
            "half under a target",
            a_goal(LONG),
            a_holding(a_broker_order("limit", 50, limit="110")),
            ["arm 50@98"],
        ),
        ("move", a_goal(LONG, stop=d("99")), a_holding(a_stop()), ["move 100@99"]),
        (
            "a leg moves in price",
            a_goal(LONG, stop=d("99")),
            a_holding(*a_bracket()),
            ["move 100@99"],
        ),
        (
            "a leg of an OTO cannot be replaced",
            a_goal(LONG, stop=d("99")),
            a_holding(a_stop(group="oto", parent="gone")),
            ["release 100", "arm 100@99"],
        ),
        (
            "of two stops only the looser moves",
            a_goal(LONG, stop=d("99")),
            a_holding(a_stop(50, "98"), a_stop(50, "99.50")),
            ["move 50@99"],
        ),
        (
            "never looser",
            a_goal(LONG, stop=d("98")),
            a_holding(a_stop(100, "99")),
            [],
        ),
        (
            "a trailing stop moves by itself",
            a_goal(LONG, stop=d("99")),
            a_holding(a_broker_order("trailing_stop", 100, stop="98")),
            [],
        ),
        (
            "a stop-limit moves by its stop price",
            a_goal(LONG, stop=d("99")),
            a_holding(a_broker_order("stop_limit", 100, stop="98", limit="97")),
            ["move 100@99"],
        ),
        (
            "what the broker is busy with waits",
            a_goal(LONG, stop=d("99")),
            a_holding(a_stop(status="pending_new")),
            [],
        ),
        (
            "a leg moves beside a target that sold a part",
            a_goal(LONG, stop=d("99")),
            a_holding(
                SOLD_ONE, a_stop(99, status="held", group="bracket", parent="p"), quantity=99
            ),
            ["move 99@99"],
        ),
        (
            "a triggered stop is left to fill",
            a_goal(LONG, stop=d("99")),
            a_holding(a_stop(filled=30, status="partially_filled"), quantity=70),
            [],
        ),
        ("exit", a_goal(LONG, exit=EXIT_ALL), a_holding(a_stop()), ["release 100", "sell 100"]),
        ("exit, bare", a_goal(LONG, exit=EXIT_ALL), a_holding(), ["sell 100"]),
        (
            "exit of a bracket cancels the group once",
            a_goal(LONG, exit=EXIT_ALL),
            a_holding(*a_bracket()),
            ["release 100", "sell 100"],
        ),
        (
            "exit never sells more than is held",
            a_goal(LONG, exit=EXIT_ALL),
            a_holding(a_stop(70), quantity=70),
            ["release 70", "sell 70"],
        ),
        (
            "partial, whole shares",
            a_goal(LONG, exit=EXIT_40),
            a_holding(a_stop()),
            ["shrink 60", "sell 40"],
        ),
        (
            "partial, two stops: the larger gives",
            a_goal(LONG, exit=EXIT_40),
            a_holding(a_stop(41), a_stop(59)),
            ["shrink 19", "sell 40"],
        ),
        (
            "partial of a bracket: the rest is armed before the sale",
            a_goal(LONG, exit=EXIT_40),
            a_holding(*a_bracket()),
            ["release 100", "arm 60@98", "sell 40"],
        ),
        (
            "partial of a bracket whose stop is tighter: the rest is no looser",
            a_goal(LONG, exit=EXIT_40),
            a_holding(*a_bracket(100, "99")),
            ["release 100", "arm 60@99", "sell 40"],
        ),
        (
            "partial from free shares: what had no stop gets one after the sale",
            a_goal(LONG, exit=EXIT_40),
            a_holding(a_stop(30)),
            ["sell 40", "arm 30@98"],
        ),
        (
            "partial: a target gives way before a stop that cannot shrink",
            a_goal(LONG, exit=EXIT_40),
            a_holding(*a_bracket(60), a_broker_order("limit", 40, limit="110")),
            ["release 40", "sell 40"],
        ),
        (
            "an exit at work is not sent again, and its shares need no stop",
            a_goal(
                LONG,
                exit=replace(EXIT_40, status="working"),
                exit_at_broker=a_broker_order("market", 40, order_id="x", client_id=EXIT_40.id),
            ),
            a_holding(a_stop(60), a_broker_order("market", 40, order_id="x", client_id=EXIT_40.id)),
            [],
        ),
        (
            "nothing is taken back while an exit is at work: the list may be older than the fill",
            a_goal(
                replace(LONG, quantity=d(60)),
                exit=replace(EXIT_40, status="working"),
                exit_at_broker=a_broker_order("market", 40, order_id="x", client_id=EXIT_40.id),
            ),
            a_holding(
                a_stop(60),
                a_broker_order("market", 40, order_id="x", client_id=EXIT_40.id),
                quantity=60,
            ),
            [],
        ),
        (
            "surplus, whole",
            a_goal(replace(LONG, quantity=d(70))),
            a_holding(a_stop(), quantity=70),
            ["shrink 70"],
        ),
        (
            "surplus of a bracket",
            a_goal(replace(LONG, quantity=d(70))),
            a_holding(*a_bracket(100, "99"), quantity=70),
            ["release 100", "arm 70@99"],
        ),
        (
            "a surplus that fills do not explain stays",
            a_goal(LONG),
            a_holding(a_stop(), quantity=70),
            [],
        ),
        (
            "more than fills explain is not armed",
            a_goal(LONG),
            a_holding(a_stop(), quantity=150),
            [],
        ),
        (
            "gone: ours is released",
            a_goal(LONG),
            a_holding(a_stop(client_id="sw-arm-0-x"), quantity=0),
            ["release 100"],
        ),
        ("gone: the trader's order is left", a_goal(LONG), a_holding(a_stop(), quantity=0), []),
    ],
)
def test_the_plan_of_a_long(name: str, goal: Goal, holding: Holding, expected: list[str]) -> None:
    assert told(planned(goal, holding)) == expected, name


def test_legs_of_an_entry_that_has_not_filled_protect_nothing() -> None:
    entry = a_broker_order("limit", 100, side="buy", limit="95", order_id="entry", group="bracket")
    legs = (
        a_broker_order("limit", 100, limit="110", status="held", group="bracket", parent="entry"),
        a_stop(100, "90", status="held", group="bracket", parent="entry"),
    )
    assert told(planned(a_goal(LONG), a_holding(entry, *legs))) == ["arm 100@98"]


def test_an_order_and_its_successor_stand_for_the_same_shares() -> None:
    old = a_stop(order_id="old", status="pending_replace")
    new = a_stop(100, "99", status="pending_new", replaces="old")
    holding = a_holding(old, new)
    assert holding.covered_quantity("long") == 100
    assert holding.held_quantity("long") == 100
    assert planned(a_goal(LONG), holding) == ()
    steps = planned(a_goal(LONG, exit=EXIT_ALL), holding)
    assert told(steps) == ["release 100", "sell 100"]
    assert steps[0].on == new.id


def test_a_good_till_canceled_stop_that_is_done_for_the_day_still_protects() -> None:
    assert planned(a_goal(LONG), a_holding(a_stop(status="done_for_day"))) == ()
    gone = a_stop(status="done_for_day", time_in_force="day")
    assert told(planned(a_goal(LONG), a_holding(gone))) == ["arm 100@98"]


class TestTranches:
    POSITION = a_position(quantity="10.5", lot=FRACTIONAL_LOT)
    SIZES = (d("5.25"), d("2.625"))

    def test_each_partial_exit_to_come_gets_a_stop_of_its_own(self) -> None:
        goal = a_goal(self.POSITION, tranches=self.SIZES)
        steps = planned(goal, a_holding(quantity="10.5"))
        assert told(steps) == ["arm 5.25@98", "arm 2.625@98", "arm 2.625@98"]

    def test_a_partial_exit_releases_only_its_own(self) -> None:
        goal = a_goal(self.POSITION, tranches=self.SIZES, exit=an_exit(self.POSITION, "5.25"))
        stops = (a_stop("5.25"), a_stop("2.625"), a_stop("2.625"))
        assert told(planned(goal, a_holding(*stops, quantity="10.5"))) == [
            "release 5.25", "sell 5.25",
        ]  # fmt: skip

    def test_two_partials_at_once_release_the_two_that_fit(self) -> None:
        goal = a_goal(self.POSITION, tranches=self.SIZES, exit=an_exit(self.POSITION, "7.875"))
        stops = (a_stop("5.25"), a_stop("2.625"), a_stop("2.625"))
        steps = planned(goal, a_holding(*stops, quantity="10.5"))
        assert told(steps) == ["release 5.25", "release 2.625", "sell 7.875"]

    def test_a_tranche_that_vanished_is_armed_again_in_its_own_size(self) -> None:
        goal = a_goal(self.POSITION, tranches=self.SIZES)
        stops = (a_stop("5.25"), a_stop("2.625"))
        steps = planned(goal, a_holding(*stops, quantity="10.5"))
        assert told(steps) == ["arm 2.625@98"]

    def test_what_does_not_fit_the_tranches_is_armed_in_one(self) -> None:
        goal = a_goal(self.POSITION, tranches=self.SIZES)
        steps = planned(goal, a_holding(a_stop("4"), quantity="10.5"))
        assert told(steps) == ["arm 6.5@98"]

    def test_a_single_fractional_stop_is_replaced_before_the_partial_sale(self) -> None:
        goal = a_goal(self.POSITION, exit=an_exit(self.POSITION, "5.25"))
        steps = planned(goal, a_holding(a_stop("10.5"), quantity="10.5"))
        assert told(steps) == ["release 10.5", "arm 5.25@98", "sell 5.25"]

    def test_a_whole_stop_beside_a_fraction_is_shrunk_and_the_odd_rest_armed(self) -> None:
        goal = a_goal(self.POSITION, exit=an_exit(self.POSITION, "5.25"))
        steps = planned(goal, a_holding(a_stop("10"), a_stop("0.5"), quantity="10.5"))
        assert told(steps) == ["shrink 4", "sell 5.25", "arm 0.75@98"]


def test_an_unexplained_quantity_keeps_the_cover_it_had_through_a_partial_exit() -> None:
    goal = a_goal(LONG, exit=EXIT_40)
    steps = planned(goal, a_holding(*a_bracket(200), quantity=200))
    assert told(steps) == ["release 200", "arm 160@98", "sell 40"]


def test_ids_follow_from_position_step_tick_and_attempt() -> None:
    goal, holding = a_goal(LONG, exit=EXIT_40), a_holding(*a_bracket())
    first = planned(goal, holding)
    assert planned(goal, holding) == first
    again = plan(goal, holding, tick_at=NOW, attempt=1)
    assert {s.id for s in again if s.step != "sell"}.isdisjoint(s.id for s in first)
    assert again[-1].id == first[-1].id


# Properties over any holding that a broker can be in.

PRICES = ("96", "97.50", "98", "98.50", "99")
KINDS = ("stop", "stop", "bracket", "oto", "trailing", "limit", "filling", "pending", "ours")


@dataclass(frozen=True)
class Case:
    world: World
    goal: Goal


@st.composite
def orders_of(draw: st.DrawFn, quantity: Decimal, *, whole: bool) -> list[BrokerOrder]:
    """Draw orders that hold no more than the quantity, as a broker enforces."""
    left = quantity
    found: list[BrokerOrder] = []
    while left > 0 and len(found) < 6 and draw(st.booleans()):
        share = d(draw(st.integers(1, 8))) / 8
        size = left * share if not whole else max(d(1), (left * share) // 1)
        size = min(size, left)
        price = draw(st.sampled_from(PRICES))
        kind = draw(st.sampled_from(KINDS))
        left -= size
        match kind:
            case "bracket":
                found.extend(a_bracket(size, price))
            case "oto":
                found.append(a_stop(size, price, group="oto", parent=f"p{len(found)}"))
            case "trailing":
                found.append(a_broker_order("trailing_stop", size, stop=price))
            case "limit":
                found.append(a_broker_order("limit", size, limit="110"))
            case "filling":
                found.append(a_stop(size + 1, price, filled=1, status="partially_filled"))
            case "pending":
                status = draw(st.sampled_from(("accepted", "pending_new", "pending_cancel")))
                found.append(a_stop(size, price, status=status))
            case "ours":
                found.append(a_stop(size, price, client_id=f"sw-arm-0-{len(found)}"))
            case _:
                found.append(a_stop(size, price))
    return found


@st.composite
def cases(draw: st.DrawFn) -> Case:
    whole = draw(st.booleans())
    quantity = d(draw(st.integers(1, 400))) if whole else d(draw(st.integers(1, 4000))) / 16
    orders = draw(orders_of(quantity, whole=whole))
    explained = draw(st.sampled_from((quantity, quantity, quantity, quantity * 2, quantity / 2)))
    stops = [o.stop_price for o in orders if o.stop_price is not None]
    resting = min(stops, default=d("98"))
    position = a_position(
        quantity=explained,
        lot=d(1) if whole else FRACTIONAL_LOT,
        stop=draw(st.sampled_from((resting, resting, d("98")))),
    )
    goal = a_goal(position, stop=max(position.stop, d(draw(st.sampled_from(PRICES)))))
    if draw(st.booleans()):
        part = draw(st.sampled_from((d(1), d("0.5"), d("0.25"))))
        size = quantity * part if not whole else max(d(1), (quantity * part) // 1)
        goal = replace(goal, exit=an_exit(position, size))
    if not whole:
        goal = replace(goal, tranches=(quantity / 2, quantity / 4))
    return Case(
        world=World(position=position, holding=a_holding(*orders, quantity=quantity)), goal=goal
    )


def mirrored(case: Case) -> Case:
    """Return the case as a short sees it, about the entry of 100."""
    position = mirrored_position(case.world.position)
    found = case.world.holding.position
    holding = replace(
        case.world.holding,
        position=None if found is None else replace(found, side="short"),
        orders=tuple(
            replace(
                o, side="buy", stop_price=_about(o.stop_price), limit_price=_about(o.limit_price)
            )
            for o in case.world.holding.orders
        ),
    )
    goal = replace(case.goal, position=position, stop=200 - case.goal.stop)
    if goal.exit is not None:
        goal = replace(goal, exit=replace(goal.exit, side="buy"))
    return Case(world=World(position=position, holding=holding), goal=goal)


def mirrored_position(position: Position) -> Position:
    return replace(
        position,
        side="short",
        stop=200 - position.stop,
        initial_stop=200 - position.initial_stop,
        tightest=None if position.tightest is None else 200 - position.tightest,
    )


def _about(price: Decimal | None) -> Decimal | None:
    return None if price is None else 200 - price


def on_side(case: Case, side: Side) -> Case:
    return case if side == "long" else mirrored(case)


SIDES = st.sampled_from(("long", "short"))


@given(cases(), SIDES)
@settings(max_examples=400, deadline=None)
def test_no_step_exceeds_the_shares_or_is_one_that_the_broker_refuses(
    case: Case, side: Side
) -> None:
    case = on_side(case, side)
    world = case.world
    for step in planned(case.goal, world.holding):
        before = world.excess
        world = applied(world, step)
        assert world.excess <= before


@given(cases(), SIDES)
@settings(max_examples=400, deadline=None)
def test_what_is_protected_stays_protected_and_no_looser(case: Case, side: Side) -> None:
    case = on_side(case, side)
    before, world = case.world, case.world
    steps = planned(case.goal, world.holding)
    released: list[Decimal] = []
    for step in steps:
        if step.step == "release":
            gone = next(o for o in world.holding.orders if o.id == step.on)
            group = next(g for g in world.holding.groups(side) if gone in g.orders)
            released.extend(o.stop_price for o in group.stops if o.stop_price is not None)
        if step.step == "arm" and released and case.goal.exit is not None:
            assert step.price is not None
            assert not is_tighter(tightest(released, side), step.price, side)
        world = applied(world, step)
    assert world.bare <= before.bare
    free_of_targets = all(o.kind in STOP_KINDS for o in before.holding.orders)
    explained = before.position.quantity == before.held
    if free_of_targets and explained:
        assert world.bare == 0


@given(cases(), SIDES)
@settings(max_examples=400, deadline=None)
def test_planning_on_what_a_plan_brought_about_ends_within_three_rounds(
    case: Case, side: Side
) -> None:
    case = on_side(case, side)
    world, goal = case.world, case.goal
    for _ in range(3):
        steps = planned(goal, world.holding)
        for step in steps:
            world = applied(world, step)
        exit_order = None if any(s.step == "sell" for s in steps) else goal.exit
        goal = replace(goal, position=world.position, exit=exit_order)
    if world.held > 0:
        assert planned(goal, world.holding) == ()


@given(cases(), SIDES)
@settings(max_examples=200, deadline=None)
def test_ids_are_unique_short_and_stable(case: Case, side: Side) -> None:
    case = on_side(case, side)
    steps = planned(case.goal, case.world.holding)
    ids = [step.id for step in steps]
    assert len(set(ids)) == len(ids)
    assert all(len(order_id) <= 48 for order_id in ids if order_id.startswith("sw-"))
    assert planned(case.goal, case.world.holding) == steps


@given(cases(), SIDES)
@settings(max_examples=400, deadline=None)
def test_each_step_of_a_plan_is_for_something_else(case: Case, side: Side) -> None:
    case = on_side(case, side)
    keys = [step_key(step) for step in planned(case.goal, case.world.holding)]
    assert len(set(keys)) == len(keys)


@given(cases())
@settings(max_examples=200, deadline=None)
def test_a_short_is_the_mirror_of_a_long(case: Case) -> None:
    long = planned(case.goal, case.world.holding)
    other = mirrored(case)
    short = planned(other.goal, other.world.holding)
    assert [(s.step, s.quantity, s.on, _about(s.price)) for s in long] == [
        (s.step, s.quantity, s.on, s.price) for s in short
    ]
    assert {s.side for s in short} <= {"buy"}


@given(cases(), SIDES, st.integers(1, 7))
@settings(max_examples=400, deadline=None)
def test_stops_for_shares_that_are_gone_are_taken_back_and_no_others(
    case: Case, side: Side, eighths: int
) -> None:
    case = on_side(case, side)
    whole = case.goal.position.lot >= 1
    left = case.world.held * eighths / 8
    left = max(d(1), left // 1) if whole else left
    position = replace(case.goal.position, quantity=left)
    found = case.world.holding.position
    assert found is not None
    holding = replace(case.world.holding, position=replace(found, quantity=left))
    world = World(position=position, holding=holding)
    exit_order = case.goal.exit
    if exit_order is not None:
        exit_order = replace(exit_order, quantity=min(exit_order.quantity, left))
    goal = replace(case.goal, position=position, exit=exit_order)
    bare = world.bare
    for step in planned(goal, holding):
        before = world.excess
        world = applied(world, step)
        assert world.excess <= before
    assert world.bare <= bare
    at_rest = all(o.status in ("new", "held") for o in holding.orders)
    no_targets = all(group.stops for group in holding.groups(side))
    if at_rest and no_targets and exit_order is None:
        assert world.holding.covered_quantity(side) <= world.held
