"""How an open position stands: what it gained and gave back since its entry, and its age."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from stopward.domain.features.inputs import MINUTE
from stopward.domain.features.row import Feature
from stopward.domain.features.sight import Sight
from stopward.domain.features.trade import reward, risk
from stopward.domain.market import ClosedBar
from stopward.domain.sessions import session_minutes
from stopward.rules.geometry import ratio
from stopward.rules.types import NAN

LIFE: Final = ("signal", "stop", "sessions", "bars")
"""What a result in R since the entry stands on."""
SWEENEY: Final = "John Sweeney, Maximum Adverse Excursion, 1997"


def _lived(sight: Sight) -> Sequence[ClosedBar]:
    """Return the bars since the entry, its own bar left out.

    None where the first or the last are missing, and none without a risk to measure by.
    """
    is_measured = sight.traced and bool(sight.strip.bars) and risk(sight) > 0.0
    return sight.lived if is_measured else ()


def _gain(sight: Sight, price: float) -> float:
    return ratio(sight.side * (price - sight.signal.entry), risk(sight))


def _favourable(sight: Sight, bar: ClosedBar) -> float:
    return _gain(sight, bar.high if sight.side > 0.0 else bar.low)


def _adverse(sight: Sight, bar: ClosedBar) -> float:
    return -_gain(sight, bar.low if sight.side > 0.0 else bar.high)


def _r_now(sight: Sight) -> float:
    lived = _lived(sight)
    return _gain(sight, lived[-1].close) if lived else NAN


def _best_r(sight: Sight) -> float:
    lived = _lived(sight)
    return max(0.0, *(_favourable(sight, bar) for bar in lived)) if lived else NAN


def _worst_r(sight: Sight) -> float:
    lived = _lived(sight)
    return max(0.0, *(_adverse(sight, bar) for bar in lived)) if lived else NAN


def _given_back(sight: Sight) -> float:
    best = _best_r(sight)
    return ratio(best - _r_now(sight), best)


def _minutes_since(sight: Sight, moment: datetime) -> float:
    # Where the entry's own session is unknown, so is the time since.
    if not sight.sessions or moment < sight.sessions[0].opens_at:
        return NAN
    return session_minutes(moment, sight.at, sessions=sight.sessions)


def _age(sight: Sight) -> float:
    return _minutes_since(sight, sight.signal.at)


def _since_best(sight: Sight) -> float:
    lived = _lived(sight)
    if not lived:
        return NAN
    best = max(lived, key=lambda bar: (_favourable(sight, bar), bar.at))
    return _minutes_since(sight, best.at + MINUTE)


def _to_stop(sight: Sight) -> float:
    lived = _lived(sight)
    if not lived or sight.held is None or sight.held.stop is None:
        return NAN
    return ratio(sight.side * (lived[-1].close - sight.held.stop), risk(sight))


def _to_target(sight: Sight) -> float:
    return ratio(reward(sight), risk(sight)) - _r_now(sight)


HOLDING: Final = (
    Feature(
        name="r_now",
        kind="open",
        unit="R",
        low=-20.0,
        high=50.0,
        needs=LIFE,
        meaning="Result at the last close, before costs.",
        read=_r_now,
    ),
    Feature(
        name="mfe_r",
        kind="open",
        unit="R",
        low=0.0,
        high=50.0,
        needs=LIFE,
        meaning="Best result that a bar since the entry reached, 0 or more.",
        source=SWEENEY,
        read=_best_r,
    ),
    Feature(
        name="mae_r",
        kind="open",
        unit="R",
        low=0.0,
        high=20.0,
        needs=LIFE,
        meaning="Worst result that a bar since the entry reached, as a loss, 0 or more.",
        source=SWEENEY,
        read=_worst_r,
    ),
    Feature(
        name="given_back",
        kind="open",
        unit="share",
        low=0.0,
        high=10.0,
        needs=LIFE,
        meaning="Share of the best result that is gone; missing while there was none.",
        read=_given_back,
    ),
    Feature(
        name="age_minutes",
        kind="open",
        unit="minutes",
        low=0.0,
        high=100_000.0,
        needs=("signal", "sessions"),
        meaning="Minutes of session since the entry.",
        read=_age,
    ),
    Feature(
        name="minutes_since_best",
        kind="open",
        unit="minutes",
        low=0.0,
        high=100_000.0,
        needs=LIFE,
        meaning="Minutes of session since the end of the bar with the best result, the last one "
        "of equals.",
        read=_since_best,
    ),
    Feature(
        name="stop_distance_r",
        kind="open",
        unit="R",
        low=-20.0,
        high=50.0,
        needs=(*LIFE, "held_stop"),
        meaning="Distance from the last close to the stop that rests; negative beyond it.",
        read=_to_stop,
    ),
    Feature(
        name="target_distance_r",
        kind="open",
        unit="R",
        low=-50.0,
        high=70.0,
        needs=(*LIFE, "target"),
        meaning="Distance from the last close to the target; negative beyond it.",
        read=_to_target,
    ),
)
