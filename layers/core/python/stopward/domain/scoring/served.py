"""What a server needs of a model's manifest: read once, refused where it is not as it must be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Final

from stopward.domain.features.vector import Vector
from stopward.domain.model_file import ModelFile
from stopward.domain.scoring.occlusion import Rows, packed
from stopward.errors import ArchiveRejected

MEDIAN: Final = 4
"""Place of the fifth decile among nine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """The facts of a model that is served.

    names: of its features, in order. threshold: it takes above. salt: what arms are drawn with.
    usual: the median of each feature; None where no trade had it. golden: rows that were answered
    when it was published, packed as float32; answers: the probability of each.
    """

    model_id: str
    kind: str
    verdict: str
    sha256: str
    schema_hash: str
    names: tuple[str, ...]
    threshold: float
    salt: str
    expires_at: datetime
    usual: tuple[float | None, ...]
    golden: Rows
    answers: tuple[float, ...]


def served_model(model: ModelFile) -> ServedModel:
    """Return the facts of a model. Raises ArchiveRejected naming what its manifest lacks."""
    told = model.manifest
    try:
        names = tuple(str(name) for name in told["features"])
        golden: list[Vector] = [tuple(row["x"]) for row in told["golden"]]
        found = ServedModel(
            model_id=model.model_id,
            kind=str(told["kind"]),
            verdict=str(told["verdict"]),
            sha256=str(told["sha256"]),
            schema_hash=str(told["schema_hash"]),
            names=names,
            threshold=float(told["threshold"]["probability"]),
            salt=str(told["salt"]),
            expires_at=datetime.fromisoformat(told["expires_at"]),
            usual=tuple(_median(told["baseline"][name]) for name in names),
            golden=packed([_numbers(row) for row in golden]),
            answers=tuple(float(row["probability"]) for row in told["golden"]),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ArchiveRejected(f"manifest of {model.model_id}: cannot be read: {what}") from error
    _check(found, golden)
    return found


def _check(found: ServedModel, golden: list[Vector]) -> None:
    wrong = {
        "it names no features, or one twice": len(set(found.names)) != len(found.names)
        or not found.names,
        "it has no golden rows": not golden,
        "a golden row has another length": any(len(row) != len(found.names) for row in golden),
        "its threshold is no probability": not 0.0 <= found.threshold <= 1.0,
        "its expiry has no time zone": found.expires_at.tzinfo is None,
        "it has no salt": not found.salt,
    }
    for words, is_so in wrong.items():
        if is_so:
            raise ArchiveRejected(f"manifest of {found.model_id}: {words}")


def _median(baseline: Mapping[str, Any]) -> float | None:
    deciles = baseline["deciles"]
    return float(deciles[MEDIAN]) if deciles else None


def _numbers(row: Vector) -> Vector:
    """Return a row whose numbers are finite. Raises ValueError for what is none."""
    for each in row:
        if each is not None and not isfinite(each):
            raise ValueError(f"a golden row holds {each}")
    return row
