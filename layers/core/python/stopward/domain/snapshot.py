"""What one tick reads from the store and what it writes back: values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from stopward.domain.decision import Circumstances, Decision, Reason
from stopward.domain.excursions import Excursions
from stopward.domain.identity import AccountId, OrderId, PositionId, Symbol
from stopward.domain.market import Instrument, Session
from stopward.domain.open_score import OpenScore
from stopward.domain.orders import Order, OrderStatus
from stopward.domain.position import Marks, Position
from stopward.domain.rule_set import RuleSet
from stopward.rules.indicators import Carry
from stopward.rules.types import State

Mode = Literal["observe", "guard"]
Adoption = Literal["none", "listed", "all"]
"""Which broker positions we take on: none, only allowed symbols and tagged ones, or all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One guarded account. `observe` decides and records but sends nothing.

    halted: the kill switch: rules propose nothing, arming goes on.
    flatten_at: when a person asked to close everything; None otherwise.
    """

    id: AccountId
    name: str
    mode: Mode = "observe"
    halted: bool = False
    flatten_at: datetime | None = None
    rules_toml: str = ""
    rules_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolState:
    """What the closed bars of one symbol add up to; advanced once a bar, shared by its positions.

    bar_at: start of the last bar folded in; None before the first. since: the first bar folded in.
    highs, lows: extremes of the last bars, oldest first, at most `WINDOW`.
    daily_atr: ATR(14) of daily bars; None when unknown.
    """

    symbol: Symbol
    bar_at: datetime | None = None
    since: datetime | None = None
    carry: Carry = field(default_factory=Carry)
    highs: tuple[float, ...] = ()
    lows: tuple[float, ...] = ()
    daily_atr: float | None = None


WINDOW = 64
"""Longest window of highs and lows that a rule may ask for, in closed bars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """The session so far, from closed trades: what daily limits start from.

    realised, realised_r: result of the trades closed in this session, in dollars and in R.
    peak_r: highest realised plus open R seen at a tick.
    equity: of the prior close; None when unknown.
    losses: losing trades in a row, up to now. last_loss_at: when the last one closed.
    locked_by: the day rule that acted (`day_loss`, `day_profit`); it holds until the next session.
    warned: highest share of the loss limit already warned of (0, 0.75, 0.9).
    """

    session_day: str
    realised: Decimal = Decimal(0)
    realised_r: float = 0.0
    peak_r: float = 0.0
    equity: Decimal | None = None
    losses: int = 0
    last_loss_at: datetime | None = None
    locked_by: str | None = None
    warned: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything a tick needs to know from the store, read in one statement under the lease.

    fence: the lease's token; a write with an older one is refused.
    orders: every order of ours not yet final, and those of unsettled exits.
    tags: by symbol, set by people (`stopward tag`); `hands-off` means never touch.
    usual_volume: by symbol, mean volume of this minute of the session; absent when unknown.
    excursions: what the account's last winning trades tell.
    scores: what a model said of open positions in the last minutes (`RECENT`); absent without.
    """

    fence: int
    account: AccountRow
    session: Session | None
    day: DayRow
    positions: tuple[Position, ...] = ()
    orders: tuple[Order, ...] = ()
    symbols: Mapping[Symbol, SymbolState] = field(default_factory=dict)
    instruments: Mapping[Symbol, Instrument] = field(default_factory=dict)
    tags: Mapping[Symbol, tuple[str, ...]] = field(default_factory=dict)
    usual_volume: Mapping[Symbol, float] = field(default_factory=dict)
    excursions: Excursions = field(default_factory=Excursions)
    scores: Mapping[PositionId, OpenScore] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Another holder has the lease until then."""

    holder: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRow:
    """The market as one tick saw it, once per symbol: the `Bar` the rules were given.

    bar: the kernel's Bar as numbers, in field order. fault: why the quote was unusable, else None.
    """

    symbol: Symbol
    quote_at: datetime | None
    bid: Decimal | None
    ask: Decimal | None
    feed: str
    bar_at: datetime | None
    bar: tuple[float, ...]
    fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One decision for the journal; with the view it can be decided again, bit for bit.

    account: the kernel's Account as numbers. mask: which rules this function may apply ("all" or
    "breakeven"). price: what the decision was made at. measured: parameters that no file holds, the
    limit of the adverse-excursion cut in R (nan: not known yet) and the winners behind it, then the
    score gone by; empty when the rules ask for none (`domain.measured`). circumstances: None in a
    row of a program that did not keep them yet; such a row cannot be decided again.
    """

    position_id: PositionId
    symbol: Symbol
    tick_at: datetime
    source: str
    decision: Decision
    state: State
    account: tuple[float, ...]
    fired: float
    reasons: tuple[Reason, ...]
    price: float
    rules_hash: str
    rule_version: str
    mask: str
    closed_bar: bool
    measured: tuple[float, ...] = ()
    circumstances: Circumstances | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something a person must know.

    `key` is stable, so that a lasting fault is one alarm, counted.
    """

    key: str
    kind: str
    symbol: Symbol | None
    message: str
    severity: Literal["notice", "warning", "critical"] = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRow:
    """A closed position, as the broker's fills tell it.

    cause: the rule of the last exit; `stop` or `target` for one that rested; `by_hand`; `guard` for
    an exit of ours whose rule is no longer at hand. mae_r, mfe_r: how far it went against us and
    for us, in R, 0 or more; the exits count.
    """

    position_id: PositionId
    symbol: Symbol
    closed_at: datetime
    exit_price: Decimal
    result: Decimal
    result_r: float
    mae_r: float
    mfe_r: float
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the broker or the trader did, stored as seen.

    kind: `adopted`, `added`, `reduced`, `split`, `stop_moved`; and `held`, the quantity that a
        plan goes by where the broker holds more than fills explain.
    """

    position_id: PositionId | None
    symbol: Symbol
    kind: str
    cause: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TickRecord:
    """Everything one tick decided, written in one transaction before anything is sent.

    positions, symbols: whole rows, new or changed.
    rule_sets: those that the decisions name; known ones are left alone.
    orders: intents to insert; existing ids are left alone.
    trades: positions that fills closed; their row in `positions` has quantity 0.
    halted_symbols: symbols to be tagged `halted`: the broker holds a side that nobody decided.
    lease_seconds: the lease runs so long from this record on; 0 leaves it as it is.
    release: give the lease back now.
    """

    fence: int
    account_id: AccountId
    tick_at: datetime
    at: datetime
    source: str
    positions: tuple[Position, ...] = ()
    symbols: tuple[SymbolState, ...] = ()
    views: tuple[ViewRow, ...] = ()
    rule_sets: tuple[RuleSet, ...] = ()
    decisions: tuple[DecisionRow, ...] = ()
    orders: tuple[Order, ...] = ()
    settled: tuple[Order, ...] = ()
    trades: tuple[TradeRow, ...] = ()
    observations: tuple[Observation, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    cleared: tuple[str, ...] = ()
    day: DayRow | None = None
    unprotected_seconds: Mapping[Symbol, float] = field(default_factory=dict)
    halted_symbols: tuple[Symbol, ...] = ()
    lease_seconds: float = 0.0
    release: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What came of the orders sent: their new status, and what it means for positions.

    orders: rows whose status, broker id or fills changed (an event is appended for each).
    """

    fence: int
    account_id: AccountId
    tick_at: datetime
    at: datetime
    orders: tuple[Order, ...] = ()
    positions: tuple[Position, ...] = ()
    trades: tuple[TradeRow, ...] = ()
    observations: tuple[Observation, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    cleared: tuple[str, ...] = ()
    day: DayRow | None = None
    unprotected_seconds: Mapping[Symbol, float] = field(default_factory=dict)
    release: bool = True


__all__ = [
    "WINDOW",
    "AccountRow",
    "Acknowledgement",
    "Adoption",
    "Alarm",
    "Busy",
    "DayRow",
    "DecisionRow",
    "Marks",
    "Mode",
    "Observation",
    "OrderId",
    "OrderStatus",
    "Snapshot",
    "SymbolState",
    "TickRecord",
    "TradeRow",
    "ViewRow",
]
