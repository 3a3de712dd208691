"""What is known of a trade, of its position, and around it: the arguments of a vector.

Times are aware; prices are floats in dollars a share, as the bars are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.domain.money import Side
from stopward.domain.sessions import check_sessions
from stopward.errors import InvalidInput
from stopward.rules.geometry import usable


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """The trade that is asked about; nothing after `at` was known.

    stop, target: None when there was none. Raises InvalidInput for a price that is none and for a
    time without a zone.
    """

    symbol: Symbol
    side: Side
    entry: float
    stop: float | None = None
    target: float | None = None
    at: datetime

    def __post_init__(self) -> None:
        for name, price in (("entry", self.entry), ("stop", self.stop), ("target", self.target)):
            _check_price(f"{self.symbol}: {name}", price)
        if self.side not in ("long", "short"):
            raise InvalidInput(f"{self.symbol}: side was {self.side!r}; allowed are long and short")
        _check_time(f"{self.symbol}: at", self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A position of that signal as it is `at` a later time; stop: the one that rests now."""

    at: datetime
    stop: float | None = None

    def __post_init__(self) -> None:
        _check_price("the resting stop", self.stop)
        _check_time("held at", self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One number that a market source published, and the time that it is of."""

    at: datetime
    number: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A closed trade of the account; r is after fees."""

    symbol: Symbol
    closed_at: datetime
    r: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """Results of the account, in any order, and how many other positions were open.

    open_positions: as of the lag before the vector's time, as results are: a tick finds a trade
    closed, and a position opened, within the minute.
    """

    results: tuple[Result, ...] = ()
    open_positions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What surrounds a trade. An empty series and None are missing; later rows are never read.

    Bars, sessions and readings are in order of time. breadth: from 0 to 1. Raises InvalidInput
    where bars or readings are out of order, InvalidState where sessions are.
    """

    sessions: Sequence[Session] = ()
    bars: Sequence[ClosedBar] = ()
    daily_bars: Sequence[ClosedBar] = ()
    market_bars: Sequence[ClosedBar] = ()
    vix: Sequence[Reading] = ()
    breadth: Sequence[Reading] = ()
    account: AccountState | None = None

    def __post_init__(self) -> None:
        check_sessions(self.sessions)
        _check_order("bars", [each.at for each in self.bars])
        _check_order("daily_bars", [each.at for each in self.daily_bars])
        _check_order("market_bars", [each.at for each in self.market_bars])
        _check_order("vix", [each.at for each in self.vix])
        _check_order("breadth", [each.at for each in self.breadth])


def _check_price(what: str, price: float | None) -> None:
    if price is not None and not usable(price):
        raise InvalidInput(f"{what} was {price}; allowed is a price over 0")


def _check_time(what: str, moment: datetime) -> None:
    if moment.utcoffset() is None:
        raise InvalidInput(f"{what} was {moment.isoformat()}; allowed is a time with its zone")


def _check_order(what: str, times: Sequence[datetime]) -> None:
    for before, after in pairwise(times):
        if after <= before:
            raise InvalidInput(
                f"{what}: {after.isoformat()} stands after {before.isoformat()}; "
                "allowed is each time once, oldest first"
            )
