"""The steps of an exit: free its shares, sell them, keep what stays protected. Pure."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, Decimal
from itertools import combinations

from stopward.domain.draft import Draft, Rest
from stopward.domain.holding import ZERO, Group, Holding, can_change_quantity
from stopward.domain.orders import Order

SEARCHED = 8
"""Up to so many stops every combination is tried: 255 of them."""


def exit_steps(draft: Draft, holding: Holding, exit_order: Order) -> Iterator[Order]:
    """Yield the steps of an exit that the broker does not have yet.

    The whole position: every order that holds its shares is released, then it is sold. A part: a
    whole-share simple stop is shrunk; else an idle target, else the stops that fit best, are
    released, and what stays of them is armed again before the sale. Shares that had no stop before
    are armed after it, so that a stop which cannot rest never keeps an exit from being sent.
    """
    side = draft.goal.side
    quantity = holding.quantity(side)
    wanted = min(exit_order.quantity, quantity)
    covered = holding.covered_quantity(side)
    shortage = wanted - (quantity - holding.held_quantity(side))
    if wanted == quantity:
        yield from (draft.release(group) for group in holding.groups(side))
        yield draft.sell(exit_order, wanted)
        return
    released: tuple[Group, ...] = ()
    if shortage > 0:
        shrunk = _shrunk(draft, holding, wanted=wanted, shortage=shortage)
        if shrunk is not None:
            step, holding = shrunk
            yield step
        else:
            released = _to_release(holding.groups(side), shortage)
            yield from (draft.release(group) for group in released)
            for group in released:
                holding = holding.without(group)
    stops = tuple(order for group in released for order in group.stops)
    free = quantity - holding.held_quantity(side) - wanted
    again = Rest(covered=covered, stops=stops)
    arms = tuple(draft.arms(holding, leaving=wanted, free=free, again=again))
    if stops:
        yield from arms
    yield draft.sell(exit_order, wanted)
    if not stops:
        yield from arms


def _shrunk(
    draft: Draft, holding: Holding, *, wanted: Decimal, shortage: Decimal
) -> tuple[Order, Holding] | None:
    """Return the shrinking of the largest stop that can give the shares away, and what is left.

    None when no stop can, or when what stays would lose its cover, for a target holds its shares.
    """
    side = draft.goal.side
    give = shortage.to_integral_value(rounding=ROUND_CEILING)
    orders = [
        order
        for order in holding.stops(side)
        if can_change_quantity(order) and order.open_quantity > give
    ]
    if not orders:
        return None
    order = max(orders, key=lambda order: order.open_quantity)
    left = order.open_quantity - give
    after = holding.with_quantity(order.id, left)
    quantity = holding.quantity(side)
    bare = min(holding.covered_quantity(side), quantity - wanted) - after.covered_quantity(side)
    if bare > quantity - wanted - after.held_quantity(side):
        return None
    return draft.shrink(order, to=left), after


def _to_release(groups: Sequence[Group], shortage: Decimal) -> tuple[Group, ...]:
    """Return the groups to release: targets before stops, for a target protects nothing."""
    idle = [group for group in groups if not group.stops]
    chosen = _best_fit(idle, shortage)
    missing = shortage - sum((group.held for group in chosen), ZERO)
    if missing <= 0:
        return chosen
    return (*chosen, *_best_fit([group for group in groups if group.stops], missing))


def _best_fit(groups: Sequence[Group], shortage: Decimal) -> tuple[Group, ...]:
    """Return the groups that free `shortage` with the least to spare, then the fewest; else all."""
    ordered = sorted(groups, key=lambda group: (-group.held, group.orders[0].id))
    if sum((group.held for group in ordered), ZERO) <= shortage:
        return tuple(ordered)
    if len(ordered) > SEARCHED:
        return _largest_first(ordered, shortage)
    enough = [
        chosen
        for count in range(1, len(ordered) + 1)
        for chosen in combinations(ordered, count)
        if sum(group.held for group in chosen) >= shortage
    ]
    return min(enough, key=lambda chosen: (sum(group.held for group in chosen), len(chosen)))


def _largest_first(ordered: Sequence[Group], shortage: Decimal) -> tuple[Group, ...]:
    chosen: list[Group] = []
    freed = ZERO
    for group in ordered:
        if freed >= shortage:
            break
        chosen.append(group)
        freed += group.held
    return tuple(chosen)
