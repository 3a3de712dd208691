"""How far winning trades went against us, measured from closed trades. Pure.

Source: John Sweeney, "Maximum Adverse Excursion", 1997.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor, isfinite, isnan
from typing import Final

from stopward.domain.money import sign
from stopward.domain.position import Position
from stopward.rules.parameters import AdverseExcursion

COUNTED: Final = 500
"""Winning trades that are measured: the last ones of the account, by the time of their close."""
SHARE: Final = 0.8
"""Part of the winners that stayed within the measured excursion: its percentile."""
LEAST_R: Final = 0.05
"""Smallest limit, typed or measured: nearer to the entry the spread alone would cut a trade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursions:
    """What an account's last winning trades tell.

    winners: how many there are, at most COUNTED.
    mae_r: the percentile SHARE of their adverse excursions, in R; None without winners.
    """

    winners: int = 0
    mae_r: float | None = None


def excursions_of(position: Position, exits: Sequence[Decimal]) -> tuple[float, float]:
    """Return a position's adverse and favourable excursion in R, both 0 or more.

    From the closed bars since the entry and the prices of its exits, against the average entry.
    """
    entry, risk = float(position.average_entry), float(position.risk)
    seen = (position.marks.best, position.marks.worst, *(float(price) for price in exits))
    gains = [sign(position.side) * (price - entry) / risk for price in seen if isfinite(price)]
    return max((0.0, *(-gain for gain in gains))), max((0.0, *gains))


def measure(winners: Sequence[float]) -> Excursions:
    """Return what winners' adverse excursions (R, any order, at most COUNTED) tell.

    The percentile lies between two trades as `percentile_cont` of Postgres puts it.
    """
    if not winners:
        return Excursions()
    ranked = sorted(winners)
    place = SHARE * (len(ranked) - 1)
    low, high = ranked[floor(place)], ranked[ceil(place)]
    return Excursions(winners=len(ranked), mae_r=low + (place - floor(place)) * (high - low))


def adverse_excursion(*, limit_r: float, needed: float) -> AdverseExcursion:
    """Return the parameters that a file sets; nan is "measured", and quiet until it is.

    A typed limit stands on no trades and needs none: it simply holds.
    """
    return AdverseExcursion(limit_r=limit_r, winners=0.0, needed=needed if isnan(limit_r) else 0.0)
