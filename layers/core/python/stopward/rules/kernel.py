"""The kernel: fill, observe, propose, settle.

Live, closed bars newer than the last one folded go through `observe`, then `propose` says what to
do; a pulse inside a bar is `observe` with a bar of one price and `closed` 0, used and never
stored. In replay `walk` puts `fill` before them, for there the broker is us.
"""

from typing import Final

from stopward.rules.codes import STOP, TARGET
from stopward.rules.early_exit import (
    adverse_excursion,
    give_back,
    momentum,
    quiet_after,
    reversed_after,
    time_stop,
    volume,
)
from stopward.rules.geometry import ratio, tighter
from stopward.rules.limits import day_loss, day_profit, session_flat
from stopward.rules.parameters import Rules
from stopward.rules.profit import aged_target, partial, target
from stopward.rules.proposal import leave_all, nothing
from stopward.rules.protective import (
    average_trail,
    bar_trail,
    breakeven,
    chandelier,
    follow_targets,
    model_tighten,
    percent_trail,
    ratchet,
)
from stopward.rules.types import NAN, Account, Bar, Fill, Proposal, Slippage, State

BOOKS_TARGET: Final = 0.0
"""A favourable gap over a resting target books the target (conservative)."""
BOOKS_OPEN: Final = 1.0
"""It books the open, as a real limit order would."""

DUST: Final = 0.5
"""Less than half a lot is nothing."""


def fill(state: State, bar: Bar, gap: float) -> Fill:
    """Return the next fill of pending and resting orders in one bar; quantity 0 when there is none.

    Order: a pending exit at the open; the open against the stop, then against the target; the
    adverse extreme against the stop; the favourable extreme against the target. A stop triggers on
    touch, a target must trade through. Stop and target inside one bar: the stop, flagged. `gap` is
    BOOKS_TARGET or BOOKS_OPEN. After a pending part is booked, the same bar is to be asked again.
    """
    side = state.side
    if not state.quantity > 0.0 or bar.open != bar.open:
        return Fill(0.0, NAN, 0.0, 0.0, NAN)
    if state.pending > 0.0:
        quantity = state.pending if state.pending < state.quantity else state.quantity
        return Fill(quantity, bar.open, state.pending_rule, 0.0, NAN)
    if side * (bar.open - state.stop) <= 0.0:
        return Fill(state.quantity, bar.open, STOP, 0.0, NAN)
    if side * (bar.open - state.target) > 0.0:
        price = bar.open if gap == BOOKS_OPEN else state.target
        return Fill(state.quantity, price, TARGET, 0.0, NAN)
    adverse = bar.low if side > 0.0 else bar.high
    favourable = bar.high if side > 0.0 else bar.low
    through = side * (favourable - state.target) > 0.0
    if side * (adverse - state.stop) <= 0.0:
        if through:
            return Fill(state.quantity, state.stop, STOP, 1.0, state.target)
        return Fill(state.quantity, state.stop, STOP, 0.0, NAN)
    if through:
        return Fill(state.quantity, state.target, TARGET, 0.0, NAN)
    return Fill(0.0, NAN, 0.0, 0.0, NAN)


def slipped(state: State, bar: Bar, filled: Fill, slippage: Slippage) -> float:
    """Return the price of a fill after slippage; a resting target fills where it rests.

    An exit that was decided on a close is pending, and fills at the next open.
    """
    if filled.rule != STOP and not (slippage.exits > 0.0 and filled.rule != TARGET):
        return filled.price
    cost = ratio(slippage.ticks, state.per_unit)
    if slippage.spread * bar.spread > cost:
        cost = slippage.spread * bar.spread
    if slippage.fraction * filled.price > cost:
        cost = slippage.fraction * filled.price
    return filled.price - state.side * cost


def reduced(state: State, quantity: float) -> float:
    """Return the shares left after `quantity` is sold; dust is nothing."""
    left = state.quantity - quantity
    return left if left > DUST * state.lot else 0.0


def book(state: State, filled: Fill) -> State:
    """Return the state after a fill; a pending exit is thereby done."""
    return State(
        state.side,
        state.entry,
        state.risk,
        reduced(state, filled.quantity),
        state.initial_quantity,
        state.lot,
        state.per_unit,
        state.stop,
        state.target,
        state.best,
        state.worst,
        state.age,
        state.quiet,
        state.reversed,
        state.partials,
        state.hits,
        state.fees,
        state.entry_volume,
        0.0,
        0.0,
    )


