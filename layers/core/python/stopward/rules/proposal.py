"""How rules add what they want to a proposal: an exit, a raised stop, targets reached."""

from stopward.rules.codes import BITS
from stopward.rules.geometry import is_gain, is_worth_a_move
from stopward.rules.types import NAN, Bar, Proposal, State


def nothing(state: State) -> Proposal:
    """Return the proposal of rules that want nothing."""
    return Proposal(state.stop, 0.0, 0.0, 0.0, 0.0, state.hits, state.partials, NAN)


def mark(proposal: Proposal, code: float) -> Proposal:
    """Note that a rule was true, and change nothing else."""
    return Proposal(
        proposal.stop,
        proposal.stop_rule,
        proposal.exit_quantity,
        proposal.exit_rule,
        proposal.fired + BITS[int(code)],
        proposal.hits,
        proposal.partials,
        proposal.crossed,
    )


def leave(
    state: State, proposal: Proposal, quantity: float, code: float, crossed: float
) -> Proposal:
    """Want `quantity` sold. The first exit wins, but a full one replaces a partial one."""
    taken = proposal.exit_quantity
    if taken > 0.0 and (taken >= state.quantity or quantity < state.quantity):
        return mark(proposal, code)
    return Proposal(
        proposal.stop,
        proposal.stop_rule,
        quantity,
        code,
        proposal.fired + BITS[int(code)],
        proposal.hits,
        proposal.partials,
        crossed,
    )


def leave_all(state: State, proposal: Proposal, code: float) -> Proposal:
    """Want the position closed."""
    return leave(state, proposal, state.quantity, code, NAN)


def raise_stop(state: State, bar: Bar, proposal: Proposal, price: float, code: float) -> Proposal:
    """Want the stop at `price`, which lies on the tick already (nan: nothing is wanted).

    Only if it is tighter than the resting stop. A move not `is_worth_a_move` is noted and not
    proposed. One that the close has reached or crossed cannot rest: it becomes an exit. Of several
    the most protective wins, and of equal ones the first.
    """
    side = state.side
    move = side * (price - state.stop)
    if not is_gain(move, state) or bar.close != bar.close:
        return proposal
    if not is_worth_a_move(move, state):
        return mark(proposal, code)
    if side * (bar.close - price) <= 0.0:
        return leave(state, proposal, state.quantity, code, price)
    if side * (price - proposal.stop) <= 0.0:
        return mark(proposal, code)
    return Proposal(
        price,
        code,
        proposal.exit_quantity,
        proposal.exit_rule,
        proposal.fired + BITS[int(code)],
        proposal.hits,
        proposal.partials,
        proposal.crossed,
    )
