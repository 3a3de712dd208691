"""Why: each rule that was true, with what it alone would have done. Pure, off the fast path."""

from stopward.domain.decide import Verdict
from stopward.domain.decision import Reason
from stopward.domain.rulebook.sentences import sentence
from stopward.rules.codes import fired_rules
from stopward.rules.kernel import propose
from stopward.rules.parameters import Rules
from stopward.rules.types import Account, Bar, Proposal, State


def reasons_of(verdict: Verdict, bar: Bar, account: Account) -> tuple[Reason, ...]:
    """Return a reason for each rule that fired, in order of priority; empty when none did.

    Each rule is asked alone, so that one that lost to a more protective one still shows its wish.
    """
    return tuple(
        _reason(name, verdict, bar, account) for name in fired_rules(verdict.proposal.fired)
    )


def _reason(name: str, verdict: Verdict, bar: Bar, account: Account) -> Reason:
    params = getattr(verdict.rules, name, None)
    alone = Rules() if params is None else Rules(**{name: params})
    proposal = propose(verdict.state, bar, account, alone)
    wanted, price, quantity = _wish(verdict.state, proposal)
    return Reason(
        rule=name,
        wanted=wanted,
        price=price,
        quantity=quantity,
        sentence=sentence(name, verdict.state, bar, account, params, proposal),
    )


def _wish(state: State, proposal: Proposal) -> tuple[str, float | None, float | None]:
    """Return the word of the wish as `decision.kind` has it, with its price or quantity."""
    if proposal.exit_quantity > 0:
        whole = proposal.exit_quantity >= state.quantity
        return "exit" if whole else "reduce", None, proposal.exit_quantity
    if proposal.stop_rule > 0:
        return "move_stop", proposal.stop, None
    return "hold", None, None
