"""What `stopward model predict` does: open a model as the server does, score, and tell."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from stopward.adapters.archive_location import archive_at
from stopward.adapters.onnx import open_onnx
from stopward.domain.identity import AccountId
from stopward.domain.model_file import ModelFile
from stopward.domain.scoring.served import served_model
from stopward.errors import ArchiveRejected, InvalidInput
from stopward.local.model.vector_file import read_options, read_vectors
from stopward.services.champions import Opened, golden_difference
from stopward.services.model_book import ModelBook
from stopward.services.model_files import ModelFiles
from stopward.services.scoring import Said, said_of

AT_ONCE = 1_000
"""Vectors of one batch: each is scored once more for each of its features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a model said of vectors, in their order. notes: what its reader should know of it."""

    opened: Opened
    said: tuple[Said, ...]
    notes: tuple[str, ...]

    def text(self) -> str:
        """Return a table, a line a vector."""
        facts = self.opened.facts
        lines = [f"{facts.model_id}: takes above {facts.threshold:.4f}"]
        lines += [f"note: {each}" for each in self.notes]
        lines.append(f"{'row':>5}  {'probability':>11}  {'decision':<8}  moved most")
        lines += [
            f"{number:>5}  {each.probability:>11.4f}  {self._decision(each):<8}  "
            + ", ".join(f"{moved.feature} {moved.effect:+.4f}" for moved in each.moved)
            for number, each in enumerate(self.said, start=1)
        ]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def as_json(self) -> str:
        """Return one document."""
        facts = self.opened.facts
        told: dict[str, Any] = {
            "model_id": facts.model_id,
            "verdict": facts.verdict,
            "schema_hash": facts.schema_hash,
            "threshold": facts.threshold,
            "expires_at": facts.expires_at.isoformat(),
            "notes": list(self.notes),
            "scores": [
                {
                    "row": number,
                    "probability": each.probability,
                    "decision": self._decision(each),
                    "moved": [asdict(moved) for moved in each.moved],
                }
                for number, each in enumerate(self.said, start=1)
            ],
        }
        return json.dumps(told, allow_nan=False, indent=1)

    def _decision(self, said: Said) -> str:
        return "take" if said.probability > self.opened.facts.threshold else "veto"


def model_at(place: str) -> ModelFile:
    """Return the model of a folder, of s3://bucket/prefix, or beside a file model.onnx.

    Raises ArchiveRejected where it is not whole, InvalidInput for a place of neither kind.
    """
    return ModelFiles(archive_at(place.removesuffix("model.onnx") or ".")).read_there()


def champion_of(book: ModelBook, account_id: AccountId, *, archive: str) -> ModelFile:
    """Return the model that an account asks for its signals, from its archive.

    Raises InvalidInput when it has none, and what database and archive raise.
    """
    for role in book.current(account_id):
        if (role.kind, role.alias) == ("entry", "champion"):
            files = ModelFiles(archive_at(archive))
            found = files.read(role.model_id, schema_hash=role.schema_hash)
            if found.manifest.get("sha256") != role.sha256:
                raise ArchiveRejected(
                    f"{role.model_id} in {archive} is another one than registered"
                )
            return found
    raise InvalidInput(f"account {account_id} has no champion; say --model to ask one all the same")


def score(model: ModelFile, *, file: Path | None, options: Sequence[str], now: datetime) -> Scores:
    """Score the vectors of a file, or the one of the options, in the way the server does.

    Raises InvalidInput for vectors that cannot be used, and ArchiveRejected for a model that
    cannot, or does not answer as it did when it was published.
    """
    opened = Opened(facts=served_model(model), scorer=open_onnx(model))
    wrong = golden_difference(opened)
    if wrong is not None:
        raise ArchiveRejected(wrong)
    facts = opened.facts
    vectors = read_options(options, facts) if file is None else read_vectors(file, facts)
    said = [
        each
        for first in range(0, len(vectors), AT_ONCE)
        for each in said_of(opened, vectors[first : first + AT_ONCE])
    ]
    odd = [number for number, each in enumerate(said, start=1) if not each.is_probability]
    if odd:
        raise ArchiveRejected(f"{facts.model_id} said no probability of row {odd[0]}")
    notes = []
    if facts.verdict != "published":
        notes.append(f"its verdict is {facts.verdict}: only a published model may be asked")
    if facts.expires_at <= now:
        notes.append(f"it expired {_days(now - facts.expires_at)} ago and is not asked any more")
    return Scores(opened=opened, said=tuple(said), notes=tuple(notes))


def _days(length: timedelta) -> str:
    return f"{length.days} day{'' if length.days == 1 else 's'}"
