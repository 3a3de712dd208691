"""The tuples that pass through the kernel: State, Bar, Account, Proposal.

Every field is a float. A missing number is nan; a rule that meets one stays quiet.
Sides are +1.0 (long) and -1.0 (short). Prices are dollars a share; R is `State.risk`.
"""

from typing import NamedTuple

NAN = float("nan")


class State(NamedTuple):
    """What one position carries from bar to bar.

    side: +1 long, -1 short.
    entry: average entry price.
    risk: initial risk a share (R in price units), > 0, frozen at entry.
    quantity: shares still open, >= 0.
    initial_quantity: shares when guarded first; partial exits are fractions of it.
    lot: smallest step of a quantity: 1 for whole shares, 1e-9 for fractional ones.
    per_unit: ticks a dollar (100 for cents, 4 for quarter points).
    stop: the stop that rests at the broker; it only ever tightens.
    target: resting target price; nan when none rests.
    best, worst: most favourable and most adverse price seen since entry.
    age: session minutes since the fill, counted in closed bars.
    quiet: closed bars in a row with volume under the dry-up limit.
    reversed: 1 after MACD crossed against the position, until it crosses back.
    partials: partial exits done so far (0, 1, 2, ...).
    hits: targets reached so far, for stop-follows-targets.
    fees: fees a share for the round trip, in dollars.
    entry_volume: volume of the entry bar; nan when unknown.
    pending: quantity of an exit decided on the last close, not yet filled (replay only).
    pending_rule: the rule code of that exit.
    """

    side: float
    entry: float
    risk: float
    quantity: float
    initial_quantity: float
    lot: float
    per_unit: float
    stop: float
    target: float
    best: float
    worst: float
    age: float
    quiet: float
    reversed: float
    partials: float
    hits: float
    fees: float
    entry_volume: float
    pending: float
    pending_rule: float


class Bar(NamedTuple):
    """One bar, or one quote as a bar of a single price, with the indicators known at its end.

    minutes: session minutes the bar spans.
    to_close: session minutes from the end of the bar to the flat time's calendar close.
    spread: ask minus bid; nan when unknown.
    atr: average true range; daily_atr: of daily bars.
    macd, signal: now; macd_before, signal_before: one closed bar earlier.
    relative_volume: volume over the usual volume of this minute; nan when unknown.
    average: moving average of closes.
    highest, lowest: extremes of the chandelier's window of closed bars.
    trail_high, trail_low: extremes of the bar trail's window of closed bars.
    closed: 1 for a closed bar, 0 for a pulse inside the bar.
    at_entry: 1 when this is the entry bar and the entry was at its open; else 0. A bar with the
    entry
        inside it is never shown to the kernel, for nobody knows what came before the entry.
    """

    open: float
    high: float
    low: float
    close: float
    volume: float
    minutes: float
    to_close: float
    spread: float
    atr: float
    rsi: float
    macd: float
    signal: float
    macd_before: float
    signal_before: float
    vwap: float
    relative_volume: float
    average: float
    highest: float
    lowest: float
    trail_high: float
    trail_low: float
    closed: float
    at_entry: float


class Account(NamedTuple):
    """The day so far, over all positions of the account.

    day_r: realised plus open result of the session, in R (sum over positions).
    day_fraction: the same in money, as a fraction of the prior close's equity.
    peak_r: highest `day_r` of the session.
    losses: losing trades in a row today.
    locked: the code of the day rule that acted (`DAY_LOSS`, `DAY_PROFIT`), until the next session;
    0
        while none did. 1 means unknown which: then every day rule that is on keeps acting.
    halted: 1 while the kill switch is on: rules propose nothing, protection goes on.
    """

    day_r: float
    day_fraction: float
    peak_r: float
    losses: float
    locked: float
    halted: float


class Proposal(NamedTuple):
    """What the rules want done.

    stop: the stop wanted; equal to `State.stop` when no move is wanted.
    stop_rule: code of the rule that set it; 0 when none did.
    exit_quantity: shares to sell (long) or buy (short) now; 0 when none.
    exit_rule: code of the rule that set it; 0 when none did.
    fired: sum of the bits (`BITS[code]`) of every rule that was true.
    hits: targets reached, carried into the state when settled.
    partials: partial steps done once `exit_quantity` is sold, carried likewise.
    crossed: the raised stop that the close had crossed already, when that is the exit; else nan.
    """

    stop: float
    stop_rule: float
    exit_quantity: float
    exit_rule: float
    fired: float
    hits: float
    partials: float = 0.0
    crossed: float = NAN


class Slippage(NamedTuple):
    """What a fill at the market costs, in dollars a share: the largest of the three.

    ticks: so many ticks. spread: a share of the spread, where that is known. fraction: of the
    price. exits: 1 when exits at the next open slip too, 0 when only stops do.
    """

    ticks: float
    spread: float
    fraction: float
    exits: float


class Fill(NamedTuple):
    """What resting and pending orders did when they met a bar (replay only).

    quantity: shares filled; 0 when nothing filled.
    price: fill price before slippage.
    rule: code of the rule whose order filled.
    ambiguous: 1 when stop and target both lay inside the bar.
    other_price: the price of the outcome not booked; nan when not ambiguous.
    """

    quantity: float
    price: float
    rule: float
    ambiguous: float
    other_price: float
