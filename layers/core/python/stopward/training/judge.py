"""Judging trades: is there an edge that a model finds out of fold, and is it no leak?"""

from collections.abc import Callable, Collection, Sequence
from math import nan

from stopward.domain.features.row import Kind
from stopward.errors import InvalidInput
from stopward.training.bootstrap import DRAWS
from stopward.training.candidates import candidates, plain_candidates
from stopward.training.dataset import Dataset
from stopward.training.fit import LEAST_TO_FIT, Unfittable, out_of_fold
from stopward.training.gates import Gate, all_passed, edge_gates
from stopward.training.judging import metrics
from stopward.training.kinds import allowed_of, plain_of, registered_of
from stopward.training.leaks import feature_gate, permuted_gate, planted_gate
from stopward.training.minimum import minimum
from stopward.training.splits import FOLDS
from stopward.training.threshold import threshold
from stopward.training.verdict import Evidence, NotEnoughTrades

LEAST_FOLDS = 4


def judge(
    trades: Dataset,
    *,
    kind: Kind = "entry",
    registered: Sequence[str] = (),
    allowed: Collection[str] = (),
    cost_r: float = 0.0,
    folds: int = FOLDS,
    draws: int = DRAWS,
    progress: Callable[[], None] = lambda: None,
) -> Evidence | NotEnoughTrades:
    """Walk the trades and let the gates decide; `progress` is called after each outer fold.

    kind: of the model, which has features of its own for the next two, and what it is measured
    against. registered: features named before anybody looked, for few trades. allowed: features
    that may tell the outcome alone. cost_r: what a trade must bring more than it costs. Raises
    InvalidInput for unknown names, and for fewer than LEAST_FOLDS folds.
    """
    if folds < LEAST_FOLDS:
        raise InvalidInput(f"folds was {folds}; allowed is {LEAST_FOLDS} or more")
    reached = minimum(trades)
    if not reached.is_reached:
        return NotEnoughTrades(minimum=reached, says=reached.sentence())
    names = trades.names
    tried = candidates(trades, registered=registered_of(kind, names, registered))
    known = plain_of(kind, names)
    plain = plain_candidates(trades, known)
    leaks = (
        feature_gate(trades, allowed=allowed_of(kind, names, allowed)),
        planted_gate(trades),
    )
    said = out_of_fold(trades, tried, folds=folds, plain=plain, progress=progress)
    if isinstance(said, Unfittable):
        return NotEnoughTrades(
            minimum=reached,
            says=f"fold {said.fold} of {folds} has {said.trades} trades to learn from, which ended "
            f"before its embargo; needed are {LEAST_TO_FIT}, with two winners and two losers",
        )
    found = metrics(trades, said, draws=draws)
    edge = edge_gates(found, plain=known)
    reaches = all_passed((*edge, *leaks))
    permuted = (
        permuted_gate(trades, tried, folds=folds, plain=plain, draws=draws)
        if reaches
        else _NOT_REACHED
    )
    return Evidence(
        trades=trades,
        minimum=reached,
        gates=(*edge, *leaks, permuted),
        metrics=found,
        plain=known,
        threshold=threshold(trades.net_r, cost_r=cost_r),
        tried=tried,
        said=said,
    )


_NOT_REACHED = Gate(
    name="permuted_is_refused",
    kind="leak",
    passed=None,
    figure=nan,
    bound=nan,
    says="not run: another gate refused already",
)
