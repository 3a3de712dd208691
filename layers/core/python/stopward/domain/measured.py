"""Parameters that no rules file holds: put into the rules at a tick, and kept with the decision.

They are the limit of the adverse-excursion cut in R with the winners behind it, where the rules ask
for a measured one, and after these the score of the position, where a rule goes by one. A rule that
asks for nothing adds nothing; before a score what does not apply is nan. A journal has rows of both
lengths, 2 and 3, and empty ones.
"""

from collections.abc import Sequence
from math import isnan

from stopward.domain.excursions import LEAST_R, Excursions
from stopward.errors import InvalidState
from stopward.rules.parameters import Rules
from stopward.rules.types import NAN

UNKNOWN = (NAN, NAN)


def measured_for(rules: Rules, excursions: Excursions, score: float = NAN) -> tuple[float, ...]:
    """Return what the rules ask for: (), (limit in R, winners) or (limit in R, winners, score).

    The limit is nan without winners, and never under LEAST_R. score: nan without a fresh one.
    """
    params = rules.adverse_excursion
    limit: tuple[float, ...] = ()
    if params is not None and isnan(params.limit_r):
        mae_r = excursions.mae_r
        limit = (NAN if mae_r is None else max(mae_r, LEAST_R), float(excursions.winners))
    return limit if rules.model_tighten is None else (*(limit or UNKNOWN), score)


def with_measured(rules: Rules, measured: Sequence[float]) -> Rules:
    """Return a file's rules with what was measured; of a decision, `DecisionRow.measured`.

    Raises InvalidState for so many numbers as no program ever kept.
    """
    match measured:
        case ():
            return rules
        case (limit_r, winners):
            return _with_limit(rules, limit_r, winners)
        case (limit_r, winners, score):
            return _with_score(_with_limit(rules, limit_r, winners), score)
        case _:
            raise InvalidState(f"{len(measured)} numbers were measured; known are 0, 2 and 3")


def measured_in(rules: Rules) -> tuple[float, ...]:
    """Return what `with_measured` put into the rules; nothing when nothing was asked for."""
    adverse, model = rules.adverse_excursion, rules.model_tighten
    limit: tuple[float, ...] = ()
    if adverse is not None and adverse.needed != 0.0:
        limit = (adverse.limit_r, adverse.winners)
    return limit if model is None else (*(limit or UNKNOWN), model.score)


def without_score(rules: Rules) -> Rules:
    """Return the rules as bars alone can follow them: what goes by a score is silent."""
    return _with_score(rules, NAN)


def _with_limit(rules: Rules, limit_r: float, winners: float) -> Rules:
    params = rules.adverse_excursion
    if params is None or params.needed == 0.0:
        return rules
    return rules._replace(adverse_excursion=params._replace(limit_r=limit_r, winners=winners))


def _with_score(rules: Rules, score: float) -> Rules:
    params = rules.model_tighten
    if params is None:
        return rules
    return rules._replace(model_tighten=params._replace(score=score))
