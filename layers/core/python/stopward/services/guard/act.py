"""Send what was recorded, one position at a time: exits first, then arming, then moves.

Each step is looked at before the next is sent. When a step does not come out as planned, the rest
of that position's plan is dropped and a fresh picture decides what comes next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from stopward.domain.identity import BrokerOrderId
from stopward.domain.orders import PENDING, BrokerOrder, Order, OrderRequest
from stopward.domain.position import Position
from stopward.domain.settling import as_acknowledged
from stopward.domain.split import has_split
from stopward.errors import BrokerRejected, BrokerUnavailable, RateLimited
from stopward.ports import Broker, Clock
from stopward.services.guard.refusals import is_held, is_opposed, is_passed
from stopward.services.guard.room import affords, has_time, urgency
from stopward.services.guard.sent import Sent, as_it_rests, rested, with_order, with_tightest

POLL = timedelta(milliseconds=200)
POLLS = 15
"""As long as changes settle (`room.SETTLES`); else the next tick sees."""


@dataclass(slots=True)
class _Progress:
    """One position on its way through its steps."""

    sent: Sent

    def release(self, now: datetime) -> None:
        """Note that a stop is about to be released: from here on the gap is counted."""
        if self.sent.naked_since is None:
            self.sent = replace(self.sent, naked_since=now)


@dataclass(slots=True, kw_only=True)
class Executor:
    """Sends steps until `deadline`; never a step that was not recorded before."""

    broker: Broker
    clock: Clock
    deadline: datetime
    stopped: bool = field(default=False)
    _runs: int = field(default=0)

    def run(
        self,
        work: Sequence[tuple[Position, tuple[Order, ...]]],
        on_failure: Callable[[str, Exception], None],
    ) -> tuple[Sent, ...]:
        """Send every position's steps, the urgent first; one position's failure stops no other.

        Near the deadline no plan that releases a stop is begun; the first of a tick always is, or a
        short lease would never let one, and so are plans made anew, whose stop may be gone already.
        """
        results: list[Sent] = []
        self._runs += 1
        has_begun = False
        for position, steps in sorted(work, key=urgency):
            progress = _Progress(Sent(position=position, complete=not steps))
            left = self.deadline - self.clock.now()
            in_time = self._runs > 1 or not has_begun or has_time(steps, left)
            if steps and not self.stopped and affords(steps, self.broker.remaining) and in_time:
                has_begun = True
                try:
                    self._run_one(progress, steps)
                except Exception as error:
                    self.stopped = self.stopped or isinstance(error, RateLimited)
                    progress.sent = replace(progress.sent, complete=False)
                    on_failure(position.symbol, error)
            results.append(as_it_rests(progress.sent, position, steps))
        return tuple(results)

    def _run_one(self, progress: _Progress, steps: tuple[Order, ...]) -> None:
        """Send one position's steps; what was done stays in `progress`, also when one fails."""
        progress.sent = replace(progress.sent, complete=False)
        for step in steps:
            if self.clock.now() >= self.deadline:
                return
            if step.step == "release":
                progress.release(self.clock.now())
            progress.sent = self._send(progress.sent, step)
            if not progress.sent.complete:
                return

    def _held(self, position: Position) -> Decimal:
        """Return the shares still held, read again: a stop may have filled before its release.

        None of a split that the plan did not see: its shares and prices are of before it.
        """
        held = self.broker.position(position.symbol)
        if held is None or held.side != position.side or has_split(position, held):
            return Decimal(0)
        return held.quantity

    def _send(self, sent: Sent, step: Order) -> Sent:
        match step.step:
            case "release":
                return self._release(sent, step)
            case "shrink" | "move":
                return self._replace(sent, step)
            case "arm":
                return self._arm(sent, step)
            case "sell":
                return self._sell(sent, step)

    def _release(self, sent: Sent, step: Order) -> Sent:
        """Cancel and wait for the final status; a stop that filled first changes the picture."""
        if step.on is None:
            return with_order(
                sent, replace(step, status="void", reason="nothing to cancel"), complete=False
            )
        try:
            self.broker.cancel(step.on)
        except BrokerRejected as error:
            reason = str(error)
        else:
            reason = ""
        target = self._final(step.on)
        if target is None or target.is_working:
            return with_order(sent, replace(step, status="working", reason=reason), complete=False)
        if target.filled_quantity > 0:
            filled = replace(step, status="void", reason="filled before the cancel")
            return with_order(sent, filled, complete=False)
        if target.status == "replaced":
            replaced = replace(step, status="void", reason="its successor rests instead")
            return with_order(sent, replaced, complete=False)
        return with_order(sent, replace(step, status="filled", reason=target.status), complete=True)

    def _replace(self, sent: Sent, step: Order) -> Sent:
        """Replace price or quantity, and see the successor work before anything is believed."""
        if step.on is None:
            return with_order(
                sent, replace(step, status="void", reason="nothing to replace"), complete=False
            )
        moving = step.step == "move"
        try:
            answer = self.broker.replace(
                step.on,
                client_order_id=step.id,
                quantity=None if moving else step.quantity,
                stop_price=step.price if moving else None,
            )
        except BrokerRejected as error:
            return with_order(
                sent,
                replace(step, status="rejected", reason=str(error)),
                complete=False,
                unplaceable=moving and error.status == 422,
            )
        seen = self._wait(lambda: self.broker.order(answer.id), _is_settled) or answer
        done = as_acknowledged(step, seen)
        took_effect = seen.status not in PENDING and seen.status != "rejected"
        sent = with_order(sent, done, complete=took_effect and seen.is_working)
        if not took_effect or step.price is None:
            return sent
        if moving:
            return replace(sent, position=rested(sent.position, step.price, step.rule))
        # The trader may have moved it since we last looked: what takes its place is no looser.
        return replace(sent, position=with_tightest(sent.position, step.price))

    def _arm(self, sent: Sent, step: Order) -> Sent:
        if step.price is None:
            return with_order(
                sent, replace(step, status="void", reason="no stop price"), complete=False
            )
        whole = step.quantity == step.quantity.to_integral_value()
        request = OrderRequest(
            client_order_id=step.id,
            symbol=step.symbol,
            side=step.side,
            quantity=step.quantity,
            kind="stop",
            stop_price=step.price,
            time_in_force="gtc" if whole else "day",
        )
        try:
            answer = self._submit(lambda: request)
        except BrokerRejected as error:
            rejected = replace(step, status="rejected", reason=str(error))
            sent = with_order(sent, rejected, complete=False, unplaceable=error.status == 422)
            return replace(sent, opposed=is_opposed(error), passed=is_passed(error, step.side))
        if answer is None:
            return replace(sent, complete=False)
        sent = with_order(sent, as_acknowledged(step, answer), complete=answer.is_working)
        if not answer.is_working:
            return sent
        sent = self._covered(sent)
        return replace(sent, position=rested(sent.position, step.price, step.rule))

    def _sell(self, sent: Sent, step: Order) -> Sent:
        """Sell what is there to be sold, read again: a stop may have filled, a hand acted.

        Where less is held than the plan was made for, what it has after the sale is dropped.
        """
        held = sent.position.quantity

        def request() -> OrderRequest | None:
            nonlocal held
            held = self._held(sent.position)
            quantity = min(step.quantity, held)
            if quantity <= 0:
                return None
            return OrderRequest(
                client_order_id=step.id,
                symbol=step.symbol,
                side=step.side,
                quantity=quantity,
                kind="market",
            )

        try:
            answer = self._submit(request)
        except BrokerRejected as error:
            if is_held(error):
                return with_order(sent, replace(step, reason=str(error)), complete=False)
            rejected = replace(step, status="rejected", reason=str(error))
            return with_order(sent, rejected, complete=False)
        if answer is None:
            return replace(sent, complete=False)
        sent = self._covered(sent)
        step = replace(step, quantity=min(step.quantity, answer.quantity))
        done = as_acknowledged(step, self._final(answer.id) or answer)
        as_planned = done.status in ("filled", "working") and held >= sent.position.quantity
        return with_order(sent, done, complete=as_planned)

    def _submit(self, wanted: Callable[[], OrderRequest | None]) -> BrokerOrder | None:
        """Send an order, waiting while the broker asks for it, and once more without an answer.

        What protects is worth a wait: its stop may be released already. After a wait it is asked
        anew what is wanted; None when there is nothing to send any more. Without an answer the same
        request is sent again, which its id makes harmless: a duplicate is refused, and read by it.
        """
        request = wanted()
        repeated = False
        while request is not None:
            try:
                return self.broker.submit(request)
            except RateLimited as error:
                again_at = self.clock.now() + timedelta(seconds=error.retry_after_seconds)
                if again_at >= self.deadline:
                    raise
                self.clock.sleep_until(again_at)
                if not repeated:
                    request = wanted()
            except BrokerUnavailable:
                if repeated or self.clock.now() >= self.deadline:
                    raise
                repeated = True
        return None

    def _final(self, order_id: BrokerOrderId) -> BrokerOrder | None:
        return self._wait(lambda: self.broker.order(order_id), lambda order: not order.is_working)

    def _wait(
        self, read: Callable[[], BrokerOrder | None], done: Callable[[BrokerOrder], bool]
    ) -> BrokerOrder | None:
        """Read until `done` says so, a number of times, not past the deadline; return the last."""
        order = read()
        for _ in range(POLLS):
            now = self.clock.now()
            if order is None or done(order) or now >= self.deadline:
                break
            self.clock.sleep_until(now + POLL)
            order = read()
        return order

    def _covered(self, sent: Sent) -> Sent:
        now = self.clock.now()
        sent = replace(sent, covered_at=sent.covered_at or now)
        if sent.naked_since is None:
            return sent
        seconds = sent.unprotected_seconds + (now - sent.naked_since).total_seconds()
        return replace(sent, naked_since=None, unprotected_seconds=seconds)


def _is_settled(order: BrokerOrder) -> bool:
    return order.status not in PENDING
