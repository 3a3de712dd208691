"""The port of a model: who opens its file, and what can be asked of it then."""

from collections.abc import Sequence
from typing import Protocol

from stopward.domain.model_file import ModelFile
from stopward.domain.scoring.occlusion import Rows


class Scorer(Protocol):
    """A model that was opened: rows in, the probability of a win out."""

    def probabilities(self, rows: Rows) -> Sequence[float]:
        """Return a probability for each row; what is beside a row may change its last digit.

        rows: float32, row after row in the order of the model's features, nan where missing. Raises
        InvalidState where they are no whole number of rows, or where the model fails at them.
        """


class OpensModels(Protocol):
    """Who opens the file of a model."""

    def __call__(self, model: ModelFile) -> Scorer:
        """Return the opened model.

        Raises ArchiveRejected where its graph cannot be read, or is for other features than its
        manifest says.
        """
