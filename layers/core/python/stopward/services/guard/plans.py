"""Plan every position of a tick, and plan anew where a step came out otherwise. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from stopward.domain.decision import Decision, Exit, Reduce
from stopward.domain.goals import exit_of, goal_for
from stopward.domain.holding import Holding, tightest
from stopward.domain.identity import OrderId, is_ours
from stopward.domain.orders import BrokerOrder, Order
from stopward.domain.position import EXIT_REFUSED, HAND_LOOSENED, Position
from stopward.domain.protection import Goal, plan
from stopward.rules.parameters import Rules
from stopward.services.guard.bench import Bench
from stopward.services.guard.judge import Judged, Judgement
from stopward.services.guard.sent import Sent
from stopward.services.guard.settled import FINAL
from stopward.services.guard.subject import Beliefs

FLATTEN = "flatten"
ROOM = frozenset({"release", "shrink"})
"""Steps that take a stop away so that something else may be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One position with its goal and the steps towards it, in the order of sending.

    finishing: the exit that was recorded before this plan was made, and is not done.
    """

    position: Position
    holding: Holding
    goal: Goal
    rules: Rules
    steps: tuple[Order, ...]
    finishing: OrderId | None = None

    def sendable(self, fresh: Collection[OrderId]) -> tuple[Order, ...]:
        """Return the steps that may be sent: recorded by this tick, or the exit recorded earlier.

        A step that an earlier run of the same tick recorded is not sent again; nor is what follows,
        nor what only makes room for it: a stop is not released for a sale that will not be sent.
        """
        sendable: list[Order] = []
        for step in self.steps:
            if step.id not in fresh and step.id != self.finishing:
                return tuple(takewhile(lambda sent: sent.step not in ROOM, sendable))
            sendable.append(step)
        return tuple(sendable)


def plan_all(bench: Bench, beliefs: Beliefs, judgement: Judgement) -> tuple[Planned, ...]:
    """Return the plan of each position; in mode `observe` nothing is ever planned.

    A position that the broker does not list, and that no fill closed, is left alone: the list may
    be stale, and its stop is all that protects it. So is one whose stops could not be read.
    """
    if bench.snapshot.account.mode == "observe":
        return ()
    planned = [
        _plan_one(bench, each, judgement.rules[each.subject.position.symbol])
        for each in judgement.judged
        if each.subject.holding.quantity(each.subject.position.side) > 0
        and each.subject.position.symbol not in beliefs.unread
    ]
    planned.extend(_leftovers(bench, position, held) for position, held in beliefs.clearing)
    return tuple(planned)


def replan(
    bench: Bench,
    planned: Planned,
    sent: Sent,
    holding: Holding,
    *,
    attempt: int,
    through: bool,
    protect_only: bool,
) -> Planned:
    """Return a new plan after a step came out otherwise, from a fresh picture.

    An exit that was rejected is over, so protection comes back first. One that was recorded and not
    yet sent is finished. through: the price is at or beyond the stop, which therefore cannot rest:
    the position is closed instead. protect_only: the last plan of a tick; what is not sold by then
    gets its stop back, and the recorded exit is finished by the next tick.
    """
    exit_order, at_broker = _exit_after(planned, sent, holding)
    finishing = None if exit_order is None else exit_order.id
    if protect_only and at_broker is None:
        exit_order = None
    if exit_order is None and through and not protect_only:
        exit_order = exit_of(
            sent.position,
            holding,
            rule=sent.position.stop_rule,
            tick_at=bench.tick_at,
            attempt=attempt,
        )
    goal = replace(
        planned.goal,
        position=sent.position,
        exit=exit_order,
        exit_at_broker=at_broker,
        stop=planned.goal.stop if exit_order is None else sent.position.stop,
    )
    goal = _level(goal, planned.holding, holding)
    steps = plan(goal, holding, tick_at=bench.tick_at, attempt=attempt)
    return replace(
        planned,
        position=sent.position,
        holding=holding,
        goal=goal,
        steps=steps,
        finishing=finishing,
    )


def unlisted_exit(planned: Planned, sent: Sent, listed: Sequence[BrokerOrder]) -> Order | None:
    """Return the exit that the broker took and that its list does not show now, or None.

    It must be read before another is planned: until it is settled the store takes none.
    """
    latest = _exit_in_progress(planned, sent)
    if latest is None or latest.broker_order_id is None or _listed(latest, listed) is not None:
        return None
    return latest


def wanted(bench: Bench, judged: Judged) -> Decision | None:
    """Return the decision, or an exit when a person asked to flatten the account.

    After the broker refused an exit the next is tried on a closed bar only: each try releases the
    stop for a moment, and what was refused is refused again seconds later.
    """
    flatten_at = bench.snapshot.account.flatten_at
    position = judged.subject.position
    decision = judged.decision
    if flatten_at is not None and bench.in_session and position.adopted_at <= flatten_at:
        decision = Exit(rule=FLATTEN)
    is_pulse = judged.bar is None or judged.bar.closed <= 0
    if isinstance(decision, Exit | Reduce) and EXIT_REFUSED in position.flags and is_pulse:
        return None
    return decision


def _plan_one(bench: Bench, judged: Judged, rules: Rules) -> Planned:
    # An exit that was not sent before the close waits for the next open: until then its stop rests.
    subject = judged.subject
    exit_order = subject.exit
    if not bench.in_session and subject.exit_at_broker is None:
        exit_order = None
    partials = 0 if judged.verdict is None else int(judged.verdict.proposal.partials)
    goal = goal_for(
        subject.position,
        subject.holding,
        wanted(bench, judged),
        rules,
        exit_order=exit_order,
        exit_at_broker=subject.exit_at_broker,
        tick_at=bench.tick_at,
        partials=partials,
    )
    goal = _level(goal, subject.holding)
    return Planned(
        position=subject.position,
        holding=subject.holding,
        goal=goal,
        rules=rules,
        steps=plan(goal, subject.holding, tick_at=bench.tick_at, attempt=0),
        finishing=None if subject.exit is None else subject.exit.id,
    )


def _level(goal: Goal, *seen: Holding) -> Goal:
    """Aim no looser than a stop of ours rested, or may have: a part whose move was lost follows.

    seen: the picture, after that which the plan before was made from: what was on its way there
    may have come to rest, and be gone by now. Where the trader loosened his, that holds instead.
    """
    position = goal.position
    if HAND_LOOSENED in position.flags:
        return goal
    own = (
        order.stop_price
        for holding in seen
        for order in holding.stops(goal.side)
        if is_ours(order.client_order_id) and order.stop_price is not None
    )
    known = () if position.tightest is None else (position.tightest,)
    stop = tightest((goal.stop, *known, *own), goal.side)
    return goal if stop == goal.stop else replace(goal, stop=stop)


def _leftovers(bench: Bench, position: Position, holding: Holding) -> Planned:
    goal = Goal(position=position, stop=position.stop, stop_rule=position.stop_rule)
    steps = plan(goal, holding, tick_at=bench.tick_at, attempt=0)
    return Planned(position=position, holding=holding, goal=goal, rules=Rules(), steps=steps)


def _exit_after(
    planned: Planned, sent: Sent, holding: Holding
) -> tuple[Order | None, BrokerOrder | None]:
    latest = _exit_in_progress(planned, sent)
    if latest is None:
        return None, None
    at_broker = _listed(latest, holding.orders)
    if at_broker is None and latest.broker_order_id is not None:
        return None, None
    return planned.goal.exit, at_broker


def _exit_in_progress(planned: Planned, sent: Sent) -> Order | None:
    exit_order = planned.goal.exit
    if exit_order is None:
        return None
    latest = _last(sent.orders, exit_order.id) or exit_order
    return None if latest.status in FINAL else latest


def _listed(order: Order, listed: Sequence[BrokerOrder]) -> BrokerOrder | None:
    return next((each for each in listed if each.client_order_id == order.id), None)


def _last(orders: Sequence[Order], order_id: OrderId) -> Order | None:
    return next((order for order in reversed(orders) if order.id == order_id), None)
