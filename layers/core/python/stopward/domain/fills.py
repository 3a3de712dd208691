"""Fold the broker's executions into a position: the only way its quantity changes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from stopward.domain.holding import reducing_side
from stopward.domain.money import sign
from stopward.domain.orders import Fill
from stopward.domain.position import Position

SPLIT_RATIOS = tuple(
    Decimal(numerator) / Decimal(denominator)
    for numerator, denominator in (
        (2, 1), (3, 1), (4, 1), (5, 1), (10, 1), (15, 1), (20, 1), (25, 1), (50, 1), (3, 2), (5, 4),
        (1, 2), (1, 3), (1, 4), (1, 5), (1, 8), (1, 10), (1, 15), (1, 20), (1, 25), (1, 30), (1, 40), (1, 50),
    )
)  # fmt: skip
"""New shares for one old share, as splits are declared; a hand trade at the same moment hits none exactly."""

SPLIT_TOLERANCE = Decimal("0.0005")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A position after fills. added, reduced: shares; last_price: of the last reducing fill."""

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
    other symbols and fills seen before are passed over, so folding twice is folding once.
    """
    added = reduced = Decimal(0)
    last_price: Decimal | None = None
    last_order: str | None = None
    last_at: datetime | None = None
    for fill in sorted(fills, key=lambda fill: (fill.at, fill.id)):
        if fill.symbol != position.symbol or is_folded(position, fill):
            continue
        if fill.side == reducing_side(position.side):
            position = _reduced(position, fill)
            reduced += fill.quantity
            last_price, last_order, last_at = fill.price, fill.order_id, fill.at
        else:
            position = _added(position, fill)
            added += fill.quantity
        same_time = position.fill_ids if position.fills_at == fill.at else ()
        position = replace(position, fills_at=fill.at, fill_ids=(*same_time, fill.id))
    return Folded(
        position=position,
        added=added,
        reduced=reduced,
        last_price=last_price,
        last_order=last_order,
        last_at=last_at,
    )


def is_folded(position: Position, fill: Fill) -> bool:
    """Whether the fill is in the position already."""
    if position.fills_at is None or fill.at > position.fills_at:
        return False
    return fill.at < position.fills_at or fill.id in position.fill_ids


def split_ratio(position: Position, *, quantity: Decimal, average_entry: Decimal) -> Decimal | None:
    """Return new shares per old share when the broker's figures are our position after a split.

    The cost of the position must be unchanged (within 0.05 %) and the ratio one that splits have.
    """
    if position.quantity <= 0 or quantity == position.quantity or average_entry <= 0:
        return None
    ratio = quantity / position.quantity
    cost = quantity * average_entry / (position.quantity * position.average_entry)
    if abs(cost - 1) > SPLIT_TOLERANCE:
        return None
    close = (known for known in SPLIT_RATIOS if abs(ratio / known - 1) <= SPLIT_TOLERANCE)
    return next(close, None)


def after_split(position: Position, ratio: Decimal) -> Position:
    """Return the position in new shares: quantities times `ratio`, prices divided by it."""
    marks = position.marks
    factor = float(ratio)
    return replace(
        position,
        quantity=position.quantity * ratio,
        initial_quantity=position.initial_quantity * ratio,
        closed_quantity=position.closed_quantity * ratio,
        average_entry=position.average_entry / ratio,
        initial_stop=position.initial_stop / ratio,
        risk=position.risk / ratio,
        stop=position.stop / ratio,
        tightest=None if position.tightest is None else position.tightest / ratio,
        target=None if position.target is None else position.target / ratio,
        fees_per_share=position.fees_per_share / ratio,
        marks=marks._replace(
            best=marks.best / factor,
            worst=marks.worst / factor,
            entry_volume=marks.entry_volume * factor,
        ),
        flags=_flagged(position, "split"),
    )


def _reduced(position: Position, fill: Fill) -> Position:
    quantity = min(fill.quantity, position.quantity)
    gain = sign(position.side) * (fill.price - position.average_entry) * quantity
    return replace(
        position,
        quantity=position.quantity - quantity,
        closed_quantity=position.closed_quantity + quantity,
        realised=position.realised + gain,
    )


def _added(position: Position, fill: Fill) -> Position:
    quantity = position.quantity + fill.quantity
    cost = position.quantity * position.average_entry + fill.quantity * fill.price
    return replace(
        position,
        quantity=quantity,
        initial_quantity=position.initial_quantity + fill.quantity,
        average_entry=(cost / quantity).quantize(Decimal("0.000001")),
        flags=_flagged(position, "rebased"),
    )


def _flagged(position: Position, flag: str) -> tuple[str, ...]:
    return position.flags if flag in position.flags else (*position.flags, flag)
