"""The training job: closed trades to a verdict, a graph and its manifest."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from stopward.domain.features.row import Kind
from stopward.errors import InvalidInput
from stopward.training import parity
from stopward.training.bootstrap import DRAWS
from stopward.training.dataset import Dataset
from stopward.training.export import exported
from stopward.training.fit import fitted, select
from stopward.training.judge import judge
from stopward.training.manifest import manifest
from stopward.training.splits import FOLDS
from stopward.training.verdict import Evidence, Judged, NotEnoughTrades, verdict_of

LIFE: Final = timedelta(days=90)
"""After so long a model is not asked any more. [judgement]"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """A model and its verdict; only one that is published may be asked.

    graph: the ONNX file. manifest: a plain mapping, fit for JSON.
    """

    verdict: Judged
    evidence: Evidence
    graph: bytes
    manifest: dict[str, Any]


def train(
    trades: Dataset,
    *,
    created_at: datetime,
    salt: str,
    kind: Kind = "entry",
    life: timedelta = LIFE,
    registered: Sequence[str] = (),
    allowed: Collection[str] = (),
    cost_r: float = 0.0,
    folds: int = FOLDS,
    draws: int = DRAWS,
    progress: Callable[[], None] = lambda: None,
) -> Trained | NotEnoughTrades:
    """Judge the trades, fit what the inner walk chooses on all of them, export and compare it.

    Refused models are exported too, so that what was refused can be looked at. The same trades and
    arguments give the same bytes. salt: what the arms of a later pilot are drawn with. For the
    other arguments and errors see `judge`; a time without offset and a life of 0 and less are
    refused as well.
    """
    if created_at.tzinfo is None or life <= timedelta(0):
        raise InvalidInput(f"created_at was {created_at}, life {life}; allowed: aware, over 0")
    evidence = judge(
        trades,
        kind=kind,
        registered=registered,
        allowed=allowed,
        cost_r=cost_r,
        folds=folds,
        draws=draws,
        progress=progress,
    )
    if isinstance(evidence, NotEnoughTrades):
        return evidence
    candidate = select(trades, evidence.tried)
    model = fitted(candidate, trades)
    graph = exported(model, names=trades.names, schema_hash=trades.schema_hash)
    rows, said, answered = parity.compared(model, graph, trades.x)
    threshold = parity.clear_of(evidence.threshold.probability, said, answered)
    found = parity.parity(said, answered, threshold=threshold)
    gates = (*evidence.gates, parity.gate(found))
    verdict = verdict_of(gates)
    return Trained(
        verdict=verdict,
        evidence=evidence,
        graph=graph,
        manifest=manifest(
            evidence,
            verdict=verdict,
            graph=graph,
            candidate=candidate.name,
            gates=gates,
            threshold=threshold,
            found=found,
            rows=rows,
            answered=answered,
            kind=kind,
            salt=salt,
            created_at=created_at,
            expires_at=created_at + life,
            draws=draws,
        ),
    )
