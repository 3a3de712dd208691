"""What a feature reads: everything that was known at one time, cut off there, prepared once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Final

from stopward.domain.features.direction import Direction, direction
from stopward.domain.features.inputs import DAY, INPUTS, Input
from stopward.domain.features.known import AccountState, Held, Known, Reading, Result, Signal
from stopward.domain.features.strip import Strip, has_prices, known_bars, strip_of
from stopward.domain.market import ClosedBar, Session
from stopward.domain.money import sign
from stopward.domain.sessions import EVENING, session_number
from stopward.rules.types import NAN

DAYS: Final = 60
"""Daily bars that count, the last ones: averages with a memory need a window of one length."""
RESULTS: Final = 200
"""Results of the account that count, the last ones by their close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The account's last results, oldest first, and how many other positions are open."""

    results: tuple[Result, ...]
    open_positions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """All that was known at `at`.

    side: +1 long, -1 short. session: of the day of `at`, from 12 hours before its open to 12 hours
    after its close; None on other days. sessions: those that were given up to it. lived: bars that
    begin after the entry; empty for a signal. traced: whether the bars reach back to the entry.
    """

    side: float
    at: datetime
    signal: Signal
    held: Held | None
    session: Session | None
    sessions: tuple[Session, ...]
    strip: Strip
    direction: Direction
    market: Strip
    daily: tuple[ClosedBar, ...]
    lived: tuple[ClosedBar, ...]
    traced: bool
    vix: float
    breadth: float
    past: Past | None


def sight_of(signal: Signal, known: Known, held: Held | None = None) -> Sight:
    """Return what was known at the signal, or at `held.at` for a position held since."""
    at = signal.at if held is None else held.at
    sessions = _sessions_until(at, known.sessions)
    two = sessions[-2:]
    lived: tuple[ClosedBar, ...] = ()
    if held is not None:
        since = known_bars(known.bars, at=at, row=INPUTS["bars"], since=signal.at)
        lived = tuple(bar for bar in since if any(each.contains(bar.at) for each in sessions))
    strip = strip_of(known.bars, at=at, sessions=two, row=INPUTS["bars"])
    return Sight(
        side=float(sign(signal.side)),
        at=at,
        signal=signal,
        held=held,
        session=sessions[-1] if sessions else None,
        sessions=sessions,
        strip=strip,
        direction=direction(strip.bars),
        market=strip_of(known.market_bars, at=at, sessions=two, row=INPUTS["market_bars"]),
        daily=_daily(known.daily_bars, at=at, row=INPUTS["daily_bars"]),
        lived=lived,
        traced=bool(known.bars) and known.bars[0].at <= signal.at,
        vix=_last(known.vix, at=at, row=INPUTS["vix"]),
        breadth=_last(known.breadth, at=at, row=INPUTS["breadth"]),
        past=_past(known.account, at=at, row=INPUTS["account"]),
    )


def _sessions_until(at: datetime, sessions: Sequence[Session]) -> tuple[Session, ...]:
    """Return the sessions up to that of the day of `at`; none when that day has none."""
    number = session_number(at + EVENING, sessions=sessions)
    if number == 0 or at > sessions[number - 1].closes_at + EVENING:
        return ()
    return tuple(sessions[:number])


def _daily(bars: Sequence[ClosedBar], *, at: datetime, row: Input) -> tuple[ClosedBar, ...]:
    last = at - row.lag - DAY
    kept = tuple(bar for bar in bars if bar.at <= last and has_prices(bar))[-DAYS:]
    is_old = bool(kept) and row.oldest is not None and at - kept[-1].at > row.oldest
    return () if is_old else kept


def _last(readings: Sequence[Reading], *, at: datetime, row: Input) -> float:
    found = [each for each in readings if each.at <= at - row.lag and isfinite(each.number)]
    if not found or (row.oldest is not None and at - found[-1].at > row.oldest):
        return NAN
    return found[-1].number


def _past(account: AccountState | None, *, at: datetime, row: Input) -> Past | None:
    if account is None:
        return None
    found = sorted(
        (each for each in account.results if each.closed_at <= at - row.lag and isfinite(each.r)),
        key=lambda each: (each.closed_at, each.symbol, each.r),
    )
    return Past(results=tuple(found[-RESULTS:]), open_positions=account.open_positions)
