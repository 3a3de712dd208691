"""Take on a position found at the broker: may we, and where does its first stop lie. Pure."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from stopward.domain.holding import ZERO, Holding, is_tighter, loosest_stop, reducing_side
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.market import Instrument
from stopward.domain.money import decimal_of, round_stop, sign
from stopward.domain.orders import BrokerPosition, Fill
from stopward.domain.position import FRACTIONAL_LOT, Marks, Position
from stopward.domain.rulebook.settings import AccountSettings

HALTED_TAG = "halted"
FALLBACK_RISK = Decimal("0.02")
"""Share of the price, when neither a stop nor an ATR is known. [judgement]"""


def refusal(settings: AccountSettings, symbol: Symbol, tags: Sequence[str]) -> str | None:
    """Return why the symbol must not be touched, or None when it is opted in."""
    if HALTED_TAG in tags:
        return "it is halted after an unexpected position"
    return settings.refusal(symbol, tags)


def adopt(
    found: BrokerPosition,
    holding: Holding,
    *,
    account_id: AccountId,
    instrument: Instrument,
    fills: Sequence[Fill],
    daily_atr: float | None,
    settings: AccountSettings,
    tags: tuple[str, ...],
    now: datetime,
) -> Position:
    """Return the position as guarded from now on.

    The initial stop is the one that rests; without one it is estimated and flagged
    `risk_estimated`. Risk is frozen here, for life. The id follows from account, symbol and entry time, so that two ticks adopt the same position.
    """
    side = found.side
    opened_at = entry_time(found, fills) or now
    tick = instrument.tick_at(found.average_entry)
    flags: list[str] = []
    stops = holding.stops(side)
    resting = loosest_stop(stops, side)
    covered = holding.covered_quantity(side)
    if covered < found.quantity:
        flags.append("naked_on_arrival" if covered == ZERO else "partly_covered_on_arrival")
    guess = estimated_stop(
        found, daily_atr=daily_atr, multiple=settings.missing_stop_atr, tick=tick
    )
    if resting is not None and is_tighter(found.average_entry, resting, side):
        initial_stop = resting
        risk = abs(found.average_entry - resting)
    else:
        initial_stop = guess
        risk = abs(found.average_entry - guess)
        flags.append("risk_estimated")
    stop = resting if resting is not None else initial_stop
    seen = [fill for fill in fills if fill.symbol == found.symbol]
    fills_at = max((fill.at for fill in seen), default=None)
    entry = float(found.average_entry)
    whole = found.quantity == found.quantity.to_integral_value()
    return Position(
        id=PositionId(f"{account_id}/{found.symbol}/{opened_at:%Y%m%dT%H%M%S.%fZ}"),
        account_id=account_id,
        symbol=found.symbol,
        side=side,
        quantity=found.quantity,
        initial_quantity=found.quantity,
        average_entry=found.average_entry,
        initial_stop=initial_stop,
        risk=risk,
        stop=stop,
        lot=Decimal(1) if whole else FRACTIONAL_LOT,
        tick=tick,
        fees_per_share=settings.fees_per_share,
        opened_at=opened_at,
        adopted_at=now,
        marks=Marks(best=entry, worst=entry),
        tags=tags,
        flags=tuple(flags),
        tightest=stop,
        fills_at=fills_at,
        fill_ids=tuple(fill.id for fill in seen if fill.at == fills_at),
    )


def entry_time(found: BrokerPosition, fills: Sequence[Fill]) -> datetime | None:
    """Return when the position left zero, walking fills backwards; None when they do not reach."""
    left = found.quantity
    adding = "buy" if reducing_side(found.side) == "sell" else "sell"
    ordered = sorted(
        (fill for fill in fills if fill.symbol == found.symbol), key=lambda f: (f.at, f.id)
    )
    for fill in reversed(ordered):
        left += -fill.quantity if fill.side == adding else fill.quantity
        if left <= 0:
            return fill.at
    return None


def estimated_stop(
    found: BrokerPosition, *, daily_atr: float | None, multiple: float, tick: Decimal
) -> Decimal:
    """Return a stop `multiple` daily ATR(14) from the entry, or from the price when that is worse.

    Without an ATR the distance is 2 % of the price. Never at or below zero for a long.
    """
    price = found.current_price if found.current_price is not None else found.average_entry
    base = (
        min(price, found.average_entry) if found.side == "long" else max(price, found.average_entry)
    )
    if daily_atr is not None and daily_atr > 0:
        distance = decimal_of(multiple * daily_atr)
    else:
        distance = FALLBACK_RISK * base
    distance = min(distance, base / 2)
    return round_stop(base - sign(found.side) * distance, tick, found.side)
