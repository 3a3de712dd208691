"""Gates before publication: each with the figure it was decided by, the bound, and a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from stopward.training.judging import Metrics

Kind = Literal["edge", "leak", "parity"]
AUC_BOUND: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate. passed: None where it was not reached. figure: nan where there is none.

    bound: what the figure is compared with; `says` tells how.
    """

    name: str
    kind: Kind
    passed: bool | None
    figure: float
    bound: float
    says: str


def edge_gates(found: Metrics, *, plain: Sequence[str] = ()) -> tuple[Gate, ...]:
    """Return the three gates that a model beats the base rate by, out of fold; all must hold.

    plain: features of the model that it must beat instead. Since those give it an area of its own,
    its log loss must then be lower by more than chance.
    """
    base = f"a model of {', '.join(plain)} alone" if plain else "the base rate"
    gain = found.gain.low if plain else found.gain.value
    least = f"; 5 % bound of what it saves {found.gain.low:+.4f}, must be over 0"
    return (
        Gate(
            name="log_loss_gain",
            kind="edge",
            passed=min(gain, found.gain.value) > 0.0,
            figure=gain,
            bound=0.0,
            says=f"log loss {found.log_loss:.4f}, of {base} {found.base_log_loss:.4f}"
            f"{least if plain else '; must be lower'}",
        ),
        Gate(
            name="brier_skill",
            kind="edge",
            passed=found.brier_skill.value > 0.0,
            figure=found.brier_skill.value,
            bound=0.0,
            says=f"Brier score {found.brier:.4f}, of {base} {found.base_brier:.4f}; must be lower",
        ),
        Gate(
            name="auc_low",
            kind="edge",
            passed=found.auc.low > AUC_BOUND,
            figure=found.auc.low,
            bound=AUC_BOUND,
            says=f"AUC {found.auc.value:.3f}, 5 % bound {found.auc.low:.3f}; the bound must be "
            f"over {AUC_BOUND}",
        ),
    )


def all_passed(gates: tuple[Gate, ...]) -> bool:
    """Whether every gate was reached and held."""
    return all(gate.passed is True for gate in gates)
