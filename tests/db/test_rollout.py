"""The ladder: up one step at a time, on evidence and after a pause; down at once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stopward.errors import DatabaseRejected
from tests.builders.models import (
    EVIDENCE,
    MOVES,
    UP,
    ModelWorld,
    a_model,
    champion,
    climb,
    move,
    place,
)


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    champion(found)
    yield found
    found.close()


def refused(world: ModelWorld, stage: str, weight: str, **changes: Any) -> str | None:
    with pytest.raises(DatabaseRejected) as caught:
        move(world, next(MOVES), stage, weight, **changes)
    return caught.value.rule


def test_a_new_champion_begins_in_shadow(world: ModelWorld) -> None:
    assert place(world) == ("shadow", "0")
    (row,) = world.view("rollout_log")
    assert (row["kind"], row["number"], row["because"]) == ("began", 1, "passed")


def test_a_model_climbs_one_step_at_a_time(world: ModelWorld) -> None:
    climb(world, *UP)
    assert place(world) == ("optimization", "0.5")
    told = [key for about, key in world.tell() if about == "stage_changed"]
    assert len(told) == 3


@pytest.mark.parametrize(("stage", "weight"), UP[1:])
def test_no_step_is_left_out(world: ModelWorld, stage: str, weight: str) -> None:
    assert refused(world, stage, weight, expected_stage="shadow") == "rollout_one_step_up"
    assert place(world) == ("shadow", "0")


@pytest.mark.parametrize(
    ("stage", "weight"),
    [
        ("shadow", "0.10"),
        ("pilot", "0.05"),
        ("pilot", "0.25"),
        ("pilot", "0.12"),
        ("pilot", "0.1001"),
        ("pilot", "-0.10"),
        ("production", "0.10"),
    ],
)
def test_a_weight_fits_its_stage(world: ModelWorld, stage: str, weight: str) -> None:
    rule = refused(world, stage, weight, expected_stage="shadow")
    assert rule == "rollout_events_weight_fits_stage"


def test_inside_a_stage_the_weight_rises_by_a_twentieth(world: ModelWorld) -> None:
    climb(world, ("pilot", "0.10"))
    assert refused(world, "pilot", "0.20", expected_stage="pilot") == "rollout_small_steps"
    climb(world, ("pilot", "0.15"), ("pilot", "0.20"), began="pilot")
    assert place(world) == ("pilot", "0.2")


@pytest.mark.parametrize(
    ("stage", "weight", "before"),
    [
        ("pilot", "0.15", []),
        ("pilot", "0.20", []),
        ("expansion", "0.35", UP[:1]),
        ("expansion", "0.40", UP[:1]),
        ("optimization", "0.70", UP[:2]),
    ],
)
def test_a_stage_is_entered_at_its_least_weight(
    world: ModelWorld, stage: str, weight: str, before: list[tuple[str, str]]
) -> None:
    climb(world, *before)
    world.age(8)
    expected = place(world)[0]
    assert refused(world, stage, weight, expected_stage=expected) == "rollout_enters_at_the_least"


def test_nothing_rises_twice_in_a_session(world: ModelWorld) -> None:
    climb(world, UP[0])
    rule = "rollout_one_rise_a_session"
    assert refused(world, "pilot", "0.15", expected_stage="pilot") == rule
    assert refused(world, "expansion", "0.30", expected_stage="pilot") == rule
    world.age(8)
    climb(world, ("pilot", "0.15"), began="pilot")


@pytest.mark.parametrize("rule", ["rollout_cooldown", "rollout_one_rise_a_session"])
def test_the_same_file_under_another_id_has_the_same_past(world: ModelWorld, rule: str) -> None:
    climb(world, *UP[:2])
    if rule == "rollout_cooldown":
        move(world, next(MOVES), "shadow", "0", because="harm")
    champion(world, "m2", expected="m1")
    again = {"model_id": "m2", "expected_stage": "shadow"}
    assert refused(world, "pilot", "0.10", **again) == rule
    if rule == "rollout_cooldown":
        statuses = {row["model_id"]: row["cooldown_until"] for row in world.view("rollout_status")}
        assert statuses["m2"] == statuses["m1"] is not None
    # Another file has a past of its own.
    world.call("register_model", **a_model("m3", sha256="cd" * 32))
    world.call("set_alias", alias="champion", model_id="m3", expected="m2", because="new")
    assert move(world, next(MOVES), "pilot", "0.10", **{**again, "model_id": "m3"})["new"] is True


def test_an_ask_for_where_it_is_told_again_after_a_promotion_moves_nothing(
    world: ModelWorld,
) -> None:
    climb(world, UP[0])
    asked = {"because": "no reason to move", "evidence": None}
    first = move(world, 7_000_001, "pilot", "0.10", **asked)
    climb(world, UP[1], began="pilot")
    assert move(world, 7_000_001, "pilot", "0.10", **asked) == first
    assert place(world) == ("expansion", "0.3")


def test_an_ask_for_where_it_is_begins_no_stage_and_loses_no_evidence(world: ModelWorld) -> None:
    climb(world, UP[0])
    (before,) = world.view("rollout_status")
    move(world, next(MOVES), "pilot", "0.10", because="no reason to move", evidence=None)
    (after,) = world.view("rollout_status")
    assert after == before


@pytest.mark.parametrize("key", sorted(EVIDENCE))
@pytest.mark.parametrize("value", [None, "12.5", True])
def test_a_promotion_shows_each_figure_that_it_rests_on(
    world: ModelWorld, key: str, value: object
) -> None:
    evidence = {**EVIDENCE, key: value}
    rule = refused(world, "pilot", "0.10", expected_stage="shadow", evidence=evidence)
    assert rule == "rollout_events_promotion_has_evidence"


def test_nothing_rises_without_evidence(world: ModelWorld) -> None:
    nothing: tuple[dict[str, float] | None, ...] = ({}, None, {"x": 1})
    for evidence in nothing:
        rule = refused(world, "pilot", "0.10", expected_stage="shadow", evidence=evidence)
        assert rule == "rollout_events_promotion_has_evidence"


@pytest.mark.parametrize(
    "changes", [{"weight": "a tenth"}, {"weight": None}, {"evidence": [1]}, {"proof": 1}]
)
def test_a_request_that_cannot_be_read_is_refused_by_name(
    world: ModelWorld, changes: dict[str, Any]
) -> None:
    request = {"expected_stage": "shadow", **changes}
    weight = request.pop("weight", "0.10")
    assert refused(world, "pilot", weight, **request) == "move_rollout_request"


def test_up_needs_to_know_from_where(world: ModelWorld) -> None:
    assert refused(world, "pilot", "0.10") == "rollout_continues"
    assert refused(world, "pilot", "0.10", expected_stage="pilot") == "rollout_continues"


@pytest.mark.parametrize("fall", [("shadow", "0"), ("pilot", "0.20"), ("expansion", "0.40")])
def test_down_is_open_any_number_of_steps(world: ModelWorld, fall: tuple[str, str]) -> None:
    climb(world, *UP)
    answer = move(world, next(MOVES), *fall, evidence=None, because="drawdown")
    assert answer["new"] is True
    assert place(world)[0] == fall[0]


def test_after_a_fall_nothing_rises_for_ten_days(world: ModelWorld) -> None:
    climb(world, *UP[:2])
    move(world, next(MOVES), "pilot", "0.10", because="harm")
    assert refused(world, "pilot", "0.15", expected_stage="pilot") == "rollout_cooldown"
    assert refused(world, "expansion", "0.30", expected_stage="pilot") == "rollout_cooldown"
    (row,) = world.view("rollout_status")
    assert row["cooldown_until"] is not None
    assert move(world, next(MOVES), "shadow", "0", because="harm")["new"] is True


@pytest.mark.parametrize(("days", "rises"), [(9.99, False), (10.01, True)])
def test_the_pause_ends_after_ten_days(world: ModelWorld, days: float, rises: bool) -> None:
    past = (
        "insert into stopward.rollout_events (account_id, id, model_id, number, at, kind,"
        " from_stage, to_stage, weight_from, weight_to, because, evidence)"
        " values (%s, %s, 'm2', 0, now() - make_interval(secs => %s * 86400), %s, %s, %s, %s, %s,"
        " 'x', %s)"
    )
    shown = json.dumps(EVIDENCE)
    world.call("register_model", **a_model("m2"))
    world.run(
        "update stopward.model_aliases set model_id = null where account_id = %s"
        " and alias = 'champion'"
    )
    # The chain of m2 began long ago: the trigger of the alias writes at the clock's time.
    world.execute("begin")
    world.execute("set local session_replication_role = replica")
    world.run("update stopward.model_aliases set model_id = 'm2' where account_id = %s")
    world.execute("commit")
    world.run(past, "a", 40, "promotion", "shadow", "pilot", 0, "0.10", shown)
    world.run(past, "b", days, "demotion", "pilot", "shadow", "0.10", 0, shown)
    again = {"model_id": "m2", "expected_stage": "shadow"}
    if rises:
        assert move(world, next(MOVES), "pilot", "0.10", **again)["new"] is True
    else:
        assert refused(world, "pilot", "0.10", **again) == "rollout_cooldown"


@pytest.mark.parametrize(("stage", "weight"), UP)
def test_a_model_of_open_positions_stays_in_shadow(
    world: ModelWorld, stage: str, weight: str
) -> None:
    champion(world, "o1", kind="open")
    rule = refused(world, stage, weight, model_id="o1", expected_stage="shadow")
    assert rule == "rollout_entry_models_only"
    (row,) = world.view("rollout_status", model_id="o1")
    assert (row["stage"], row["weight"]) == ("shadow", 0)
    kept = move(world, next(MOVES), "shadow", "0", model_id="o1", because="drawdown")
    assert (kept["stage"], kept["weight"], kept["new"]) == ("shadow", "0", False)
    # The champion of entries climbs beside it.
    climb(world, UP[0])


def test_a_model_of_open_positions_says_why_it_stays(world: ModelWorld) -> None:
    champion(world, "o1", kind="open")
    with pytest.raises(DatabaseRejected, match=r"o1 is of kind open and cannot have weight 0\.10"):
        move(world, next(MOVES), "pilot", "0.10", model_id="o1", expected_stage="shadow")


def test_a_move_told_twice_is_one_move(world: ModelWorld) -> None:
    answers = [move(world, 7, "pilot", "0.10", expected_stage="shadow") for _ in range(2)]
    assert [answer["new"] for answer in answers] == [True, False]
    assert len(world.view("rollout_log")) == 2
    with pytest.raises(DatabaseRejected) as caught:
        move(world, 7, "pilot", "0.15", expected_stage="pilot")
    assert caught.value.rule == "rollout_events_append_only"


def test_where_it_is_already_it_is_not_moved(world: ModelWorld) -> None:
    assert move(world, next(MOVES), "shadow", "0", because="drawdown")["new"] is False
    assert [row["kind"] for row in world.view("rollout_log")] == ["began", "kept"]
    assert [about for about, _ in world.tell()].count("stage_changed") == 0


def test_only_the_champion_rises(world: ModelWorld) -> None:
    world.call("register_model", **a_model("m2"))
    changes = {"model_id": "m2", "expected_stage": "shadow"}
    assert refused(world, "pilot", "0.10", **changes) == "rollout_champion_only"
    assert refused(world, "pilot", "0.10", model_id="nobody") == "rollout_continues"
    changes["model_id"] = "nobody"
    assert refused(world, "pilot", "0.10", **changes) == "rollout_events_model_fkey"


def test_who_is_replaced_decides_nothing_and_begins_anew_when_it_returns(
    world: ModelWorld,
) -> None:
    climb(world, *UP[:2])
    champion(world, "m2", expected="m1")
    by_model = {row["model_id"]: row for row in world.view("rollout_status")}
    assert (by_model["m1"]["stage"], by_model["m1"]["last_change"]) == ("shadow", "replaced")
    assert (by_model["m2"]["stage"], by_model["m2"]["last_change"]) == ("shadow", "began")
    world.call("set_alias", alias="champion", model_id="m1", expected="m2", because="back")
    assert place(world) == ("shadow", "0")
    climb(world, UP[0])  # being replaced is no demotion: no pause


def test_a_role_taken_away_takes_the_weight_along(world: ModelWorld) -> None:
    climb(world, UP[0])
    world.call("set_alias", alias="champion", model_id=None, expected="m1", because="corrupt")
    (row,) = world.view("rollout_status")
    assert (row["stage"], row["weight"], row["alias"]) == ("shadow", 0, None)
