"""A row of the registry: one feature, what it means, and how it is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from stopward.domain.features.inputs import INPUTS
from stopward.domain.features.sight import Sight

Kind = Literal["entry", "open"]
Null = Literal["missing", "never"]
"""missing: None in the row where an input is missing. never: always known."""
Mirror = Literal["same", "opposite", "none"]
"""Of a short in the mirrored market against the long: the same number, the opposite, or neither."""
DTYPE: Final = "float32"
VOCABULARY: Final[Mapping[str, Mapping[str, float]]] = {
    "side": {"short": -1.0, "long": 1.0},
    "weekday": {
        "Monday": 0.0, "Tuesday": 1.0, "Wednesday": 2.0, "Thursday": 3.0, "Friday": 4.0,
        "Saturday": 5.0, "Sunday": 6.0,
    },
}  # fmt: skip
"""The numbers of what is no number, by feature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One number of a vector.

    low, high: what lies outside is clipped to them; both are float32. needs: names of INPUTS; where
    one is missing, so is the feature. version: rises when the number can change. read: returns the
    number, nan where it is missing.
    """

    name: str
    kind: Kind = "entry"
    unit: str
    low: float
    high: float
    needs: tuple[str, ...]
    mirror: Mirror = "same"
    null: Null = "missing"
    version: int = 1
    meaning: str
    source: str = "-"
    read: Callable[[Sight], float]

    @property
    def lag_seconds(self) -> float:
        """Return after how many seconds all that it needs is known."""
        return max(INPUTS[name].lag_seconds for name in self.needs)
