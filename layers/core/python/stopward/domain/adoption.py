"""Take on a position found at the broker: may we, and where does its first stop lie. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite

from stopward.domain.fills import LATE
from stopward.domain.holding import ZERO, Holding, is_tighter, loosest_stop, reducing_side
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.market import Instrument
from stopward.domain.money import decimal_of, plain, round_stop, sign
from stopward.domain.orders import BrokerPosition, Fill
from stopward.domain.position import FRACTIONAL_LOT, Marks, Position
from stopward.domain.rulebook.settings import AccountSettings
from stopward.domain.split_fills import leads_through_split

HALTED_TAG = "halted"
ENTRY_UNKNOWN = "entry_unknown"
"""Flag of a position whose entry no fill shows; it counts as held overnight until one does."""
FILLS_LAG = timedelta(minutes=5)
"""How long after its adoption the fills of an unknown entry are still asked for."""
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

    The initial stop is the one that rests below the entry (above it for a short), the loosest of
    several; without one it is estimated, and flagged `risk_estimated`. Risk is frozen here, for
    life, and at least a tick. The id follows from account, symbol and entry time, so that two ticks
    adopt the same position.
    """
    side = found.side
    entered_at = entry_time(found, fills)
    tick = instrument.tick_at(found.average_entry)
    flags: list[str] = [] if entered_at is not None else [ENTRY_UNKNOWN]
    resting = loosest_stop(holding.stops(side), side)
    covered = holding.covered_quantity(side)
    if covered < found.quantity:
        flags.append("naked_on_arrival" if covered == ZERO else "partly_covered_on_arrival")
    initial_stop = resting
    if initial_stop is None or not is_tighter(found.average_entry, initial_stop, side):
        initial_stop = estimated_stop(
            found, daily_atr=daily_atr, multiple=settings.missing_stop_atr, instrument=instrument
        )
        flags.append("risk_estimated")
    stop = initial_stop if resting is None else resting
    seen = [fill for fill in fills if fill.symbol == found.symbol]
    fills_at = max((fill.at for fill in seen), default=None)
    entry = float(found.average_entry)
    whole = found.quantity == found.quantity.to_integral_value()
    return Position(
        id=_position_id(account_id, found, entered_at, now=now),
        account_id=account_id,
        symbol=found.symbol,
        side=side,
        quantity=found.quantity,
        initial_quantity=found.quantity,
        average_entry=found.average_entry,
        initial_stop=initial_stop,
        risk=max(abs(found.average_entry - initial_stop), tick),
        stop=stop,
        lot=Decimal(1) if whole else FRACTIONAL_LOT,
        tick=tick,
        fees_per_share=settings.fees_per_share,
        opened_at=entered_at or now,
        adopted_at=now,
        marks=Marks(best=entry, worst=entry),
        tags=tags,
        flags=tuple(flags),
        tightest=stop,
        fills_at=fills_at,
        fill_ids=tuple(
            fill.id for fill in seen if fills_at is not None and fill.at >= fills_at - LATE
        ),
    )


def has_entry(found: BrokerPosition) -> bool:
    """Whether the broker tells what was paid; shares of a spin-off or a transfer may show nothing.

    Without an entry there is no risk to measure by, so that such a position is not adopted.
    """
    return found.average_entry > 0


def is_doubtful(found: BrokerPosition, fills: Sequence[Fill], *, now: datetime) -> bool:
    """Whether fills of the last minute do not lead to the position: a list may lag behind them.

    Walking the fills back must come to zero. Where one before that enlarged the position too, it
    was not zero there, unless they come to zero once more: a list without the last of two buys
    looks as if the other had opened all of it. What was traded before a split counts in new shares.
    """
    own = [fill for fill in fills if fill.symbol == found.symbol]
    if not any(fill.at >= now - LATE for fill in own):
        return False
    left = found.quantity
    adding = "buy" if reducing_side(found.side) == "sell" else "sell"
    for fill in sorted(own, key=lambda fill: (fill.at, fill.id), reverse=True):
        if left == 0 and fill.side != adding:
            return False
        left += -fill.quantity if fill.side == adding else fill.quantity
    return left != 0 and not leads_through_split(found, own)


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


