"""Guards that act wrongly, in one way each: blocks to run in."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from unittest.mock import patch

from stopward.adapters.memory import MemoryStore
from stopward.domain import reconcile as reconciling
from stopward.domain.draft import Draft
from stopward.domain.holding import Holding
from stopward.domain.identity import OrderId
from stopward.domain.orders import BrokerOrder, Order, OrderRequest
from stopward.domain.position import Position
from stopward.errors import BrokerUnavailable, DatabaseRejected, RateLimited
from stopward.services.guard import Guard, believe, plans, rounds, settled, strangers
from stopward.services.guard.act import Executor
from stopward.services.guard.plans import Planned
from stopward.services.guard.sent import Sent, with_order
from stopward.services.guard.subject import Picture

T = TypeVar("T")


@contextmanager
def act_before_record() -> Iterator[None]:
    """Send first, write afterwards."""
    record, late = Guard._record, []

    def later(guard: Guard, *arguments: Any) -> frozenset[OrderId]:
        late.append((guard, arguments))
        planned: Sequence[Planned] = arguments[-1]
        return frozenset(step.id for each in planned for step in each.steps)

    def acting(guard: Guard, *arguments: Any) -> object:
        done = act_(guard, *arguments)
        record(late[-1][0], *late[-1][1])
        return done

    act_ = Guard._act
    with patch.object(Guard, "_record", later), patch.object(Guard, "_act", acting):
        yield


@contextmanager
def sell_without_the_release_wait() -> Iterator[None]:
    """Cancel, then hope."""

    def release(executor: Executor, sent: Sent, step: Order) -> Sent:
        if step.on is not None:
            executor.broker.cancel(step.on)
        return with_order(sent, replace(step, status="filled"), complete=True)

    with patch.object(Executor, "_release", release):
        yield


@contextmanager
def rearm_with_the_old_quantity() -> Iterator[None]:
    """Arm what was bought once, not what is held now."""
    arms = Draft.arms

    def old(draft: Draft, *arguments: Any, **named: Any) -> Iterator[Order]:
        for order in arms(draft, *arguments, **named):
            yield replace(order, quantity=draft.goal.position.initial_quantity)

    with patch.object(Draft, "arms", old):
        yield


@contextmanager
def loosen_on_rearm() -> Iterator[None]:
    """Arm at the initial stop, whatever was reached since."""
    arms = Draft.arms

    def loose(draft: Draft, *arguments: Any, **named: Any) -> Iterator[Order]:
        for order in arms(draft, *arguments, **named):
            yield replace(order, price=draft.goal.position.initial_stop)

    with patch.object(Draft, "arms", loose):
        yield


@contextmanager
def ignore_the_fence() -> Iterator[None]:
    """Go on when another tick has taken over the lease, however late it is."""
    record = Guard._record

    def regardless(guard: Guard, *arguments: Any) -> frozenset[OrderId]:
        try:
            return record(guard, *arguments)
        except DatabaseRejected:
            planned: Sequence[Planned] = arguments[-1]
            return frozenset(step.id for each in planned for step in each.steps)

    with (
        patch.object(Guard, "_record", regardless),
        patch("tests.faults.world.LEASE_MARGIN_SECONDS", -3600.0),
    ):
        yield


@contextmanager
def retry_a_submit_under_a_new_id() -> Iterator[None]:
    """Without an answer, send it again as another order."""

    def submit(executor: Executor, wanted: Callable[[], OrderRequest | None]) -> BrokerOrder | None:
        request = wanted()
        if request is None:
            return None
        try:
            return executor.broker.submit(request)
        except RateLimited:
            raise
        except BrokerUnavailable:
            again = OrderId(f"{request.client_order_id[:-1]}x")
            return executor.broker.submit(replace(request, client_order_id=again))

    with patch.object(Executor, "_submit", submit):
        yield


def skip_the_position_reread() -> AbstractContextManager[object]:
    """Sell what was there when the tick began."""
    return patch.object(Executor, "_held", lambda _, position: position.quantity)


@contextmanager
def ignore_held_legs() -> Iterator[None]:
    """Take a bracket's stop that is `held` for no stop."""
    reducing = Holding.reducing

    def without_held(holding: Holding, side: Any) -> tuple[BrokerOrder, ...]:
        return tuple(order for order in reducing(holding, side) if order.status != "held")

    with patch.object(Holding, "reducing", without_held):
        yield


@contextmanager
def skip_the_lease() -> Iterator[None]:
    """Let everybody in at once."""
    begin = MemoryStore.begin_tick

    def always(store: MemoryStore, account_id: Any, **named: Any) -> object:
        book = store.book(account_id)
        fence = 0 if book.lease is None else book.lease.fence
        book.lease = None
        snapshot = begin(store, account_id, **named)
        if fence and book.lease is not None:
            book.lease = replace(book.lease, fence=fence)
            return replace(snapshot, fence=fence)  # type: ignore[type-var]
        return snapshot

    with patch.object(MemoryStore, "begin_tick", always):
        yield


