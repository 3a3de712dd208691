"""The whole job on simulated journals: each verdict is reached, with its numbers."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from stopward.errors import InvalidInput
from stopward.training.dataset import Dataset
from stopward.training.export import SCHEMA_KEY, served, session
from stopward.training.gates import Gate
from stopward.training.manifest import GOLDEN
from stopward.training.parity import MOST_DIFFERENCE
from stopward.training.train import Trained, train
from stopward.training.verdict import NotEnoughTrades, verdict_of
from tests.builders.simulated_trades import some_trades

CREATED = datetime(2026, 11, 30, 12, tzinfo=UTC)
EDGE = some_trades(300, oracle_auc=0.8, seed=1, features=5)
NO_EDGE = some_trades(300, seed=1, features=5)


def run(trades: Dataset, **changed: Any) -> Trained | NotEnoughTrades:
    """Train with what is small and quick."""
    given = {"created_at": CREATED, "salt": "pepper", "folds": 4, "draws": 200}
    return train(trades, **{**given, **changed})


@cache
def published() -> Trained:
    """Return the model of the journal with an edge."""
    found = run(EDGE)
    assert isinstance(found, Trained)
    return found


def test_an_edge_is_published_with_every_gate_passed() -> None:
    found = published()
    assert found.verdict == "published"
    assert found.manifest["verdict"] == "published"
    assert [gate["passed"] for gate in found.manifest["gates"]] == [True] * 7
    assert found.evidence.metrics.auc.value > 0.65
    assert found.manifest["metrics"]["gain"]["value"] > 0.0


def test_no_edge_is_refused_and_the_numbers_are_there() -> None:
    found = run(NO_EDGE)
    assert isinstance(found, Trained)
    assert found.verdict == "no_model_beats_base_rate"
    gates = {gate["name"]: gate for gate in found.manifest["gates"]}
    assert gates["auc_low"]["passed"] is False
    assert gates["auc_low"]["figure"] <= 0.5
    assert gates["permuted_is_refused"]["passed"] is None
    assert gates["permuted_is_refused"]["figure"] is None
    assert gates["parity"]["passed"] is True


def test_a_feature_that_knows_the_outcome_is_suspected_until_it_is_allowed() -> None:
    x = EDGE.x.copy()
    x[:, 4] = EDGE.net_r + np.random.default_rng(0).normal(0.0, 0.5, len(EDGE))
    leaking = replace(EDGE, x=x)
    found = run(leaking)
    assert isinstance(found, Trained)
    assert found.verdict == "leak_suspected"
    assert "feature_4" in next(
        gate["says"] for gate in found.manifest["gates"] if gate["name"] == "single_feature_auc"
    )
    allowed = run(leaking, allowed=("feature_4",))
    assert isinstance(allowed, Trained)
    assert allowed.verdict == "published"


def test_a_graph_that_says_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from stopward.training import parity

    honest = parity.served
    monkeypatch.setattr(parity, "served", lambda opened, x: honest(opened, x) * 0.999)
    found = run(EDGE)
    assert isinstance(found, Trained)
    assert found.verdict == "parity_failed"
    assert found.manifest["parity"]["worst"] > MOST_DIFFERENCE


@pytest.mark.parametrize(
    ("trades", "says"),
    [
        (some_trades(60, features=5), "missing: 40 trades"),
        (some_trades(150, features=5, win_rate=0.05), "winners"),
        (some_trades(150, features=5, a_day=30, holding_minutes=300), "effective number"),
        (
            replace(NO_EDGE, exit_at=NO_EDGE.entry_at + np.where(np.arange(300) < 150, 10**14, 1)),
            "effective number",
        ),
    ],
)
def test_too_few_trades_are_told_what_is_missing(trades: Dataset, says: str) -> None:
    found = run(trades)
    assert isinstance(found, NotEnoughTrades)
    assert found.verdict == "not_enough_trades"
    assert says in found.says


def test_a_walk_that_has_nothing_to_learn_from_is_not_enough_either() -> None:
    """Enough of all, but nobody won among those that the first fold learns from."""
    lost_first = np.where(np.arange(300) < 95, -1.0, NO_EDGE.net_r)
    found = run(replace(NO_EDGE, net_r=lost_first))
    assert isinstance(found, NotEnoughTrades)
    assert found.minimum.is_reached
    assert found.says.startswith("fold 1 of 4 has 8")


def test_the_same_trades_give_the_same_graph_and_manifest() -> None:
    again = run(EDGE)
    assert isinstance(again, Trained)
    assert again.graph == published().graph
    assert again.manifest == published().manifest


def test_the_manifest_is_json_and_says_what_the_graph_is() -> None:
    told = json.loads(json.dumps(published().manifest, allow_nan=False))
    assert told == published().manifest
    assert told["sha256"] == sha256(published().graph).hexdigest()
    assert told["model_id"] == f"entry-20261130T120000Z-{told['sha256'][:12]}"
    assert told["features"] == list(EDGE.names)
    assert told["trades"] == 300
    assert 0 < told["effective_n"] <= 300
    assert told["trained_from"] < told["trained_to"] < told["expires_at"]
    assert told["candidate"] in told["candidates"]
    assert len(told["chosen_in_folds"]) == 4
    assert told["versions"]["skl2onnx"]
    assert set(told["baseline"]) == set(EDGE.names)
    assert list(told["importances"]) == told["features"]
    assert told["decision"]["taken"] + told["decision"]["vetoed"] == told["metrics"]["tested"]
    assert sum(count for _, _, count in told["calibration_curve"]) == told["metrics"]["tested"]
    opened = session(published().graph)
    assert opened.get_modelmeta().custom_metadata_map[SCHEMA_KEY] == told["schema_hash"]


def test_golden_rows_survive_json_and_are_answered_by_the_graph() -> None:
    told = json.loads(json.dumps(published().manifest))["golden"]
    assert len(told) == GOLDEN
    rows = np.array([one["x"] for one in told], np.float32)
    said = served(session(published().graph), rows)
    assert said.tolist() == [one["probability"] for one in told]
    assert said.tolist() == sorted(said.tolist())
    assert said[-1] - said[0] > 0.2


def gates(*passed: bool | None) -> tuple[Gate, ...]:
    """Return an edge gate, a leak gate and a parity gate."""
    kinds = ("edge", "leak", "parity")
    return tuple(
        Gate(name=kind, kind=kind, passed=one, figure=0.0, bound=0.0, says="")  # type: ignore[arg-type]
        for kind, one in zip(kinds, passed, strict=True)
    )


@pytest.mark.parametrize(
    ("passed", "verdict"),
    [
        ((True, True, True), "published"),
        ((False, True, True), "no_model_beats_base_rate"),
        ((False, None, True), "no_model_beats_base_rate"),
        ((True, False, True), "leak_suspected"),
        ((False, False, False), "leak_suspected"),
        ((True, True, False), "parity_failed"),
        ((False, True, False), "no_model_beats_base_rate"),
    ],
)
def test_one_gate_decides(passed: tuple[bool | None, ...], verdict: str) -> None:
    assert verdict_of(gates(*passed)) == verdict


@pytest.mark.parametrize("passed", [(True, None, True), (True, True, None)])
def test_nothing_is_published_that_a_gate_did_not_see(passed: tuple[bool | None, ...]) -> None:
    with pytest.raises(ValueError, match="were not reached"):
        verdict_of(gates(*passed))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"folds": 3}, "folds was 3; allowed is 4 or more"),
        ({"created_at": CREATED.replace(tzinfo=None)}, "created_at was"),
        ({"life": timedelta(0)}, "life 0:00:00"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        run(EDGE, **changed)


def test_progress_is_told_after_each_fold() -> None:
    told: list[int] = []
    run(NO_EDGE, progress=partial(told.append, 1))
    assert len(told) == 4
