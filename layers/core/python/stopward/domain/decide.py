"""Decide what to do about one position: pure, by the kernel's rules, with reasons."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar

from stopward.domain.decision import Decision, Exit, Hold, MoveStop, Reduce
from stopward.domain.holding import is_tighter
from stopward.domain.market import Quote, tick_at
from stopward.domain.money import Side, decimal_of, floor_quantity, round_stop
from stopward.domain.position import FRACTIONAL_LOT, HAND_LOOSENED, Position
from stopward.rules.codes import NO_RULE, RULE_NAMES
from stopward.rules.kernel import observe, propose
from stopward.rules.parameters import Rules
from stopward.rules.types import Account, Bar, Proposal, State

STOP_MOVERS: Final = (
    "adverse_excursion", "breakeven", "ratchet", "chandelier", "percent_trail", "bar_trail",
    "average_trail", "follow_targets", "model_tighten",
)  # fmt: skip
"""Rules that move the stop; they leave a stop alone that the trader loosened by hand."""

PRICELESS: Final = ("session_flat", "day_profit")
"""Rules that need no price, as the day loss limit where it flattens: all that may act blindly."""

BREACH: Final = Exit(rule="stop")
"""What the rules want once the price is at the stop."""

Numbers = TypeVar("Numbers", State, Bar, Account)


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
    loosened = HAND_LOOSENED in position.flags
    state = position.state()
    if usable and bar.closed == 0.0:
        state = observe(state, bar, _in_force(rules, hand_loosened=loosened, usable=usable))
    return decide_from(
        with_one_zero(state), bar, account, rules, hand_loosened=loosened, usable=usable
    )


def decide_from(
    state: State, bar: Bar, account: Account, rules: Rules, *, hand_loosened: bool, usable: bool
) -> Verdict:
    """Return what the rules want done in a state that has the bar in it already.

    A journal's row holds all of it, so it is decided again from there, and nothing else is read.
    """
    rules = _in_force(rules, hand_loosened=hand_loosened, usable=usable)
    proposal = propose(state, bar, account, rules)
    return Verdict(
        decision=as_decision(state, proposal), proposal=proposal, rules=rules, state=state
    )


def with_one_zero(numbers: Numbers) -> Numbers:
    """Return the numbers with 0.0 for -0.0: what is stored has one zero, so the rules see one."""
    return type(numbers)(*[number or 0.0 for number in numbers])


def as_decision(state: State, proposal: Proposal) -> Decision:
    """Return the kernel's answer as a Decision: prices on the tick, quantities in whole lots.

    The stop leaves the kernel rounded away from triggering, at the tick of its own price level,
    and never looser than the one that rests. An exit that would leave less than a lot is whole.
    Tick, lot, stop and quantity are the state's own, as SQL has them: 6 places, shares 9.
    """
    exit_rule = RULE_NAMES[int(proposal.exit_rule)]
    stop: Decimal | None = None
    stop_rule: str | None = None
    if proposal.stop_rule != NO_RULE:
        side, price = _side(state), decimal_of(proposal.stop)
        tick = tick_at(price, tick=decimal_of(1.0 / state.per_unit), entry=decimal_of(state.entry))
        price = round_stop(price, tick, side)
        if is_tighter(price, decimal_of(state.stop), side):
            stop, stop_rule = price, RULE_NAMES[int(proposal.stop_rule)]
    if proposal.exit_quantity > 0:
        wanted = decimal_of(proposal.exit_quantity, FRACTIONAL_LOT)
        lot = decimal_of(state.lot, FRACTIONAL_LOT)
        if wanted > decimal_of(state.quantity, FRACTIONAL_LOT) - lot:
            return Exit(rule=exit_rule)
        quantity = floor_quantity(wanted, lot)
        if quantity > 0:
            return Reduce(rule=exit_rule, quantity=quantity, stop=stop, stop_rule=stop_rule)
    if stop is not None and stop_rule is not None:
        return MoveStop(rule=stop_rule, to=stop)
    return Hold()


def settled_by(verdict: Verdict, quote: Quote | None, *, covered: bool, crossed: bool) -> Decision:
    """Return the decision as the market of this moment and the resting stop leave it.

    covered, crossed: as in `Circumstances`. quote: None when there is none that can be used.
    """
    decision = admit(verdict.decision, verdict.state, quote)
    left = is_left(decision, verdict.state, quote, covered=covered, crossed=crossed)
    return Hold() if left else decision


def admit(decision: Decision, state: State, quote: Quote | None) -> Decision:
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
    side = _side(state)
    price = quote.bid if side == "long" else quote.ask
    return decision if is_tighter(price, stop, side) else Exit(rule=rule)


def is_left(
    decision: Decision, state: State, quote: Quote | None, *, covered: bool, crossed: bool
) -> bool:
    """Whether a breach is left to the stop that rests, for a pulse.

    An exit of ours follows only when the whole quote was through the stop at two ticks in a row:
    then it was elected and did not fill (a buy stop-limit in a squeeze), or never triggered.
    """
    if not covered or decision != BREACH:
        return False
    return not (crossed and quote is not None and is_through(quote, state))


def is_through(quote: Quote, state: State) -> bool:
    """Whether both sides of the quote are at or beyond the position's stop."""
    stop = decimal_of(state.stop)
    return quote.ask <= stop if _side(state) == "long" else quote.bid >= stop


def _side(state: State) -> Side:
    return "long" if state.side > 0.0 else "short"


def _in_force(rules: Rules, *, hand_loosened: bool, usable: bool) -> Rules:
    """Return the rules that may act; those of what is in force already are the same."""
    if not usable:
        return _priceless(rules)
    if hand_loosened:
        return rules._replace(**dict.fromkeys(STOP_MOVERS))
    return rules


def _priceless(rules: Rules) -> Rules:
    flattens = rules.day_loss is not None and rules.day_loss.flatten > 0
    names = (*PRICELESS, "day_loss") if flattens else PRICELESS
    return Rules(**{name: getattr(rules, name) for name in names})
