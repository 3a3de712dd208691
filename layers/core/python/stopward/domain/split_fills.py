"""Fills around a split that no tick has seen: some in old shares, some in new ones. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from math import isfinite

from stopward.domain.fills import Folded, Reduction, fold_fills, is_folded
from stopward.domain.money import SIXTH_PLACE, decimal_of, plain, sign
from stopward.domain.orders import BrokerPosition, Fill
from stopward.domain.position import FRACTIONAL_LOT, Position
from stopward.domain.split import SPLIT_RATIOS, SPLIT_TOLERANCE, after_split, split_ratio

DRIFT = Decimal("0.1")
"""How far the price may move from the fill before a split to the one after it. [judgement]"""


def fold_through_split(
    position: Position, held: BrokerPosition, fills: Sequence[Fill]
) -> tuple[Folded, Decimal] | None:
    """Return the position after the fills and a split among them, and its ratio; None without one.

    The ratio is in new shares per old one. Quantity and average entry must both come out as the
    broker has them. The split may lie before, after or between the fills; where several places fit,
    the fills are nearest to the price there. All but the position is told in old shares. Ask only
    where fills alone do not explain the quantity.
    """
    own = (f for f in fills if f.symbol == position.symbol and not is_folded(position, f))
    new = sorted(own, key=lambda fill: (fill.at, fill.id))
    found = [
        (_strangeness(new[:count], new[count:], ratio, held.current_price), folded, ratio)
        for count in range(len(new), -1, -1)
        for folded, ratio in _carried(position, held, new[:count], new[count:])
    ]
    if not found:
        return None
    _, folded, ratio = min(found, key=lambda each: each[0])
    return folded, ratio


def close_through_split(position: Position, fills: Sequence[Fill]) -> tuple[Folded, Decimal] | None:
    """Return the position that a split and then fills brought to nothing, and the split's ratio.

    The fills after the split take all of its new shares and no more, at prices that the position
    saw only in old ones. Told as by `fold_through_split`; None where no split explains them. Ask
    only where the broker lists nothing and the fills alone do not lead there.
    """
    own = (f for f in fills if f.symbol == position.symbol and not is_folded(position, f))
    ordered = sorted(own, key=lambda fill: (fill.at, fill.id))
    found = [
        (beyond, folded, ratio)
        for count in range(len(ordered))
        for seen in [_seen(position, ordered[:count])]
        if _beyond(ordered[count].price, seen) > DRIFT
        for ratio in SPLIT_RATIOS
        if (beyond := _beyond(ordered[count].price * ratio, seen)) <= DRIFT
        for folded in _closed(position, ordered[:count], ordered[count:], ratio)
    ]
    if not found:
        return None
    _, folded, ratio = min(found, key=lambda each: each[0])
    return folded, ratio


def leads_through_split(found: BrokerPosition, fills: Sequence[Fill]) -> bool:
    """Whether fills of the symbol lead from nothing to the position, with a split among them.

    Where the split lies, the price must have jumped by its ratio: a list that lags behind the fills
    is not taken for one. After the last fill the average entry must have jumped with it.
    """
    ordered = sorted(fills, key=lambda fill: (fill.at, fill.id))
    if _was_split_since(found, ordered):
        return True
    held = sign(found.side) * found.quantity
    for count in range(1, len(ordered)):
        old, new = ordered[:count], ordered[count:]
        needed = held - sum(map(_change, new))
        before = Decimal(sum(map(_change, old)))
        jump = old[-1].price / new[0].price
        if any(_is_split_of(before, needed, ratio) for ratio in SPLIT_RATIOS if _fits(jump, ratio)):
            return True
    return False


def _was_split_since(found: BrokerPosition, ordered: Sequence[Fill]) -> bool:
    """Whether what the fills lead to was split after the last: quantity, price and average."""
    price, average = found.current_price, found.average_entry
    if not ordered or price is None or price <= 0 or average <= 0:
        return False
    held = sign(found.side) * found.quantity
    before = Decimal(sum(map(_change, ordered)))
    jump, averages = ordered[-1].price / price, _average_entry(ordered) / average
    return any(
        _is_split_of(before, held, ratio)
        for ratio in SPLIT_RATIOS
        if _fits(jump, ratio) and abs(averages / ratio - 1) <= SPLIT_TOLERANCE
    )


def _average_entry(ordered: Sequence[Fill]) -> Decimal:
    """Return what was paid for a share of what fills lead to from nothing; 0 for nothing."""
    held = average = Decimal(0)
    for fill in ordered:
        after = held + _change(fill)
        if after == 0:
            average = Decimal(0)
        elif held * after <= 0:
            average = fill.price
        elif abs(after) > abs(held):
            average = (held * average + _change(fill) * fill.price) / after
        held = after
    return average


def _change(fill: Fill) -> Decimal:
    return fill.quantity if fill.side == "buy" else -fill.quantity


def _fits(jump: Decimal, ratio: Decimal) -> bool:
    """Whether prices jumped by about the ratio, and not less so than they stayed."""
    apart = abs(jump / ratio - 1)
    return apart <= DRIFT and apart < abs(jump - 1)


def _is_split_of(old: Decimal, new: Decimal, ratio: Decimal) -> bool:
    """Whether so many old shares, or owed ones, are so many new ones; fractions may be paid out."""
    exact = old * ratio
    return abs(new - exact) <= SIXTH_PLACE or new == exact.to_integral_value(ROUND_DOWN)


def _carried(
    position: Position, held: BrokerPosition, old: Sequence[Fill], new: Sequence[Fill]
) -> Iterator[tuple[Folded, Decimal]]:
    """Yield what comes of fills in old and in new shares with a split between them, if it fits."""
    before = fold_fills(position, old)
    if before.position.quantity <= 0:
        return
    if not new:
        last = before.position
        ratio = split_ratio(last, quantity=held.quantity, average_entry=held.average_entry)
        if ratio is not None:
            yield replace(before, position=after_split(last, ratio, quantity=held.quantity)), ratio
        return
    for ratio in SPLIT_RATIOS:
        split = after_split(before.position, ratio, quantity=_quantity(before, ratio, held))
        after = fold_fills(split, new)
        if _is_as_held(after, held):
            yield _joined(before, after, ratio), ratio


def _seen(position: Position, old: Sequence[Fill]) -> tuple[Decimal, Decimal]:
    """Return the lowest and the highest price seen in old shares: the last fill's, if any."""
    if old:
        return old[-1].price, old[-1].price
    marks = (position.marks.best, position.marks.worst)
    seen = [position.average_entry, *(decimal_of(mark) for mark in marks if isfinite(mark))]
    return min(seen), max(seen)


