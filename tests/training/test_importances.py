"""What features tell, and what a threshold would have brought: as scikit-learn and counting say."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.inspection import permutation_importance

from stopward.training import importances as module
from stopward.training.bootstrap import Estimate
from stopward.training.candidates import candidates
from stopward.training.fit import OutOfFold, Unfittable, out_of_fold
from stopward.training.importances import importances
from stopward.training.judging import decision
from stopward.training.manifest import baseline
from stopward.training.threads import one_thread
from tests.builders.simulated_trades import some_trades

EDGE = some_trades(300, oracle_auc=0.8, seed=1, features=6)
"""The first four features share the edge, two are noise."""


@cache
def walked() -> OutOfFold:
    found = out_of_fold(EDGE, candidates(EDGE)[2:4], folds=4)
    assert not isinstance(found, Unfittable)
    return found


@cache
def told() -> dict[str, Estimate]:
    return importances(EDGE, walked(), draws=300)


def test_what_shares_the_edge_tells_and_noise_does_not() -> None:
    assert list(told()) == list(EDGE.names)
    known, noise = list(told().values())[:4], list(told().values())[4:]
    assert min(each.value for each in known) > max(each.value for each in noise)
    assert all(each.low <= each.value <= each.high for each in told().values())
    assert sum(each.low > 0.0 for each in known) >= 3
    assert all(each.low < 0.003 for each in noise)


def test_they_are_scikit_learns_but_for_the_shuffles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPEATS", 60)
    said, theirs = walked(), np.zeros(6)
    with one_thread():
        for fold, model in enumerate(said.models):
            own = said.rows[said.fold == fold]
            found = permutation_importance(
                model, EDGE.x[own], EDGE.won[own],
                scoring="neg_log_loss", n_repeats=12, random_state=3,
            )  # fmt: skip
            theirs += found.importances_mean * len(own) / len(said.rows)
    ours = [each.value for each in importances(EDGE, said, draws=10).values()]
    assert ours == pytest.approx(theirs, abs=0.006)


def test_rows_that_are_asked_in_parts_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 1)
    again = importances(EDGE, walked(), draws=300)
    assert {name: each.value for name, each in again.items()} == pytest.approx(
        {name: each.value for name, each in told().items()},
        # Sums of another order, of which a small one is the difference of two large ones.
        abs=1e-9,
    )


def test_of_a_long_fold_some_rows_at_even_steps_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 20)
    some = importances(EDGE, walked(), draws=50)
    assert list(some) == list(EDGE.names)
    assert some != told()


def test_a_feature_that_no_model_reads_tells_exactly_nothing() -> None:
    only = candidates(EDGE, registered=("feature_0", "feature_1"))[:1]
    said = out_of_fold(EDGE, only, folds=4)
    assert not isinstance(said, Unfittable)
    found = importances(EDGE, said, draws=50)
    nothing = Estimate(value=0.0, low=0.0, high=0.0)
    assert [name for name, each in found.items() if each == nothing] == list(EDGE.names[2:])


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_a_threshold_is_worth_what_its_trades_brought(threshold: float) -> None:
    said = walked()
    net_r = EDGE.net_r[said.rows]
    taken = said.probability > threshold
    found = decision(EDGE, said, threshold=threshold, draws=200)
    assert (found.taken, found.vetoed) == (taken.sum(), (~taken).sum())
    assert found.mean_r.value == pytest.approx(net_r.mean())
    assert found.paired_r.value == pytest.approx(np.where(taken, 0.0, -net_r).mean())
    for side, value in ((taken, found.mean_r_taken.value), (~taken, found.mean_r_vetoed.value)):
        assert value == pytest.approx(net_r[side].mean() if side.any() else np.nan, nan_ok=True)


def test_vetoes_of_a_model_with_an_edge_would_have_helped() -> None:
    found = decision(EDGE, walked(), threshold=0.45)
    assert found.mean_r_taken.value > found.mean_r.value > found.mean_r_vetoed.value
    assert found.paired_r.low > 0.0


def test_shares_are_what_lies_between_the_deciles_ties_included() -> None:
    column = np.array([0.0] * 35 + [1.0] * 65 + [np.nan] * 25, np.float32)
    x = np.column_stack((column, np.full(125, np.nan, np.float32)))
    trades = some_trades(125, features=2)
    ties, never = baseline(replace(trades, x=x)).values()
    assert ties["missing"] == pytest.approx(0.2)
    below = sum(share for edge, share in zip(ties["deciles"], ties["shares"], strict=False)
                if edge < 1.0)  # fmt: skip
    assert (below, sum(ties["shares"])) == (pytest.approx(0.35), pytest.approx(1.0))
    assert len(ties["shares"]) == len(ties["deciles"]) + 1
    assert never == {"missing": 1.0, "deciles": [], "shares": []}
