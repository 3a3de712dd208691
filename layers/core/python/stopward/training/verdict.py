"""What training came to: the verdict, and every number behind it."""

from dataclasses import dataclass
from typing import Literal

from stopward.training.candidates import Candidate
from stopward.training.dataset import Dataset
from stopward.training.fit import OutOfFold
from stopward.training.gates import Gate, all_passed
from stopward.training.judging import Metrics
from stopward.training.minimum import Minimum
from stopward.training.threshold import Threshold

Judged = Literal["published", "no_model_beats_base_rate", "leak_suspected", "parity_failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnoughTrades:
    """Nothing was trained; `says` tells what is missing."""

    minimum: Minimum
    says: str
    verdict: Literal["not_enough_trades"] = "not_enough_trades"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What was found about trades before anything is exported.

    gates: all but parity. plain: features of what it is measured against, none for the win rate.
    tried: the candidates. chosen: by the inner walk over all trades, what
    would be published; said: out of fold, by what was chosen in each fold.
    """

    trades: Dataset
    minimum: Minimum
    gates: tuple[Gate, ...]
    metrics: Metrics
    plain: tuple[str, ...]
    threshold: Threshold
    tried: tuple[Candidate, ...]
    said: OutOfFold


def verdict_of(gates: tuple[Gate, ...]) -> Judged:
    """Return what gates say together: a leak is told first, for it makes the other figures void."""
    if any(gate.kind == "leak" and gate.passed is False for gate in gates):
        return "leak_suspected"
    if not all_passed(tuple(gate for gate in gates if gate.kind == "edge")):
        return "no_model_beats_base_rate"
    if any(gate.kind == "parity" and gate.passed is False for gate in gates):
        return "parity_failed"
    if not all_passed(gates):
        missing = ", ".join(gate.name for gate in gates if gate.passed is None)
        raise ValueError(f"gates were not reached: {missing}")
    return "published"
