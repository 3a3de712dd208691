"""Carry out the plans of a tick in rounds: what is not yet as it was to be is planned anew."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from stopward.domain.holding import Holding, is_tighter
from stopward.domain.identity import OrderId, Symbol
from stopward.domain.money import sign
from stopward.domain.orders import BrokerOrder
from stopward.domain.settling import as_acknowledged
from stopward.domain.snapshot import TickRecord
from stopward.domain.split import has_split
from stopward.errors import BrokerRejected, BrokerUnavailable, DatabaseRejected, DatabaseUnavailable
from stopward.ports import Broker, MarketData, Store
from stopward.services.guard.act import Executor
from stopward.services.guard.bench import Bench
from stopward.services.guard.listed import read_again, surplus
from stopward.services.guard.plans import Planned, replan, unlisted_exit
from stopward.services.guard.record import beyond_fills
from stopward.services.guard.sent import Sent, with_word
from stopward.services.guard.settled import FINAL, with_partials_of
from stopward.services.guard.subject import exit_price

Failure = Callable[[str, Exception], None]
ROUNDS = 4
"""Plans a tick makes for one position; the last one only protects, the next tick does the rest."""


@dataclass(slots=True, kw_only=True)
class Rounds:
    """The ports that a round needs, and who is told of a failure."""

    broker: Broker
    market_data: MarketData
    store: Store
    executor: Executor
    on_failure: Failure

    def carry_out(
        self, bench: Bench, planned: Sequence[Planned], fresh: frozenset[OrderId]
    ) -> tuple[Sent, ...]:
        """Send the steps of all plans; return each position's last word, with all its orders."""
        plans = {each.position.symbol: each for each in planned if each.steps}
        results: dict[Symbol, Sent] = {}
        work = [(each.position, each.sendable(fresh)) for each in plans.values()]
        for attempt in range(1, ROUNDS + 1):
            for sent in self.executor.run(work, self.on_failure):
                results[sent.position.symbol] = _joined(results.get(sent.position.symbol), sent)
            again = [s for s, plan in plans.items() if _is_unfinished(plan, results[s])]
            is_over = self.executor.stopped or self.executor.clock.now() >= self.executor.deadline
            if attempt == ROUNDS or not again or is_over:
                break
            replanned = self._replanned(bench, plans, results, again, attempt=attempt)
            if replanned is None:
                work = []
                continue
            plans = replanned
            if not plans:
                break
            recorded = self._record(bench, plans.values(), results)
            if recorded is None:
                break
            work = [(each.position, each.sendable(recorded)) for each in plans.values()]
        return tuple(results.values())

    def _replanned(
        self,
        bench: Bench,
        plans: dict[Symbol, Planned],
        results: dict[Symbol, Sent],
        symbols: Sequence[Symbol],
        *,
        attempt: int,
    ) -> dict[Symbol, Planned] | None:
        """Return the new plans that have steps; None without an answer, to be asked again.

        One position that cannot be read keeps no other from its stop.
        """
        try:
            orders = self.broker.open_orders()
        except (BrokerUnavailable, BrokerRejected) as error:
            self.on_failure("replan", error)
            return None
        again: dict[Symbol, Planned] = {}
        for symbol in symbols:
            try:
                listed = self._with_exit(plans[symbol], results, orders)
                held = self.broker.position(symbol)
                if held is not None and has_split(results[symbol].position, held):
                    # Its prices are of before the split: the next tick carries it through.
                    continue
                holding = Holding(
                    symbol=symbol,
                    position=held,
                    orders=tuple(order for order in listed if order.symbol == symbol),
                )
                if doubtful := surplus(holding, results[symbol].position.side):
                    seen = read_again(self.broker, holding.orders, doubtful)
                    holding = replace(holding, orders=seen)
                is_settled = unlisted_exit(plans[symbol], results[symbol], listed) is None
                through = (
                    is_settled
                    and results[symbol].unplaceable
                    and self._is_through(bench, results[symbol])
                )
            except (BrokerUnavailable, BrokerRejected) as error:
                self.on_failure(symbol, error)
                continue
            new = replan(
                bench,
                plans[symbol],
                results[symbol],
                holding,
                attempt=attempt,
                through=through,
                protect_only=attempt == ROUNDS - 1,
            )
            if new.steps and not _is_asked_already(new, results[symbol]):
                again[symbol] = new
        return again

    def _with_exit(
        self, planned: Planned, results: dict[Symbol, Sent], orders: tuple[BrokerOrder, ...]
    ) -> tuple[BrokerOrder, ...]:
        """Return the list with the exit in progress if it works; its word, once told, is kept.

        One that has gone from the list was sold meanwhile, or the list lags behind.
        """
        symbol = planned.position.symbol
        unlisted = unlisted_exit(planned, results[symbol], orders)
        found = None if unlisted is None else self.broker.order_by_client_id(unlisted.id)
        if unlisted is None or found is None:
            return orders
        results[symbol] = with_word(results[symbol], as_acknowledged(unlisted, found))
        return (*orders, found) if found.is_working else orders

    def _is_through(self, bench: Bench, sent: Sent) -> bool:
        """Whether the price is at or beyond the stop that the broker would not let rest.

        Or nearer to it than a tick, as after a split: the broker takes none so near. It judges a
        stop by its last trade, we by the quote: of a stop to be armed that it calls passed, a price
        a tick away counts as there too, for a trade was, and the stop would have been triggered.
        """
        symbol = sent.position.symbol
        quote = self.market_data.quotes([symbol]).get(symbol)
        max_age = timedelta(seconds=bench.book.account.max_quote_age_seconds)
        now = self.executor.clock.now()
        if quote is None or not bench.in_session or quote.fault(now=now, max_age=max_age):
            return False
        price = exit_price(quote, sent.position)
        last = sent.orders[-1].price
        tick = sent.position.tick_at(price)
        if last is None:
            return False
        away = sign(sent.position.side) * (price - last)
        return away < tick or (sent.passed and away == tick)

    def _record(
        self, bench: Bench, plans: Collection[Planned], results: Mapping[Symbol, Sent]
    ) -> frozenset[OrderId] | None:
        """Record the new steps, and settle what is over, so that a new exit may be recorded.

        What is settled is in no later snapshot: what it says of its position is written with it.
        None when the store refused or gave no answer: nothing unrecorded is sent, and what was done
        so far is still acknowledged.
        """
        over = [
            order for sent in results.values() for order in sent.orders if order.status in FINAL
        ]
        told = {order.position_id for order in over}
        record = TickRecord(
            fence=bench.snapshot.fence,
            account_id=bench.snapshot.account.id,
            tick_at=bench.tick_at,
            at=self.executor.clock.now(),
            source=bench.source,
            positions=tuple(
                with_partials_of(sent.position, sent.orders)
                for sent in results.values()
                if sent.position.id in told
            ),
            orders=tuple(step for each in plans for step in each.steps),
            settled=tuple(over),
            observations=beyond_fills(plans),
        )
        try:
            return self.store.record_tick(record)
        except (DatabaseRejected, DatabaseUnavailable) as error:
            self.on_failure("record", error)
            return None


