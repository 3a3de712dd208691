"""Decide what to do about one position: pure, by the kernel's rules, with reasons."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from stopward.domain.decision import Decision, Exit, Hold, MoveStop, Reduce
from stopward.domain.holding import is_tighter
from stopward.domain.market import Quote
from stopward.domain.money import decimal_of, floor_quantity, round_stop
from stopward.domain.position import FRACTIONAL_LOT, HAND_LOOSENED, Position
from stopward.rules.codes import NO_RULE, RULE_NAMES
from stopward.rules.kernel import observe, propose
from stopward.rules.parameters import Rules
from stopward.rules.types import Account, Bar, Proposal, State

STOP_MOVERS: Final = (
    "adverse_excursion", "breakeven", "ratchet", "chandelier", "percent_trail", "bar_trail",
    "average_trail", "follow_targets",
)  # fmt: skip
"""Rules that move the stop; they leave a stop alone that the trader loosened by hand."""

PRICELESS: Final = ("session_flat", "day_profit")
"""Rules that need no price, as the day loss limit where it flattens: all that may act blindly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision with what it was made from; `proposal` is the kernel's own answer to `state`."""

    decision: Decision
    proposal: Proposal
    rules: Rules
    state: State


def decide(
    position: Position, bar: Bar, account: Account, rules: Rules, *, usable: bool = True
) -> Verdict:
    """Return what the rules want done, as a decision in Decimal.

    usable False (stale, crossed or missing quote, and no new bar): only rules that need no price.
    A stop loosened by hand is not moved back: the rules that move stops are off for it.
    A closed bar must be folded into the position already; a pulse is observed here and forgotten.
    """
    rules = _in_force(position, rules, usable=usable)
    state = position.state()
    if usable and bar.closed == 0.0:
        state = observe(state, bar, rules)
    return decide_from(state, position, bar, account, rules, usable=usable)


def decide_from(
    state: State, position: Position, bar: Bar, account: Account, rules: Rules, *, usable: bool
) -> Verdict:
    """Return what the rules want done in a state that has the bar in it already.

    A journal's row holds that state: with its view, account and rules it is decided again.
    """
    rules = _in_force(position, rules, usable=usable)
    proposal = propose(state, bar, account, rules)
    return Verdict(
        decision=as_decision(position, proposal), proposal=proposal, rules=rules, state=state
    )


def as_decision(position: Position, proposal: Proposal) -> Decision:
    """Return the kernel's answer as a Decision: prices on the tick, quantities in whole lots.

    The stop leaves the kernel rounded away from triggering, at the tick of its own price level,
    and never looser than the one that rests. An exit that would leave less than a lot is whole.
    """
    exit_rule = RULE_NAMES[int(proposal.exit_rule)]
    stop: Decimal | None = None
    stop_rule: str | None = None
    if proposal.stop_rule != NO_RULE:
        price = decimal_of(proposal.stop)
        price = round_stop(price, position.tick_at(price), position.side)
        if is_tighter(price, position.stop, position.side):
            stop, stop_rule = price, RULE_NAMES[int(proposal.stop_rule)]
    if proposal.exit_quantity > 0:
        wanted = decimal_of(proposal.exit_quantity, FRACTIONAL_LOT)
        if wanted > position.quantity - position.lot:
            return Exit(rule=exit_rule)
        quantity = floor_quantity(wanted, position.lot)
        if quantity > 0:
            return Reduce(rule=exit_rule, quantity=quantity, stop=stop, stop_rule=stop_rule)
    if stop is not None and stop_rule is not None:
        return MoveStop(rule=stop_rule, to=stop)
    return Hold()


def admit(decision: Decision, position: Position, quote: Quote | None) -> Decision:
    """Return the decision as the market of this moment admits it.

    A stop wanted at or beyond the price cannot rest: what the move wanted to protect is taken at
    the market instead (TRADING section 2, rule 1f at the next open).
    """
    if quote is None:
        return decision
    match decision:
        case MoveStop(rule=rule, to=stop):
            pass
        case Reduce(stop=Decimal() as stop, stop_rule=str() as rule):
            pass
        case _:
            return decision
    price = quote.bid if position.side == "long" else quote.ask
    return decision if is_tighter(price, stop, position.side) else Exit(rule=rule)


def _in_force(position: Position, rules: Rules, *, usable: bool) -> Rules:
    """Return the rules that may act; those of what is in force already are the same."""
    if not usable:
        return _priceless(rules)
    if HAND_LOOSENED in position.flags:
        return rules._replace(**dict.fromkeys(STOP_MOVERS))
    return rules


def _priceless(rules: Rules) -> Rules:
    flattens = rules.day_loss is not None and rules.day_loss.flatten > 0
    names = (*PRICELESS, "day_loss") if flattens else PRICELESS
    return Rules(**{name: getattr(rules, name) for name in names})
