"""Fold the broker's executions into a position: the only way its quantity changes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from stopward.domain.holding import reducing_side
from stopward.domain.money import SIXTH_PLACE, plain, round_stop, sign
from stopward.domain.orders import Fill
from stopward.domain.position import FRACTIONAL_LOT, Position

SPLIT_RATIOS = tuple(
    Decimal(new) / Decimal(old)
    for new, old in (
        *((new, 1) for new in (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50)),
        *((3, 2), (4, 3), (5, 2), (5, 4), (6, 5)),
        *((1, old) for old in (*range(2, 21), 25, 30, 35, 40, 45, 50, 60, 75, 80, 100, 150, 200)),
    )
)
"""New shares for one old share, as splits are declared."""

SPLIT_TOLERANCE = Decimal("0.0005")
NINTH_PLACE = FRACTIONAL_LOT

LATE = timedelta(seconds=60)
"""A fill may turn up this long after a newer one was seen, and is then still folded in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A position after fills.

    added, reduced: shares it gained and lost. last_price, last_order, last_at: of the last fill
    that reduced it; None when none did.
    """

    position: Position
    added: Decimal
    reduced: Decimal
    last_price: Decimal | None
    last_order: str | None
    last_at: datetime | None


def fold_fills(position: Position, fills: Sequence[Fill]) -> Folded:
    """Return the position after the fills not yet folded in, oldest first.

    A fill on the reducing side books its result against the average entry; one on the other side
    re-bases the average entry, keeps the risk a share of the first entry, and is flagged. Fills of
    other symbols and fills seen before are passed over, so folding twice is folding once. A
    position that fills brought to zero is final: what was traded after that is another position.
    """
    added = reduced = Decimal(0)
    last_price: Decimal | None = None
    last_order: str | None = None
    last_at: datetime | None = None
    for fill in sorted(fills, key=lambda fill: (fill.at, fill.id)):
        if position.quantity <= 0:
            break
        if fill.symbol != position.symbol or is_folded(position, fill):
            continue
        before = position.quantity
        if fill.side == reducing_side(position.side):
            position = _reduced(position, fill)
            reduced += before - position.quantity
            last_price, last_order, last_at = fill.price, fill.order_id, fill.at
        else:
            position = _added(position, fill)
            added += fill.quantity
        position = _remembering(position, fill)
    return Folded(
        position=position,
        added=added,
        reduced=reduced,
        last_price=last_price,
        last_order=last_order,
        last_at=last_at,
    )


def is_folded(position: Position, fill: Fill) -> bool:
    """Whether the fill is in the position already, or older than the position under guard."""
    if fill.id in position.fill_ids or fill.at < position.adopted_at:
        return True
    return position.fills_at is not None and fill.at < position.fills_at - LATE


def split_ratio(position: Position, *, quantity: Decimal, average_entry: Decimal) -> Decimal | None:
    """Return new shares per old share when the broker's figures are our position after a split.

    The average entry must have changed by a ratio that splits have (within 0.05 %), and the
    quantity by the same, fractions of a share paid out in cash or not. No trade does that: one that
    adds shares pays for them, and one that takes some leaves the average where it was. Ask only
    where fills do not explain the quantity.
    """
    if position.quantity <= 0 or quantity in (0, position.quantity) or average_entry <= 0:
        return None
    seen = position.average_entry / average_entry
    close = (known for known in SPLIT_RATIOS if abs(seen / known - 1) <= SPLIT_TOLERANCE)
    return next((r for r in close if _is_split_quantity(position.quantity * r, quantity)), None)


def after_split(position: Position, ratio: Decimal, *, quantity: Decimal) -> Position:
    """Return the position in new shares, of which the broker holds `quantity`.

    Quantities are multiplied by the ratio and prices divided by it; stops lie on the tick, rounded
    away from triggering, other prices on six places, as in SQL.
    """
    marks = position.marks
    factor = float(ratio)
    entry = _price_after(position.average_entry, ratio)
    split = replace(
        position,
        quantity=quantity,
        initial_quantity=_quantity_after(position.initial_quantity, ratio),
        closed_quantity=_quantity_after(position.closed_quantity, ratio),
        average_entry=entry,
        risk=max(_price_after(position.risk, ratio), SIXTH_PLACE),
        tick=position.tick_at(entry),
        target=None if position.target is None else _price_after(position.target, ratio),
        fees_per_share=_price_after(position.fees_per_share, ratio),
        marks=marks._replace(
            best=marks.best / factor,
            worst=marks.worst / factor,
            entry_volume=marks.entry_volume * factor,
        ),
        flags=_flagged(position, "split"),
    )
    tightest = position.tightest
    return _in_lots(
        replace(
            split,
            initial_stop=_stop_after(split, position.initial_stop, ratio),
            stop=_stop_after(split, position.stop, ratio),
            tightest=None if tightest is None else _stop_after(split, tightest, ratio),
        )
    )


def _remembering(position: Position, fill: Fill) -> Position:
    # Ids are forgotten only once every fill of theirs is older than LATE, for only then is a
    # repetition known by its time.
    newest = position.fills_at
    if newest is None or fill.at - LATE > newest:
        return replace(position, fills_at=fill.at, fill_ids=(fill.id,))
    return replace(position, fills_at=max(fill.at, newest), fill_ids=(*position.fill_ids, fill.id))


def _reduced(position: Position, fill: Fill) -> Position:
    quantity = min(fill.quantity, position.quantity)
    gain = sign(position.side) * (fill.price - position.average_entry) * quantity
    return _in_lots(
        replace(
            position,
            quantity=position.quantity - quantity,
            closed_quantity=position.closed_quantity + quantity,
            realised=position.realised + gain,
        )
    )


def _added(position: Position, fill: Fill) -> Position:
    quantity = position.quantity + fill.quantity
    cost = position.quantity * position.average_entry + fill.quantity * fill.price
    return _in_lots(
        replace(
            position,
            quantity=quantity,
            initial_quantity=position.initial_quantity + fill.quantity,
            average_entry=(cost / quantity).quantize(SIXTH_PLACE),
            flags=_flagged(position, "rebased"),
        )
    )


def _in_lots(position: Position) -> Position:
    """Return the position with a lot that its quantity is made of: a whole one may turn odd."""
    if position.quantity == position.quantity.to_integral_value():
        return position
    return replace(position, lot=min(position.lot, FRACTIONAL_LOT))


def _is_split_quantity(exact: Decimal, quantity: Decimal) -> bool:
    return abs(quantity - exact) <= SIXTH_PLACE or quantity == exact // 1


def _price_after(price: Decimal, ratio: Decimal) -> Decimal:
    return Decimal(plain((price / ratio).quantize(SIXTH_PLACE)))


def _quantity_after(quantity: Decimal, ratio: Decimal) -> Decimal:
    return Decimal(plain((quantity * ratio).quantize(NINTH_PLACE)))


def _stop_after(position: Position, price: Decimal, ratio: Decimal) -> Decimal:
    stop = round_stop(_price_after(price, ratio), position.tick, position.side)
    return max(stop, position.tick)


def _flagged(position: Position, flag: str) -> tuple[str, ...]:
    return position.flags if flag in position.flags else (*position.flags, flag)