def _is_unfinished(planned: Planned, sent: Sent) -> bool:
    """Whether a fresh picture may bring the position further in this tick.

    A step came out otherwise, so that the picture the plan was made from is no longer true; but a
    stop refused beside an order of the trader's is left to the next tick, which will know of it. Or
    a part was sold, and the stop of the rest is not where the decision wants it: one replacement a
    plan, for the sale comes first, and no stop that may be refused holds it up.
    """
    if not sent.complete:
        if sent.opposed and sent.naked_since is None and planned.goal.exit is None:
            return False
        return bool(sent.orders) or sent.naked_since is not None
    goal = planned.goal
    if goal.exit is None or not is_tighter(goal.stop, sent.position.stop, goal.side):
        return False
    sold = any(order.id == goal.exit.id and order.status == "filled" for order in sent.orders)
    return sold and goal.exit.quantity < planned.holding.quantity(goal.side)


def _is_asked_already(new: Planned, sent: Sent) -> bool:
    """Whether the plan begins with the stop that was refused, beside an exit that still works.

    The price is through it, and nothing else may be sold: the next tick asks again.
    """
    if not sent.unplaceable or new.goal.leaving <= 0:
        return False
    first, last = new.steps[0], sent.orders[-1]
    return first.step == last.step == "arm" and first.price == last.price


def _joined(before: Sent | None, now: Sent) -> Sent:
    """Return the later word with the orders and naked seconds of both; a gap stays open across."""
    if before is None:
        return now
    naked_since = now.naked_since
    seconds = before.unprotected_seconds + now.unprotected_seconds
    if before.naked_since is not None:
        covered_at = now.covered_at
        if covered_at is None:
            naked_since = before.naked_since
        else:
            seconds += (covered_at - before.naked_since).total_seconds()
    ids = {order.id for order in now.orders}
    kept = tuple(order for order in before.orders if order.id not in ids)
    return replace(
        now,
        orders=(*kept, *now.orders),
        naked_since=naked_since,
        unprotected_seconds=seconds,
        unplaceable=now.unplaceable,
    )
