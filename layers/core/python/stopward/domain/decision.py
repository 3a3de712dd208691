"""A decision is a value: what to do about one position at one tick, and why."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Leave everything as it rests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveStop:
    """Replace the resting stop by a tighter one."""

    rule: str
    to: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce:
    """Sell (or buy back) part of the position; `stop`, when given, is for what remains."""

    rule: str
    quantity: Decimal
    stop: Decimal | None
    stop_rule: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """Close the position whole."""

    rule: str


Decision = Hold | MoveStop | Reduce | Exit


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule that was true, with what it alone would have done.

    wanted: `move_stop` with its price, `reduce` or `exit` with the quantity; `hold` when the move
    was too small to be worth a request.
    """

    rule: str
    wanted: str
    price: float | None
    quantity: float | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a decision depends on besides the kernel's numbers.

    rule_set: digest of the position's rules (`RuleSet`), before mask and measured limits.
    hand_loosened: the trader loosened its stop, so that rules which move stops leave it alone.
    covered: stops that rest cover every share. crossed: the whole quote was through the stop at
    the tick before already.
    """

    rule_set: str
    hand_loosened: bool
    covered: bool
    crossed: bool


def kind(decision: Decision) -> str:
    """Return the decision's word in SQL and pages: hold, move_stop, reduce or exit."""
    match decision:
        case Hold():
            return "hold"
        case MoveStop():
            return "move_stop"
        case Reduce():
            return "reduce"
        case Exit():
            return "exit"