def awaits_entry(position: Position, *, now: datetime) -> bool:
    """Whether the fills of the entry may still turn up."""
    return ENTRY_UNKNOWN in position.flags and now - position.adopted_at <= FILLS_LAG


def with_entry(position: Position, fills: Sequence[Fill]) -> Position:
    """Return the position with the fills of its entry remembered, once they turn up.

    They lead from nothing to the quantity that was adopted, so they are in it already: folded in
    once more they would be an addition that never was. What was entered just before the adoption
    loses the flag; what was entered long before keeps it, and with it counts as held overnight. The
    recorded entry time stays: identity is fixed, and it is off by no more than `FILLS_LAG`.
    """
    if ENTRY_UNKNOWN not in position.flags:
        return position
    entry = _entry_fills(position, fills)
    if not entry:
        return position
    flags = position.flags
    if entry[0].at >= position.opened_at - FILLS_LAG:
        flags = tuple(flag for flag in flags if flag != ENTRY_UNKNOWN)
    last = max(fill.at for fill in entry)
    seen = tuple(fill.id for fill in entry if fill.at >= last - LATE)
    return replace(position, flags=flags, fills_at=last, fill_ids=seen)


def _entry_fills(position: Position, fills: Sequence[Fill]) -> tuple[Fill, ...]:
    """Return the fills, oldest first, that add up to the quantity adopted; empty when none do.

    The first run of fills that does, or the one that was the last before the adoption, when all
    before it came to nothing: the symbol may have been entered and left earlier.
    """
    if position.closed_quantity != 0:
        return ()
    own = [fill for fill in fills if fill.symbol == position.symbol]
    ordered = sorted(own, key=lambda fill: (fill.at, fill.id))
    runs = list(_runs(position, ordered))
    for run in reversed(runs):
        earlier = ordered[: ordered.index(run[0])]
        came_to_nothing = sum(_change(position, fill) for fill in earlier) == 0
        if run[-1].at <= position.adopted_at and came_to_nothing:
            return run
    return runs[0] if runs else ()


def _runs(position: Position, ordered: Sequence[Fill]) -> Iterator[tuple[Fill, ...]]:
    """Yield runs of fills that lead from nothing to the position's quantity, and never to less."""
    for start in range(len(ordered)):
        held = ZERO
        for end in range(start, len(ordered)):
            held += _change(position, ordered[end])
            if held == position.quantity:
                yield tuple(ordered[start : end + 1])
                break
            if held <= 0:
                break


def _change(position: Position, fill: Fill) -> Decimal:
    return -fill.quantity if fill.side == reducing_side(position.side) else fill.quantity


def estimated_stop(
    found: BrokerPosition, *, daily_atr: float | None, multiple: float, instrument: Instrument
) -> Decimal:
    """Return a stop `multiple` daily ATR(14) from the entry, or from the price when that is worse.

    Without an ATR the distance is 2 % of the price; it is never less than a tick, nor more than
    half the price. Never at or below zero.
    """
    side, base = found.side, found.average_entry
    price = found.current_price
    if price is not None and price > 0:
        base = min(price, base) if side == "long" else max(price, base)
    tick = instrument.tick_at(base)
    distance = FALLBACK_RISK * base
    if daily_atr is not None and daily_atr > 0 and isfinite(daily_atr):
        distance = decimal_of(multiple * daily_atr)
    distance = max(min(distance, base / 2), tick)
    stop = base - sign(side) * distance
    return max(round_stop(stop, instrument.tick_at(stop), side), tick)


def _position_id(
    account_id: AccountId, found: BrokerPosition, entered_at: datetime | None, *, now: datetime
) -> PositionId:
    # Where no fill tells the entry, the minute and average entry stand in: the next tick's id is
    # the same, and that of a re-entry is not, for within LATE of its exit the list is doubted.
    if entered_at is None:
        entry = f"{now.astimezone(UTC):%Y%m%dT%H%M}-at-{plain(found.average_entry)}"
    else:
        entry = f"{entered_at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
    return PositionId(f"{account_id}/{found.symbol}/{entry}")
