"""An open position, and its vector as of a time while it is held; or why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from stopward.domain.features.inputs import INPUTS
from stopward.domain.features.known import AccountState, Held, Known, Result, Signal
from stopward.domain.features.past_trade import (
    UNFIT,
    PastPage,
    PastTrade,
    StoredVector,
    Unfit,
    unfit,
)
from stopward.domain.features.registry import names, schema_hash
from stopward.domain.features.strip import known_bars
from stopward.domain.features.vector import open_vector
from stopward.domain.identity import PositionId, Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.domain.money import Side, sign
from stopward.domain.sessions import session_number

SESSIONS: Final = 2
"""Sessions whose bars are read: the one that is on, and the one before."""
_OF_ENTRY: Final[tuple[Unfit, ...]] = ("entry_unknown", "added_to", "split", "adopted_late")
Unscored = Unfit | Literal["no_risk", "too_old", "no_bar_yet", "too_young"]
UNSCORED: Final[Mapping[str, str]] = {
    **{str(why): UNFIT[why] for why in _OF_ENTRY},
    "no_risk": "its stop was estimated when it was adopted, so that its R is no plan of anybody's",
    "too_old": "it was entered before the session before this one, and its bars are not read",
    "no_bar_yet": "no bar of this session has closed and is known yet",
    "too_young": "no bar has closed since its entry, or its bars do not reach back to it",
}
"""Why an open position has no vector, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    """A position under guard. stop: the one that we believe rests."""

    position_id: PositionId
    symbol: Symbol
    side: Side
    average_entry: Decimal
    initial_stop: Decimal
    stop: Decimal
    target: Decimal | None = None
    opened_at: datetime
    adopted_at: datetime
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPage:
    """What is open, by symbol, and what it stands in.

    results: of the account, those that were known. sessions: of its exchange, from ten days before
    to a day after. unreadable: what is wrong with the rows of other positions, a sentence each.
    """

    positions: tuple[OpenPosition, ...]
    results: tuple[Result, ...] = ()
    sessions: tuple[Session, ...] = ()
    unreadable: tuple[str, ...] = ()


def session_now(page: OpenPage, at: datetime) -> tuple[Session, Session] | None:
    """Return the session before, and the one that is on at a time; None when none is."""
    number = session_number(at, sessions=page.sessions)
    if number < SESSIONS or not page.sessions[number - 1].contains(at):
        return None
    return page.sessions[number - 2], page.sessions[number - 1]


def unscored(position: OpenPosition, *, since: datetime) -> Unscored | None:
    """Return why a position can have no vector from bars since a time, None when it can."""
    if "risk_estimated" in position.flags:
        return "no_risk"
    return unfit(position) or ("too_old" if position.opened_at < since else None)


def held_vector(
    position: OpenPosition,
    page: OpenPage,
    *,
    at: datetime,
    bars: Sequence[ClosedBar],
    market_bars: Sequence[ClosedBar],
) -> StoredVector | Unscored:
    """Return the vector of a position as of `at`, or why there is none.

    Without its result so far a vector says next to nothing, and with that of the session before it
    says what was so before the night. Raises InvalidInput when bars are out of order, or prices are
    none.
    """
    signal = Signal(
        symbol=position.symbol,
        side=position.side,
        entry=float(position.average_entry),
        stop=float(position.initial_stop),
        target=None if position.target is None else float(position.target),
        at=position.opened_at,
    )
    known = Known(
        sessions=page.sessions,
        bars=bars,
        market_bars=market_bars,
        account=AccountState(results=page.results, open_positions=len(page.positions) - 1),
    )
    if not _has_opened(page, at, bars):
        return "no_bar_yet"
    vector = open_vector(signal, Held(at=at, stop=float(position.stop)), known)
    if vector[_R_NOW] is None:
        return "too_young"
    return StoredVector(
        position_id=position.position_id,
        kind="open",
        at=at,
        schema_hash=schema_hash("open"),
        vector=vector,
        rebuilt=False,
    )


def _has_opened(page: OpenPage, at: datetime, bars: Sequence[ClosedBar]) -> bool:
    """Return whether a bar of the session that `at` is in, or after, was known then."""
    number = session_number(at, sessions=page.sessions)
    if number == 0:
        return False
    since = page.sessions[number - 1].opens_at
    return bool(known_bars(bars, at=at, row=INPUTS["bars"], since=since))


def held_again(
    trade: PastTrade,
    page: PastPage,
    stored: StoredVector,
    *,
    bars: Sequence[ClosedBar],
    market_bars: Sequence[ClosedBar],
) -> StoredVector | Unscored:
    """Return the vector of a closed trade as of the minute of one that was stored, or why not.

    Nobody wrote down which stop rested in that minute: it is the one that the stored distance
    tells, to the ten-thousandth of a dollar. Raises InvalidInput as `held_vector` does.
    """
    position = OpenPosition(
        position_id=trade.position_id,
        symbol=trade.symbol,
        side=trade.side,
        average_entry=trade.average_entry,
        initial_stop=trade.initial_stop,
        stop=_stop_in(stored, trade),
        target=trade.target,
        opened_at=trade.opened_at,
        adopted_at=trade.adopted_at,
        flags=trade.flags,
    )
    number = session_number(stored.at, sessions=page.sessions)
    if number < SESSIONS:
        return "no_session"
    why = unscored(position, since=page.sessions[number - SESSIONS].opens_at)
    if why is not None:
        return why
    held = OpenPage(positions=(position,), results=page.results, sessions=page.sessions)
    return held_vector(position, held, at=stored.at, bars=bars, market_bars=market_bars)


def _stop_in(stored: StoredVector, trade: PastTrade) -> Decimal:
    told = dict(zip(names("open"), stored.vector, strict=True))
    now, distance = told["r_now"], told["stop_distance_r"]
    if now is None or distance is None:
        return trade.initial_stop
    side = sign(trade.side)
    entry, risk = float(trade.average_entry), float(abs(trade.average_entry - trade.initial_stop))
    return Decimal(f"{entry + side * risk * (now - distance):.4f}")


_R_NOW: Final = names("open").index("r_now")
