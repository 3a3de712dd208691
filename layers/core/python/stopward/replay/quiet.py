"""Every rule as if it were on, with parameters that never act: one set of types for all rules."""

from typing import Final

from stopward.rules.parameters import (
    PRICE,
    AdverseExcursion,
    AgedTarget,
    AverageTrail,
    BarTrail,
    Breakeven,
    Chandelier,
    Distance,
    FollowTargets,
    GiveBack,
    Momentum,
    Partial,
    PercentTrail,
    Ratchet,
    Rules,
    SessionFlat,
    Target,
    TimeStop,
    Volume,
)
from stopward.rules.types import NAN

NOWHERE: Final = Distance(NAN, PRICE)
"""A distance that no profit reaches."""
QUIET: Final = Rules(
    session_flat=SessionFlat(NAN),
    adverse_excursion=AdverseExcursion(NAN, NAN, NAN),
    give_back=GiveBack(NAN, NAN, NAN, NAN),
    time_stop=TimeStop(NAN, NAN),
    momentum=Momentum(NAN, NAN),
    volume=Volume(NAN, NAN),
    target=Target(NOWHERE, 0.0),
    aged_target=AgedTarget(NAN, NAN, NAN, NAN, NAN),
    partial=Partial(NOWHERE, NAN, NOWHERE, NAN, NOWHERE, NAN),
    breakeven=Breakeven(NOWHERE, NOWHERE),
    ratchet=Ratchet(NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN),
    chandelier=Chandelier(NOWHERE, NOWHERE, NAN),
    percent_trail=PercentTrail(NOWHERE, NOWHERE, NOWHERE, NOWHERE),
    bar_trail=BarTrail(NOWHERE, NOWHERE, NAN),
    average_trail=AverageTrail(NOWHERE, NOWHERE),
    follow_targets=FollowTargets(NOWHERE, NOWHERE, NOWHERE),
)
"""The limits of the day are left off: they act by what an account says, whatever their numbers."""


def all_on(rules: Rules) -> Rules:
    """Return rules that decide the same, with each rule that is off on and quiet.

    Machine code is made for a set of rules that are on; such rules all share one, which is slower
    than one that knows what is off. The limits of the day stay as they are.
    """
    return Rules._make(
        quiet if own is None else own for own, quiet in zip(rules, QUIET, strict=True)
    )
