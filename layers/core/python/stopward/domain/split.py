"""Share splits: told from trades, and carried through a position and its symbol. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from stopward.domain.money import SIXTH_PLACE, plain, round_stop
from stopward.domain.orders import BrokerPosition
from stopward.domain.position import FRACTIONAL_LOT, Position, flagged, in_lots
from stopward.domain.snapshot import SymbolState

SPLIT_RATIOS = tuple(
    Decimal(new) / Decimal(old)
    for new, old in (
        *((new, 1) for new in (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50)),
        *((3, 2), (4, 3), (5, 2), (5, 4), (6, 5)),
        *((1, old) for old in (*range(2, 21), 25, 30, 35, 40, 45, 50, 60, 75, 80, 100, 150, 200)),
    )
)
"""New shares for one old share, as splits are declared."""

SPLIT = "split"
"""Flag of a position that was split while it was guarded."""
SPLIT_TOLERANCE = Decimal("0.0005")


def split_ratio(position: Position, *, quantity: Decimal, average_entry: Decimal) -> Decimal | None:
    """Return new shares per old share when the broker's figures are our position after a split.

    The average entry must have changed by a ratio that splits have (within 0.05 %), and the
    quantity by the same, fractions of a share paid out in cash or not. No trade does that: one that
    adds shares pays for them, and one that takes some leaves the average where it was. Ask only
    where fills do not explain the quantity.
    """
    if position.quantity <= 0 or quantity in (0, position.quantity) or average_entry <= 0:
        return None
    close = _ratios_of(position, average_entry)
    return next((r for r in close if _is_split_quantity(position.quantity * r, quantity)), None)


def has_split(position: Position, held: BrokerPosition) -> bool:
    """Whether the broker holds our position after a split that we have not been told of."""
    ratio = split_ratio(position, quantity=held.quantity, average_entry=held.average_entry)
    return held.side == position.side and ratio is not None


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
        flags=flagged(position, SPLIT),
    )
    tightest = position.tightest
    return in_lots(
        replace(
            split,
            initial_stop=_stop_after(split, position.initial_stop, ratio),
            stop=_stop_after(split, position.stop, ratio),
            tightest=None if tightest is None else _stop_after(split, tightest, ratio),
        )
    )


def symbol_after_split(symbol: SymbolState, ratio: Decimal) -> SymbolState:
    """Return what closed bars add up to, as if they had been traded in new shares.

    Without it a low of before the split would be a stop far beyond the price of after it.
    """
    factor = float(ratio)
    carry = symbol.carry
    prices = (
        "close", "ema_fast", "ema_slow", "signal", "macd_before", "signal_before", "gain", "loss",
        "atr", "average",
    )  # fmt: skip
    in_new = {name: getattr(carry, name) / factor for name in prices}
    return replace(
        symbol,
        carry=carry._replace(
            **in_new,
            session_volume=carry.session_volume * factor,
            mean_volume=carry.mean_volume * factor,
        ),
        highs=tuple(high / factor for high in symbol.highs),
        lows=tuple(low / factor for low in symbol.lows),
        daily_atr=None if symbol.daily_atr is None else symbol.daily_atr / factor,
    )


def _ratios_of(position: Position, average_entry: Decimal) -> Iterator[Decimal]:
    seen = position.average_entry / average_entry
    return (known for known in SPLIT_RATIOS if abs(seen / known - 1) <= SPLIT_TOLERANCE)


def _is_split_quantity(exact: Decimal, quantity: Decimal) -> bool:
    return abs(quantity - exact) <= SIXTH_PLACE or quantity == exact // 1


def _price_after(price: Decimal, ratio: Decimal) -> Decimal:
    return Decimal(plain((price / ratio).quantize(SIXTH_PLACE)))


def _quantity_after(quantity: Decimal, ratio: Decimal) -> Decimal:
    return Decimal(plain((quantity * ratio).quantize(FRACTIONAL_LOT)))


def _stop_after(position: Position, price: Decimal, ratio: Decimal) -> Decimal:
    stop = round_stop(_price_after(price, ratio), position.tick, position.side)
    return max(stop, position.tick)