def _beyond(price: Decimal, seen: tuple[Decimal, Decimal]) -> Decimal:
    """Return how far the price lies outside of those seen, as a share of the nearest; 0 inside."""
    low, high = seen
    return max(1 - price / low, price / high - 1, Decimal(0))


def _closed(
    position: Position, old: Sequence[Fill], new: Sequence[Fill], ratio: Decimal
) -> Iterator[Folded]:
    """Yield both folds where the fills after the split take all new shares, and no more."""
    before = fold_fills(position, old)
    exact = before.position.quantity * ratio
    for quantity in {Decimal(plain(exact.quantize(FRACTIONAL_LOT))), exact // 1}:
        if quantity <= 0:
            continue
        after = fold_fills(after_split(before.position, ratio, quantity=quantity), new)
        is_all = all(is_folded(after.position, fill) for fill in new)
        if after.position.quantity == 0 and after.beyond == 0 and is_all:
            yield _joined(before, after, ratio)


def _strangeness(
    old: Sequence[Fill], new: Sequence[Fill], ratio: Decimal, price: Decimal | None
) -> Decimal:
    """Return how far the farthest fill is from the price now, as a share of it; 0 without one."""
    if price is None or price <= 0:
        return Decimal(0)
    prices = [*(fill.price / ratio for fill in old), *(fill.price for fill in new)]
    return max((abs(each / price - 1) for each in prices), default=Decimal(0))


def _quantity(before: Folded, ratio: Decimal, held: BrokerPosition) -> Decimal:
    """Return the new shares; of whole ones no fraction is left, it was paid out in cash."""
    exact = before.position.quantity * ratio
    whole = held.quantity == held.quantity.to_integral_value()
    return exact // 1 if whole else exact.quantize(FRACTIONAL_LOT)


def _is_as_held(after: Folded, held: BrokerPosition) -> bool:
    position = after.position
    if position.quantity != held.quantity or after.beyond > 0 or held.average_entry <= 0:
        return False
    return abs(position.average_entry / held.average_entry - 1) <= SPLIT_TOLERANCE


def _joined(before: Folded, after: Folded, ratio: Decimal) -> Folded:
    """Return both folds as one, all shares and prices but the position's as before the split."""
    later = tuple(
        Reduction(
            order_id=each.order_id,
            quantity=(each.quantity / ratio).quantize(FRACTIONAL_LOT),
            price=(each.price * ratio).quantize(SIXTH_PLACE),
        )
        for each in after.reductions
    )
    last = before if after.last_order is None else after
    return replace(
        before,
        position=after.position,
        added=before.added + (after.added / ratio).quantize(FRACTIONAL_LOT),
        reduced=before.reduced + (after.reduced / ratio).quantize(FRACTIONAL_LOT),
        last_order=last.last_order,
        last_price=last.last_price,
        last_at=last.last_at,
        reductions=(*before.reductions, *later),
    )
