"""A closed trade, its entry vector made from bars, and how that differs from the one stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Final, Literal, Protocol

from stopward.domain.features.known import AccountState, Known, Result, Signal
from stopward.domain.features.registry import names, schema_hash
from stopward.domain.features.row import Kind
from stopward.domain.features.vector import Vector, as_bytes, entry_vector
from stopward.domain.identity import PositionId, Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.domain.money import Side

LATEST_ADOPTION: Final = timedelta(minutes=5)
"""What was adopted later may have been added to and its stop moved since then. [judgement]"""
LARGEST_STEP: Final = 1.5
"""Times the close before it that an entry may be, either way; beyond is another scale. [judgement]
"""
Unfit = Literal[
    "entry_unknown", "added_to", "split", "adopted_late", "no_session", "no_bars", "other_scale"
]
UNFIT: Final[Mapping[Unfit, str]] = {
    "entry_unknown": "nobody knows when it was entered",
    "added_to": "shares were added, so that its average entry is of later fills too",
    "split": "it was split, so that its prices are none of its entry's time",
    "adopted_late": "it was adopted more than five minutes after its entry",
    "no_session": "no session is known at its entry",
    "no_bars": "there is no bar of its symbol at its entry",
    "other_scale": "its entry is far from the bars, as after a later split",
}
"""Why a vector cannot be rebuilt, in words."""
_FLAGS: Final[Mapping[str, Unfit]] = {
    "entry_unknown": "entry_unknown",
    "rebased": "added_to",
    "split": "split",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTrade:
    """One closed trade of an account.

    at: when its vector was served, else its entry. open_positions: others, as `AccountState` has
    them.
    """

    position_id: PositionId
    symbol: Symbol
    side: Side
    average_entry: Decimal
    initial_stop: Decimal
    target: Decimal | None = None
    opened_at: datetime
    adopted_at: datetime
    closed_at: datetime
    at: datetime
    flags: tuple[str, ...] = ()
    open_positions: int


Place = tuple[str, str]
"""Of a trade among others: its close, its position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPage:
    """Trades by close and position.

    vectors: theirs, where they have one; bit for bit. results: of the account, those before each of
    the trades. sessions: from ten days before the first of their times to the last one. unreadable:
    what is wrong with the rows of other trades, a sentence each. after: the place of the page's
    last trade, None on the last page.
    """

    trades: tuple[PastTrade, ...]
    vectors: Mapping[PositionId, "StoredVector"] = field(default_factory=dict)
    results: tuple[Result, ...] = ()
    sessions: tuple[Session, ...] = ()
    unreadable: tuple[str, ...] = ()
    after: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVector:
    """A vector as it is stored. at: nothing later is in it. rebuilt: not served at that time."""

    position_id: PositionId
    kind: Kind
    at: datetime
    schema_hash: str
    vector: Vector
    rebuilt: bool


class Adopted(Protocol):
    """What came under guard: a trade, or a position that is open."""

    @property
    def flags(self) -> tuple[str, ...]:
        """What happened to it."""

    @property
    def opened_at(self) -> datetime:
        """When it was entered."""

    @property
    def adopted_at(self) -> datetime:
        """When it was guarded first."""


def unfit(trade: Adopted) -> Unfit | None:
    """Return why the entry of a trade is not known any more, None when it is."""
    for flag, reason in _FLAGS.items():
        if flag in trade.flags:
            return reason
    return "adopted_late" if trade.adopted_at - trade.opened_at > LATEST_ADOPTION else None


def rebuilt(
    trade: PastTrade,
    page: PastPage,
    *,
    bars: Sequence[ClosedBar],
    daily_bars: Sequence[ClosedBar],
    market_bars: Sequence[ClosedBar],
) -> StoredVector | Unfit:
    """Return the entry vector of a trade from bars, or why there is none.

    Without a bar of the symbol nearly all of it would be missing, and a vector is written once:
    such a trade is asked for again. A stop that was estimated at adoption was none at the entry.
    VIX and breadth have no history here and are missing.

    Raises InvalidInput when bars are out of order, or prices are none.
    """
    reason = unfit(trade) or _unfit_bars(trade, bars)
    if reason is not None:
        return reason
    stop = None if "risk_estimated" in trade.flags else float(trade.initial_stop)
    signal = Signal(
        symbol=trade.symbol,
        side=trade.side,
        entry=float(trade.average_entry),
        stop=stop,
        target=None if trade.target is None else float(trade.target),
        at=trade.at,
    )
    known = Known(
        sessions=page.sessions,
        bars=bars,
        daily_bars=daily_bars,
        market_bars=market_bars,
        account=AccountState(results=page.results, open_positions=trade.open_positions),
    )
    return StoredVector(
        position_id=trade.position_id,
        kind="entry",
        at=trade.at,
        schema_hash=schema_hash("entry"),
        vector=entry_vector(signal, known),
        rebuilt=True,
    )


def differences(stored: StoredVector, again: StoredVector) -> tuple[str, ...]:
    """Return the features whose bits are others than they were; a change of one bit is one."""
    pairs = zip(names(stored.kind), stored.vector, again.vector, strict=True)
    return tuple(name for name, was, now in pairs if as_bytes((was,)) != as_bytes((now,)))


def _unfit_bars(trade: PastTrade, bars: Sequence[ClosedBar]) -> Unfit | None:
    before = [bar.close for bar in bars if bar.at < trade.at and isfinite(bar.close)]
    if not before:
        return "no_bars"
    step = float(trade.average_entry) / before[-1] if before[-1] > 0.0 else 0.0
    return None if 1.0 / LARGEST_STEP <= step <= LARGEST_STEP else "other_scale"
