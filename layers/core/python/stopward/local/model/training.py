"""What `stopward model train` does: read, train, store, and tell each gate's figure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from stopward.adapters.archive_location import archive_at
from stopward.domain.features.row import Kind
from stopward.domain.model_file import ModelFile
from stopward.local.exit_code import ExitCode
from stopward.local.model.kind_words import KINDS
from stopward.local.model.trade_file import read_trades
from stopward.services.model_files import ModelFiles
from stopward.training.splits import FOLDS
from stopward.training.train import train
from stopward.training.verdict import NotEnoughTrades

__all__ = ["FOLDS", "as_json", "train_file"]

CODES = {
    "leak_suspected": ExitCode.CONFIGURATION,
    "parity_failed": ExitCode.DEFECT,
    "failed": ExitCode.DEFECT,
}
"""Verdicts that tell of something wrong: in the trades, or in what is ours. A refusal is none."""
MARKS = {True: "passed", False: "refused", None: "not run"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a run came to, as the command prints it, and how it ends."""

    text: str
    document: dict[str, Any]
    code: ExitCode


def train_file(
    path: Path,
    *,
    to: str,
    kind: Kind,
    now: datetime,
    salt: str,
    registered: Sequence[str],
    allowed: Sequence[str],
    cost_r: float,
    progress: Callable[[], None],
) -> Told:
    """Train on a file's trades; the graph and its manifest are stored at `to`, refused ones too.

    Raises InvalidInput for what is wrong in the file, and what the archive raises.
    """
    trades = read_trades(path)
    archive = archive_at(to)
    found = train(
        trades,
        created_at=now,
        salt=salt,
        kind=kind,
        registered=registered,
        allowed=allowed,
        cost_r=cost_r,
        progress=progress,
    )
    if isinstance(found, NotEnoughTrades):
        return Told(
            text=f"{found.verdict}\n  {found.says}\n",
            document={
                "verdict": found.verdict,
                "says": found.says,
                "minimum": asdict(found.minimum),
            },
            code=ExitCode.OK,
        )
    where = ModelFiles(archive).put(ModelFile(graph=found.graph, manifest=found.manifest))
    return Told(
        text=judged_text(found.manifest, where),
        document={"location": where, **found.manifest},
        code=CODES.get(found.verdict, ExitCode.OK),
    )


def as_json(told: Told) -> str:
    """Return the document of a run."""
    return json.dumps(told.document, allow_nan=False, indent=1)


def judged_text(told: Mapping[str, Any], where: str) -> str:
    """Return a manifest as a person reads it: verdict, each gate with its figure, where it lies."""
    limit = told["threshold"]
    width = max(len(gate["name"]) for gate in told["gates"])
    lines = [
        str(told["verdict"]),
        f"  {told['trades']} trades, effective number {told['effective_n']:.1f}, "
        f"{told['metrics']['tested']} tested out of fold; chosen: {told['candidate']}",
        *(
            f"  {gate['name']:<{width}}  {MARKS[gate['passed']]:<8} {gate['says']}"
            for gate in told["gates"]
        ),
        f"  {KINDS[told['kind']].above} {limit['probability']:.3f}: "
        f"mean win {limit['mean_win_r']:.2f} R, mean loss {limit['mean_loss_r']:.2f} R",
        f"  {where}",
    ]
    return "\n".join(lines) + "\n"