@contextmanager
def one_holder_for_a_doubled_event() -> Iterator[None]:
    """Give both runs of one tick the same lease."""
    tick = Guard.tick
    with patch.object(Guard, "tick", lambda guard, at, **_: tick(guard, at, invocation="")):
        yield


@contextmanager
def decide_an_exit_anew() -> Iterator[None]:
    """Forget an exit that was recorded and not sent."""
    subject = settled.subject_of

    def forgetful(*arguments: Any, **named: Any) -> object:
        return replace(subject(*arguments, **named), exit=None, exit_at_broker=None)

    with (
        patch.object(believe, "subject_of", forgetful),
        patch.object(strangers, "subject_of", forgetful),
    ):
        yield


def forget_the_parts_that_were_sold() -> AbstractContextManager[object]:
    """Sell the first part again and again."""
    return patch.object(settled, "is_finished_partial", lambda _: False)


def settle_a_part_before_its_position() -> AbstractContextManager[object]:
    """Record that a part is over, and leave it to the acknowledgement to count it."""
    return patch.object(rounds, "with_partials_of", lambda position, _: position)


@contextmanager
def believe_an_absence() -> Iterator[None]:
    """Close a position because a list does not show it."""
    reconcile = reconciling.reconcile

    def hasty(position: Position, holding: Holding, **named: Any) -> reconciling.Reconciled:
        found = reconcile(position, holding, **named)
        if not found.missing:
            return found
        gone = replace(position, quantity=position.quantity * 0)
        folded = reconciling.fold_fills(gone, ())
        trade = reconciling.close_trade(folded, {}, now=named["now"])
        return replace(found, position=gone, trade=trade)

    with patch.object(believe, "reconcile", hasty):
        yield


def leave_orders_behind() -> AbstractContextManager[object]:
    """Close a position while a stop of ours still rests for it."""
    return patch.object(believe, "_has_leftovers", lambda *_: False)


def adopt_whatever_is_listed() -> AbstractContextManager[object]:
    """Adopt a position that fills say is gone."""
    return patch.object(strangers, "is_doubtful", lambda *_, **__: False)


def trust_our_clock() -> AbstractContextManager[object]:
    """Take a fill for older than the position because our clock is ahead."""
    return patch.object(reconciling, "CLOCKS_APART", timedelta(0))


def forget_a_stop_that_rested() -> AbstractContextManager[object]:
    """Go back to the stop before a move that we never saw rest."""
    return patch.object(believe, "rested", lambda position, *_: position)


@contextmanager
def believe_whatever_looks_loosened() -> Iterator[None]:
    """Take a stop of the trader's in an older list for one that he loosened."""
    # Where less is held than it was for, it is read again as surplus: the second line of defence.
    with patch("stopward.services.guard.look.seems_loosened", lambda *_: ()), believe_a_surplus():
        yield


def believe_a_surplus() -> AbstractContextManager[object]:
    """Take back a stop beside one that only an older list shows."""
    return patch("stopward.services.guard.look.surplus", lambda *_: frozenset())


@contextmanager
def send_in_observe_mode() -> Iterator[None]:
    """Act where only a look was asked for."""
    plan_all = plans.plan_all

    def anyway(bench: Any, *arguments: Any) -> object:
        account = replace(bench.snapshot.account, mode="guard")
        snapshot = replace(bench.snapshot, account=account)
        return plan_all(replace(bench, snapshot=snapshot), *arguments)

    # The database would withhold the intents: it is the second line of defence.
    with (
        patch("stopward.services.guard.tick.plan_all", anyway),
        patch("stopward.adapters.memory_book.is_withheld", lambda *_: False),
    ):
        yield


@contextmanager
def touch_what_is_hands_off() -> Iterator[None]:
    """Guard whatever is there."""
    with (
        patch.object(believe, "refusal", lambda *_: None),
        patch.object(strangers, "refusal", lambda *_: None),
        patch("stopward.services.guard.look.refusal", lambda *_: None),
    ):
        yield


def give_up_after_a_failed_step() -> AbstractContextManager[object]:
    """Leave a released stop to the next tick."""
    return patch("stopward.services.guard.rounds.ROUNDS", 1)


@contextmanager
def see_half_of_the_orders() -> Iterator[None]:
    """Plan as if a group's second leg were not there."""
    holding = Picture.holding

    def half(picture: Picture, symbol: Any) -> Holding:
        found = holding(picture, symbol)
        return replace(found, orders=found.orders[:1])

    with patch.object(Picture, "holding", half):
        yield
