"""Models of open positions: where the price stands tells much, and is neither leak nor edge."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
import pytest

from stopward.domain.features import names
from stopward.domain.features.teaching import AGES
from stopward.errors import InvalidInput
from stopward.training.candidates import MOST_FEATURES, chosen_columns
from stopward.training.dataset import Dataset
from stopward.training.gates import all_passed
from stopward.training.judge import judge
from stopward.training.judging import decision
from stopward.training.kinds import RECIPES, aside_of, plain_of, registered_of
from stopward.training.leaks import MOST_AUC, suspects
from stopward.training.train import Trained, train
from stopward.training.verdict import Evidence
from tests.builders.open_trades import COST_R, open_trades, random_walks
from tests.builders.simulated_trades import some_trades

CREATED = datetime(2026, 11, 30, 12, tzinfo=UTC)
EDGE = open_trades(300, edge=0.35)
NO_EDGE = open_trades(300)
OPEN = RECIPES["open"]


@cache
def trained(trades: Dataset) -> Trained:
    """Train a model of open positions with what is small and quick."""
    found = train(trades, kind="open", created_at=CREATED, salt="pepper", folds=4, draws=200)
    assert isinstance(found, Trained)
    return found


def gates(found: Trained) -> dict[str, dict[str, Any]]:
    return {gate["name"]: gate for gate in found.manifest["gates"]}


def test_who_knows_more_than_where_the_price_stands_is_published() -> None:
    found = trained(EDGE)
    assert found.verdict == "published"
    assert [gate["passed"] for gate in found.manifest["gates"]] == [True] * 7
    assert found.manifest["kind"] == "open"
    assert found.manifest["model_id"].startswith("open-20261130T120000Z-")
    assert found.manifest["features"] == list(names("open"))
    assert found.manifest["plain"] == list(OPEN.plain)


def test_a_price_that_walks_at_random_is_refused_however_much_it_tells() -> None:
    found = trained(NO_EDGE)
    assert found.verdict == "no_model_beats_base_rate"
    assert found.evidence.metrics.auc.low > 0.6
    told = gates(found)
    assert told["log_loss_gain"]["passed"] is False
    assert told["log_loss_gain"]["figure"] == found.evidence.metrics.gain.low
    assert "of a model of r_now, stop_distance_r" in told["log_loss_gain"]["says"]
    assert told["single_feature_auc"]["passed"] is True


def test_against_the_share_that_won_a_random_walk_would_have_been_published() -> None:
    said = judge(NO_EDGE, folds=4, draws=200, allowed=sorted(OPEN.telling))
    assert isinstance(said, Evidence)
    assert all_passed(said.gates)


def test_what_stands_between_stop_and_target_may_tell_much_and_another_may_not() -> None:
    many = open_trades(2_000, edge=0.35)
    over = [one.name for one in suspects(many) if one.auc > MOST_AUC]
    assert over
    assert OPEN.telling.issuperset(over)
    x = NO_EDGE.x.copy()
    x[:, NO_EDGE.names.index("rsi")] = NO_EDGE.net_r
    found = trained(replace(NO_EDGE, x=x))
    assert found.verdict == "leak_suspected"
    assert "rsi" in gates(found)["single_feature_auc"]["says"]


def test_its_own_features_are_those_of_the_registry_and_few() -> None:
    own = set(names("open"))
    assert own.issuperset(OPEN.registered)
    assert own.issuperset(OPEN.telling)
    assert set(OPEN.registered).issuperset(OPEN.plain)
    assert len(OPEN.registered) == len(set(OPEN.registered)) <= MOST_FEATURES
    assert OPEN.aside in own


def test_few_trades_are_limited_to_what_was_named_before() -> None:
    def used(*given: str) -> set[str]:
        columns = chosen_columns(EDGE, registered_of("open", EDGE.names, given))
        return {EDGE.names[place] for place in columns or ()}

    assert used() == set(OPEN.registered)
    assert used("rsi", "r_now") == {"rsi", "r_now"}
    assert registered_of("entry", EDGE.names, ()) == ()
    with pytest.raises(InvalidInput, match="bogus"):
        used("bogus")


def test_trades_that_lack_those_features_are_measured_against_the_share_that_won() -> None:
    other = some_trades(150, features=3)
    assert plain_of("open", other.names) == ()
    assert registered_of("open", other.names, ()) == ()
    said = judge(other, kind="open", folds=4, draws=50)
    assert isinstance(said, Evidence)
    assert "of the base rate" in said.gates[0].says
    assert aside_of("open", other) is None
    assert trained(other).manifest["decision"] is None


def test_who_ends_a_position_has_what_it_stood_at() -> None:
    found = trained(EDGE)
    said, limit = found.evidence.said, found.manifest["threshold"]["probability"]
    ends = said.probability <= limit
    now = EDGE.x[said.rows, EDGE.names.index("r_now")].astype(np.float64)
    changed = np.where(ends, now - EDGE.net_r[said.rows], 0.0)
    told = found.manifest["decision"]
    assert told["vetoed"] == ends.sum()
    assert told["paired_r"]["value"] == pytest.approx(changed.mean())
    assert told["paired_r"]["value"] > COST_R


def test_a_trade_of_which_that_is_unknown_is_left_out_of_it() -> None:
    said = trained(EDGE).evidence.said
    aside = np.full(len(EDGE), 0.25)
    aside[said.rows[:10]] = np.nan
    found = decision(EDGE, said, aside=aside, threshold=0.5, draws=20)
    assert found.taken + found.vetoed == len(said.rows) - 10
    x = EDGE.x.copy()
    x[:, EDGE.names.index("r_now")] = np.nan
    assert trained(replace(EDGE, x=x)).manifest["decision"] is None


LOW, HIGH = -0.5, 0.0
"""Where a position is under water, and a rule may pull its stop in."""


def test_of_what_is_open_at_an_age_as_many_win_as_of_all_minutes_that_are_asked() -> None:
    walks = random_walks(6_000, seed=8)
    asked = [
        won for price, won in walks for place in range(5, len(price) - 1, 5)
        if LOW <= price[place] < HIGH
    ]  # fmt: skip
    ages = np.random.default_rng(9).choice(AGES, len(walks))
    taught = [
        won for (price, won), age in zip(walks, ages, strict=True)
        if age < len(price) - 1 and LOW <= price[age] < HIGH
    ]  # fmt: skip
    lots = np.random.default_rng(10).random(len(walks))
    by_lot = [
        won for (price, won), u in zip(walks, lots, strict=True)
        if len(price) > 2 and LOW <= price[int(u * (len(price) - 2))] < HIGH
    ]  # fmt: skip
    truth = np.mean(asked)
    # Five standard errors; a minute by lot among a trade's own is off by far more.
    assert abs(np.mean(taught) - truth) < 5 * np.sqrt(truth * (1 - truth) / len(taught))
    assert abs(np.mean(taught) - truth) < 0.06 < truth - np.mean(by_lot)


def test_the_same_trades_give_the_same_bytes() -> None:
    again = train(EDGE, kind="open", created_at=CREATED, salt="pepper", folds=4, draws=200)
    assert isinstance(again, Trained)
    assert (again.graph, again.manifest) == (trained(EDGE).graph, trained(EDGE).manifest)
