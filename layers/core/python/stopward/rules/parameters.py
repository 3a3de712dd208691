"""Parameters of the rules: one NamedTuple a rule, `Rules` holds them all, None where a rule is off.

A distance is (value, unit): R, percent of entry, ATR, ticks, or dollars. All fields are floats.
"""

from typing import Final, NamedTuple

from stopward.rules.types import NAN

R: Final = 0.0
PERCENT: Final = 1.0
ATR: Final = 2.0
TICKS: Final = 3.0
PRICE: Final = 4.0

UNIT_NAMES: Final = ("r", "percent", "atr", "ticks", "price")
"""Unit names by code, as a rules file spells them (`"1.5 atr"`)."""


class Distance(NamedTuple):
    """A distance in price, given in one of five units (`UNIT_NAMES`)."""

    value: float
    unit: float


class DayLoss(NamedTuple):
    """Daily loss limit on realised plus open result: -loss_fraction of equity or -loss_r.

    flatten: 1 exits; 0 tightens every stop to `tighten` from the price.
    """

    loss_fraction: float
    loss_r: float
    flatten: float
    tighten: Distance


class DayProfit(NamedTuple):
    """Daily profit lock: from a peak of `arm_r` on, exit when the fraction `give_back` is lost."""

    arm_r: float
    give_back: float


class SessionFlat(NamedTuple):
    """Exit `minutes` before the calendar close."""

    minutes: float


class AdverseExcursion(NamedTuple):
    """Cut beyond `limit_r`, typed or measured on `winners`; quiet under `needed` of them.

    A typed limit needs none. nan is a limit that is not measured yet, and quiet.
    """

    limit_r: float
    winners: float
    needed: float


class GiveBack(NamedTuple):
    """Exit when open profit is under `keep` of the best, from `arm_r`; `keep_2` from `arm_2_r`."""

    arm_r: float
    keep: float
    arm_2_r: float
    keep_2: float


class TimeStop(NamedTuple):
    """Exit after `minutes`: not in profit now (need_best_r nan), or best profit under it."""

    minutes: float
    need_best_r: float


class Momentum(NamedTuple):
    """Exit on reversal: votes 1 is the MACD cross alone; 2 or 3 counts MACD, RSI past 50 and VWAP.

    below_r: only while open profit is under this many R.
    """

    votes: float
    below_r: float


class Volume(NamedTuple):
    """Exit after `bars` closed bars in a row with relative volume under `limit`."""

    limit: float
    bars: float


class Target(NamedTuple):
    """Fixed target at `distance` from entry; resting 1: at the broker, filled on extremes."""

    distance: Distance
    resting: float


class AgedTarget(NamedTuple):
    """Profit target by age: from `minutes_k` on, exit at `r_k`. Step 1 counts from age 0."""

    r_1: float
    minutes_2: float
    r_2: float
    minutes_3: float
    r_3: float


class Partial(NamedTuple):
    """Partial exits: `fraction_k` of the initial quantity at `at_k`; an unused step has at nan."""

    at_1: Distance
    fraction_1: float
    at_2: Distance
    fraction_2: float
    at_3: Distance
    fraction_3: float


class Breakeven(NamedTuple):
    """At `arm` of best profit, stop to entry + fees + half spread + 1 tick + `extra`."""

    arm: Distance
    extra: Distance


class Ratchet(NamedTuple):
    """Step ratchet: at best profit of `at_k` R, stop at `lock_k` R; an unused step has at nan."""

    at_1: float
    lock_1: float
    at_2: float
    lock_2: float
    at_3: float
    lock_3: float
    at_4: float
    lock_4: float


class Chandelier(NamedTuple):
    """Armed at `arm`: highest high of `window` closed bars since entry, less `distance`.

    `window` 0 means the best price since entry (LeBeau's form).
    """

    arm: Distance
    distance: Distance
    window: float


class PercentTrail(NamedTuple):
    """Trail `distance` behind the best price from profit `arm` on; `distance_2` from `arm_2` on."""

    arm: Distance
    distance: Distance
    arm_2: Distance
    distance_2: Distance


class BarTrail(NamedTuple):
    """Armed at `arm`: `buffer` below the low of the last `window` closed bars (shorts: above)."""

    arm: Distance
    buffer: Distance
    window: float


class AverageTrail(NamedTuple):
    """Armed at `arm`: `buffer` below the moving average of closes (mirrored for shorts)."""

    arm: Distance
    buffer: Distance


class FollowTargets(NamedTuple):
    """At target 1 the stop goes to breakeven, at target k to target k-1; unused targets are nan."""

    target_1: Distance
    target_2: Distance
    target_3: Distance


class ModelTighten(NamedTuple):
    """While the score is under `below`, the stop goes `distance` behind the price.

    score: the probability of a gain that a model last gave the position; nan without a fresh one.
    No file holds it.
    """

    below: float
    distance: Distance
    score: float = NAN


class Rules(NamedTuple):
    """Every rule's parameters in order of priority; None turns a rule off.

    The field names are `RULE_NAMES[2:]`, in the same order (a test holds them together).
    """

    day_loss: DayLoss | None = None
    day_profit: DayProfit | None = None
    session_flat: SessionFlat | None = None
    adverse_excursion: AdverseExcursion | None = None
    give_back: GiveBack | None = None
    time_stop: TimeStop | None = None
    momentum: Momentum | None = None
    volume: Volume | None = None
    target: Target | None = None
    aged_target: AgedTarget | None = None
    partial: Partial | None = None
    breakeven: Breakeven | None = None
    ratchet: Ratchet | None = None
    chandelier: Chandelier | None = None
    percent_trail: PercentTrail | None = None
    bar_trail: BarTrail | None = None
    average_trail: AverageTrail | None = None
    follow_targets: FollowTargets | None = None
    model_tighten: ModelTighten | None = None
