"""What the screen shows, as values: read elsewhere, drawn elsewhere."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from stopward.domain.money import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """One open position.

    r_now: open result at the price of closing now, in R; None without a price. best_r: best
    excursion since entry, in R. protected: a stop for all of it, or an exit, rests at the broker.
    action, rule, why: the last thing done for it, the rule that did it and its sentence; empty
    before the first.
    """

    symbol: str
    side: Side
    quantity: Decimal
    r_now: float | None
    best_r: float
    stop: Decimal
    protected: bool
    action: str
    action_at: datetime | None
    why: str
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One decision that was no hold."""

    at: datetime
    symbol: str
    what: str
    rule: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmLine:
    """One alarm that still stands."""

    kind: str
    symbol: str | None
    severity: str
    message: str
    count: int


def plain_message(alarm: AlarmLine) -> str:
    """Return the message without the symbol that stands before it, which is shown beside."""
    return alarm.message.removeprefix(f"{alarm.symbol}: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The account at one moment of simulated time.

    positions: open ones by symbol. actions: newest first. trades, total_r: closed so far.
    ticks: pulses that held the lease. trouble: the newest failure of a function; empty without one.
    """

    now: datetime
    positions: tuple[PositionLine, ...] = ()
    actions: tuple[Action, ...] = ()
    alarms: tuple[AlarmLine, ...] = ()
    trades: int = 0
    total_r: float = 0.0
    ticks: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """What one rule did over the session.

    fired: decisions in which it was true. moves: stops it moved. exits: positions it closed or
    reduced. result_r: sum of the results, in R, of the trades whose last exit it was.
    """

    rule: str
    fired: int
    moves: int
    exits: int
    trades: int
    result_r: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The session, in numbers.

    wins: trades with a result above zero. open_positions: still held at the end. unprotected:
    symbols that were opted in and that no stop or exit covers at the end. unprotected_seconds: of
    guarded symbols, summed, as the broker saw it; by_guard: the part that our own exits caused, as
    the guard counted it. functions: outcomes of invocations by function name.
    """

    account_id: str
    session_day: str
    first: datetime
    last: datetime
    positions: int
    trades: int
    wins: int
    total_r: float
    result: Decimal
    open_positions: int
    rules: tuple[RuleLine, ...]
    unprotected: tuple[str, ...]
    unprotected_seconds: float
    unprotected_seconds_by_guard: float
    ticks: int
    decisions: int
    orders: int
    alarms: tuple[AlarmLine, ...]
    functions: dict[str, dict[str, int]]
    real_seconds: float
