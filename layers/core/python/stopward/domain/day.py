"""The account's day: what the daily limits see, and what a person is told of them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from stopward.domain.adoption import ENTRY_UNKNOWN
from stopward.domain.identity import Symbol
from stopward.domain.market import Session
from stopward.domain.money import sign
from stopward.domain.position import Position
from stopward.domain.rulebook.settings import WARN_AT, Limits
from stopward.domain.sessions import is_overnight
from stopward.domain.snapshot import Alarm, DayRow, TradeRow
from stopward.rules.codes import DAY_LOSS, DAY_PROFIT
from stopward.rules.limits import UNKNOWN_LOCK
from stopward.rules.types import NAN, Account

LOCKS: Final[Mapping[str | None, float]] = {
    None: 0.0,
    "day_loss": DAY_LOSS,
    "day_profit": DAY_PROFIT,
}
"""What the rules are told of the day rule that acted; a word not known here locks them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayNow:
    """The day at one tick: the row to store, and the kernel's Account."""

    row: DayRow
    account: Account


def is_carried(position: Position, session: Session | None) -> bool:
    """Return whether the position was held overnight; one of unknown age counts as such."""
    if ENTRY_UNKNOWN in position.flags:
        return True
    return session is not None and is_overnight(position.opened_at, session=session)


def day_now(
    row: DayRow,
    positions: Iterable[Position],
    prices: Mapping[Symbol, Decimal],
    *,
    session: Session | None,
    halted: bool,
) -> DayNow:
    """Return the day with open positions at these prices.

    positions: all that are guarded, also those set aside, and those that fills closed while their
    trade is not written yet (quantity 0): one that vanishes for a tick looks like a peak.

    Open and partly realised results count from the entry. R is weighted by the share of the initial
    quantity, so that it sums over positions. The fraction is of the prior close's equity, 0 while
    that is unknown. What is held overnight is left out while it is open: its result is mostly that
    of earlier days, and no mark tells today's part; what fills realise today is in `row`
    (`after_fills`). A position without a price counts what it has realised; then the peak is left
    alone, and unknown (nan) to the rules, for a missing winner looks like profit given back.
    """
    money = row.realised
    in_r = row.realised_r
    complete = True
    for position in positions:
        is_open = position.quantity > 0
        if is_carried(position, session):
            complete = complete and is_open
            continue
        price = prices.get(position.symbol)
        result = position.realised
        if not is_open:
            pass
        elif price is None:
            complete = False
        else:
            result += sign(position.side) * (price - position.average_entry) * position.quantity
        money += result
        in_r += float(result / (position.risk * position.initial_quantity))
    peak = max(row.peak_r, in_r) if complete else row.peak_r
    fraction = 0.0 if row.equity is None or row.equity <= 0 else float(money / row.equity)
    return DayNow(
        row=replace(row, peak_r=peak) if peak > row.peak_r else row,
        account=Account(
            day_r=in_r,
            day_fraction=fraction,
            peak_r=peak if complete else NAN,
            losses=float(row.losses),
            locked=LOCKS.get(row.locked_by, UNKNOWN_LOCK),
            halted=1.0 if halted else 0.0,
        ),
    )


def after_fills(
    row: DayRow,
    before: Position,
    after: Position,
    trade: TradeRow | None,
    *,
    session: Session | None,
) -> DayRow:
    """Return the day after the fills that led from `before` to `after`; `trade` if they closed it.

    A position of today counts whole with its trade, and until then as it stands (`day_now`). Of one
    held overnight each fill counts when it is folded, so that no day counts those of another.
    """
    if not is_carried(after, session):
        return row if trade is None else after_trade(row, trade)
    if trade is not None:
        row = _after_outcome(row, trade)
    gain = _net(after) - _net(before)
    return replace(
        row,
        realised=row.realised + gain,
        realised_r=row.realised_r + float(gain / (after.risk * after.initial_quantity)),
    )


def after_trade(row: DayRow, trade: TradeRow) -> DayRow:
    """Return the day after a closed trade: results add up.

    A loss extends the streak, a win ends it, and a trade that came to nothing leaves it.
    """
    return replace(
        _after_outcome(row, trade),
        realised=row.realised + trade.result,
        realised_r=row.realised_r + trade.result_r,
    )


def _net(position: Position) -> Decimal:
    return position.realised - position.fees_per_share * position.closed_quantity


def _after_outcome(row: DayRow, trade: TradeRow) -> DayRow:
    lost = trade.result < 0
    losses = row.losses + 1 if lost else row.losses
    return replace(
        row,
        losses=0 if trade.result > 0 else losses,
        last_loss_at=trade.closed_at if lost else row.last_loss_at,
    )


def notices(
    row: DayRow, account: Account, limits: Limits, *, now: datetime
) -> tuple[DayRow, tuple[Alarm, ...]]:
    """Return the warning near the loss limit and the notice of a streak of losses.

    Each is given for as long as it holds, under one key, so that it is one alarm, counted. Notices
    never act: open positions stay guarded, and the limits themselves are rules.
    """
    alarms: list[Alarm] = []
    used = _limit_used(account, limits)
    reached = max((share for share in WARN_AT if used >= share), default=0.0)
    if reached > 0:
        row = replace(row, warned=max(row.warned, reached))
        alarms.append(
            Alarm(
                key=f"day_loss_near:{row.session_day}:{reached:g}",
                kind="day_loss_near",
                symbol=None,
                message=f"{used:.0%} of the daily loss limit is used ({account.day_r:+.2f}R)",
            )
        )
    streak = limits.loss_streak
    if streak is not None and row.last_loss_at is not None:
        alarms.extend(
            _streak_notice(row, streak.pause_after, streak.pause_minutes, streak.stop_after, now)
        )
    return row, tuple(alarms)


def _limit_used(account: Account, limits: Limits) -> float:
    loss = limits.day_loss
    if loss is None:
        return 0.0
    shares = [0.0]
    if loss.loss_fraction > 0:
        shares.append(-account.day_fraction / loss.loss_fraction)
    if loss.loss_r > 0:
        shares.append(-account.day_r / loss.loss_r)
    return max(shares)


def _streak_notice(
    row: DayRow, pause_after: float, pause_minutes: float, stop_after: float, now: datetime
) -> Iterable[Alarm]:
    if row.last_loss_at is None:
        return
    if stop_after > 0 and row.losses >= stop_after:
        message = f"{row.losses} losses in a row: the day is over for new entries"
    elif (
        pause_after > 0
        and row.losses >= pause_after
        and now < row.last_loss_at + timedelta(minutes=pause_minutes)
    ):
        until = row.last_loss_at + timedelta(minutes=pause_minutes)
        message = f"{row.losses} losses in a row: no new entries before {until:%H:%M} UTC"
    else:
        return
    yield Alarm(
        key=f"loss_streak:{row.session_day}:{row.losses}",
        kind="loss_streak",
        symbol=None,
        message=message,
        severity="notice",
    )
