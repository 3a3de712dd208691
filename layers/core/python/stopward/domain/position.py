"""A guarded position: what is fixed at entry, what moves, and its kernel state."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.market import tick_at
from stopward.domain.money import Side, sign
from stopward.rules.types import NAN, State

FRACTIONAL_LOT = Decimal("0.000000001")
HAND_LOOSENED = "hand_loosened"
"""Flag of a position whose stop the trader loosened: rules leave its stop alone."""
REBASED = "rebased"
"""Flag of a position to which shares were added while it was guarded."""


class Marks(NamedTuple):
    """What closed bars taught us about the position; the moving part of the kernel state (floats).

    The meaning of each field is that of `State`.
    """

    best: float
    worst: float
    age: float = 0.0
    quiet: float = 0.0
    reversed: float = 0.0
    partials: float = 0.0
    hits: float = 0.0
    entry_volume: float = NAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One open position of one account.

    initial_stop, risk: fixed at entry, for life; R is `risk` dollars a share.
    stop: the stop that we believe rests at the broker, the goal that arming restores.
    bar_at: start of the last closed bar folded into `marks`; None before the first.
    flags: facts to show: `risk_estimated`, `rebased`, `split`, `naked_on_arrival`,
        `partly_covered_on_arrival`; `hand_loosened`, while which the rules that move stops leave
        this position alone; and `exit_refused`, since the broker refused to sell it.
    realised: result of the fills that reduced it so far, in dollars, before fees.
    closed_quantity: shares those fills took.
    stop_rule: which rule put the stop where it is; `stop` for the initial one, `by_hand` for the
        trader's.
    tightest: the tightest stop that ever rested; None until one did.
    fills_at, fill_ids: time of the newest fill folded in, and the ids of the fills folded in that
        are so recent that another may still turn up before them (`fills.LATE`).
    """

    id: PositionId
    account_id: AccountId
    symbol: Symbol
    side: Side
    quantity: Decimal
    initial_quantity: Decimal
    average_entry: Decimal
    initial_stop: Decimal
    risk: Decimal
    stop: Decimal
    target: Decimal | None = None
    lot: Decimal = Decimal(1)
    tick: Decimal = Decimal("0.01")
    fees_per_share: Decimal = Decimal(0)
    opened_at: datetime
    adopted_at: datetime
    bar_at: datetime | None = None
    marks: Marks
    tags: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    realised: Decimal = Decimal(0)
    closed_quantity: Decimal = Decimal(0)
    tightest: Decimal | None = None
    stop_rule: str = "stop"
    fills_at: datetime | None = None
    fill_ids: tuple[str, ...] = ()

    def state(self) -> State:
        """Return the kernel state; floats from here on."""
        marks = self.marks
        return State(
            side=float(sign(self.side)),
            entry=float(self.average_entry),
            risk=float(self.risk),
            quantity=float(self.quantity),
            initial_quantity=float(self.initial_quantity),
            lot=float(self.lot),
            per_unit=float(1 / self.tick),
            stop=float(self.stop),
            target=NAN if self.target is None else float(self.target),
            best=marks.best,
            worst=marks.worst,
            age=marks.age,
            quiet=marks.quiet,
            reversed=marks.reversed,
            partials=marks.partials,
            hits=marks.hits,
            fees=float(self.fees_per_share),
            entry_volume=marks.entry_volume,
            pending=0.0,
            pending_rule=0.0,
        )

    def tick_at(self, price: Decimal) -> Decimal:
        """Return the price step at `price`, as `market.tick_at` has it."""
        return tick_at(price, tick=self.tick, entry=self.average_entry)

    def r_multiple(self, price: Decimal) -> Decimal:
        """Return the result a share at `price` in units of initial risk; +1 earns what was risked.

        Uses the risk at entry, so moving the stop never rewrites history.
        Source: Van Tharp, "Trade Your Way to Financial Freedom".
        """
        return sign(self.side) * (price - self.average_entry) / self.risk


def marks_of(state: State) -> Marks:
    """Return the moving part of a kernel state, to be stored."""
    return Marks(
        best=state.best,
        worst=state.worst,
        age=state.age,
        quiet=state.quiet,
        reversed=state.reversed,
        partials=state.partials,
        hits=state.hits,
        entry_volume=state.entry_volume,
    )


def in_lots(position: Position) -> Position:
    """Return the position with a lot that its quantity is made of: a whole one may turn odd."""
    if position.quantity == position.quantity.to_integral_value():
        return position
    return replace(position, lot=min(position.lot, FRACTIONAL_LOT))


EXIT_REFUSED = "exit_refused"


def flagged(position: Position, flag: str) -> tuple[str, ...]:
    """Return the position's flags with one more, once."""
    return position.flags if flag in position.flags else (*position.flags, flag)