def observe(state: State, bar: Bar, rules: Rules) -> State:
    """Return the state after a bar: excursions always, the rest only for a closed bar.

    A closed bar adds its minutes to the age, counts quiet bars, follows MACD crosses. A missing
    number changes nothing.
    """
    side = state.side
    best = tighter(side, bar.high if side > 0.0 else bar.low, state.best)
    worst = tighter(-side, bar.low if side > 0.0 else bar.high, state.worst)
    age = state.age
    quiet = state.quiet
    turned = state.reversed
    entry_volume = state.entry_volume
    if bar.closed > 0.0:
        if bar.minutes > 0.0:
            age = age + bar.minutes
        quiet = quiet_after(state, bar, rules.volume)
        turned = reversed_after(state, bar)
        if bar.at_entry > 0.0:
            entry_volume = bar.volume
    return State(
        side,
        state.entry,
        state.risk,
        state.quantity,
        state.initial_quantity,
        state.lot,
        state.per_unit,
        state.stop,
        state.target,
        best,
        worst,
        age,
        quiet,
        turned,
        state.partials,
        state.hits,
        state.fees,
        entry_volume,
        state.pending,
        state.pending_rule,
    )


def stop_breach(state: State, bar: Bar, proposal: Proposal) -> Proposal:
    """Leave when the price is at or through the resting stop: the net under the broker's order."""
    if state.side * (bar.close - state.stop) <= 0.0:
        return leave_all(state, proposal, STOP)
    return proposal


def propose(state: State, bar: Bar, account: Account, rules: Rules) -> Proposal:
    """Return what the rules want done, at `bar.close`, with the state after `observe`.

    Rules are asked in order of priority. While the kill switch is on, and once the position is
    closed, nothing is wanted. What is wanted depends on levels only, so asking again changes
    nothing.
    """
    wanted = nothing(state)
    if account.halted > 0.0 or not state.quantity > 0.0:
        return wanted
    wanted = stop_breach(state, bar, wanted)
    wanted = day_loss(state, bar, account, rules.day_loss, wanted)
    wanted = day_profit(state, bar, account, rules.day_profit, wanted)
    wanted = session_flat(state, bar, account, rules.session_flat, wanted)
    wanted = adverse_excursion(state, bar, account, rules.adverse_excursion, wanted)
    wanted = give_back(state, bar, account, rules.give_back, wanted)
    wanted = time_stop(state, bar, account, rules.time_stop, wanted)
    wanted = momentum(state, bar, account, rules.momentum, wanted)
    wanted = volume(state, bar, account, rules.volume, wanted)
    wanted = target(state, bar, account, rules.target, wanted)
    wanted = aged_target(state, bar, account, rules.aged_target, wanted)
    wanted = partial(state, bar, account, rules.partial, wanted)
    wanted = breakeven(state, bar, account, rules.breakeven, wanted)
    wanted = ratchet(state, bar, account, rules.ratchet, wanted)
    wanted = chandelier(state, bar, account, rules.chandelier, wanted)
    wanted = percent_trail(state, bar, account, rules.percent_trail, wanted)
    wanted = bar_trail(state, bar, account, rules.bar_trail, wanted)
    wanted = average_trail(state, bar, account, rules.average_trail, wanted)
    wanted = follow_targets(state, bar, account, rules.follow_targets, wanted)
    return model_tighten(state, bar, account, rules.model_tighten, wanted)


def settle(state: State, proposal: Proposal, price: float) -> State:
    """Return the state after a proposal was carried out: stop moved, exit sold at `price`.

    A `price` of nan means that the exit is decided and not yet filled: it is pending (replay).
    """
    quantity = state.quantity
    pending = state.pending
    pending_rule = state.pending_rule
    partials = state.partials
    if proposal.exit_quantity > 0.0:
        partials = proposal.partials
        if price == price:
            quantity = reduced(state, proposal.exit_quantity)
        else:
            pending = proposal.exit_quantity
            pending_rule = proposal.exit_rule
    return State(
        state.side,
        state.entry,
        state.risk,
        quantity,
        state.initial_quantity,
        state.lot,
        state.per_unit,
        tighter(state.side, proposal.stop, state.stop),
        state.target,
        state.best,
        state.worst,
        state.age,
        state.quiet,
        state.reversed,
        partials,
        proposal.hits,
        state.fees,
        state.entry_volume,
        pending,
        pending_rule,
    )
