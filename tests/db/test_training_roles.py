"""A model that passed gets the role that is free, and none from a model that can be asked."""

from collections.abc import Iterator
from typing import Any

import pytest

from stopward.errors import DatabaseRejected
from tests.builders.models import ModelWorld, a_model

LATE = {"created_at": "2020-01-01T00:00:00Z", "expires_at": "2020-04-01T00:00:00Z"}
OTHER = {"schema_hash": "other features"}


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


def conclude(world: ModelWorld, model_id: str, **changes: Any) -> Any:
    """Ask for a training, claim it and conclude it with a model."""
    world.call("request_training")
    claim = world.call("claim_training", holder=model_id, seconds=60)["request"]
    model = a_model(model_id, **changes)
    return world.call(
        "conclude_training",
        id=claim["id"], fence=claim["fence"], verdict=model["verdict"], model=model,
    )  # fmt: skip


def give(world: ModelWorld, alias: str, **facts: Any) -> None:
    """Register a model and let it have a role, past the rules of who may."""
    model_id = f"{alias}-before"
    world.call("register_model", **a_model(model_id, **facts))
    world.run(
        "insert into stopward.model_aliases"
        " (account_id, kind, alias, model_id, changed_at, because)"
        " values (%s, 'entry', %s, %s, now(), 'a test')",
        alias,
        model_id,
    )


def roles(world: ModelWorld) -> dict[str, str]:
    return {row["alias"]: row["model_id"] for row in world.call("current_models")["models"]}


@pytest.mark.parametrize(
    ("champion", "challenger", "role"),
    [
        (None, None, "champion"),
        ({}, None, "challenger"),
        ({}, {}, None),
        (LATE, None, "champion"),
        (OTHER, {}, "champion"),
        ({}, LATE, "challenger"),
        ({}, OTHER, "challenger"),
        (LATE, LATE, "champion"),
    ],
)
def test_a_role_is_given_where_nobody_who_can_be_asked_has_it(
    world: ModelWorld,
    champion: dict[str, Any] | None,
    challenger: dict[str, Any] | None,
    role: str | None,
) -> None:
    for alias, facts in (("champion", champion), ("challenger", challenger)):
        if facts is not None:
            give(world, alias, **facts)
    before = roles(world)
    answer = conclude(world, "fresh")
    assert (answer["new"], answer["model_id"], answer["role"]) == (True, "fresh", role)
    assert roles(world) == {**before, **({role: "fresh"} if role else {})}


def test_a_new_champion_decides_nothing(world: ModelWorld) -> None:
    conclude(world, "fresh")
    (found,) = world.call("current_models")["models"]
    assert (found["stage"], found["weight"]) == ("shadow", "0")


@pytest.mark.parametrize("verdict", ["no_model_beats_base_rate", "leak_suspected", "parity_failed"])
def test_a_model_that_was_refused_gets_none(world: ModelWorld, verdict: str) -> None:
    assert conclude(world, "poor", verdict=verdict)["role"] is None
    assert roles(world) == {}


def test_told_again_it_gives_no_role_back(world: ModelWorld) -> None:
    world.call("request_training")
    claim = world.call("claim_training", holder="one", seconds=60)["request"]
    told = {
        "id": claim["id"], "fence": claim["fence"], "verdict": "published",
        "model": a_model("fresh"),
    }  # fmt: skip
    world.call("conclude_training", **told)
    world.call("set_alias", alias="champion", model_id=None, expected="fresh", because="taken back")
    assert world.call("conclude_training", **told) == {
        "new": False, "model_id": "fresh", "role": None,
    }  # fmt: skip
    assert roles(world) == {}


def test_who_lost_the_claim_leaves_nothing_behind(world: ModelWorld) -> None:
    world.call("request_training")
    claim = world.call("claim_training", holder="one", seconds=60)["request"]
    told = {
        "id": claim["id"], "fence": claim["fence"] - 1, "verdict": "published",
        "model": a_model("late"),
    }  # fmt: skip
    before = world.tell()
    with pytest.raises(DatabaseRejected) as caught:
        world.call("conclude_training", **told)
    assert caught.value.rule == "stale_fence"
    assert (world.view("models"), roles(world), world.tell()) == ([], {}, before)


def test_a_claim_is_kept_by_who_has_it_and_let_go_of(world: ModelWorld) -> None:
    world.call("request_training")
    claim = world.call("claim_training", holder="one", seconds=60)["request"]
    own = {"id": claim["id"], "fence": claim["fence"]}
    kept = world.call("prolong_training", seconds=600, **own)["claimed_until"]
    assert kept > claim["claimed_until"]
    assert world.call("prolong_training", seconds=1, **own)["claimed_until"] < kept
    for changes in ({"fence": own["fence"] + 1}, {"id": "training-9"}):
        with pytest.raises(DatabaseRejected) as caught:
            world.call("prolong_training", **{**own, "seconds": 60, **changes})
        assert caught.value.rule == "stale_fence"


def of_both(world: ModelWorld, *, verdict: str = "published", **changes: Any) -> dict[str, Any]:
    """Return a conclusion with a model of open positions beside that of entries; it is claimed."""
    world.call("request_training")
    claim = world.call("claim_training", holder="both", seconds=60)["request"]
    told = {
        "id": claim["id"], "fence": claim["fence"], "verdict": "published",
        "model": a_model("fresh"), "models": [a_model("of-open", kind="open", verdict=verdict)],
        "numbers": {"auc": 0.6, "open": {"verdict": verdict, "auc": 0.8}},
    }  # fmt: skip
    return {**told, **changes}


def roles_of_kinds(world: ModelWorld) -> list[tuple[str, str, str]]:
    return sorted(
        (row["kind"], row["alias"], row["model_id"])
        for row in world.call("current_models")["models"]
    )


def test_each_kind_has_roles_of_its_own(world: ModelWorld) -> None:
    told = of_both(world)
    answer = world.call("conclude_training", **told)
    found = [{"kind": "open", "model_id": "of-open", "role": "champion"}]
    assert answer == {"new": True, "model_id": "fresh", "role": "champion", "models": found}
    assert world.call("conclude_training", **told) == {**answer, "new": False}
    assert roles_of_kinds(world) == [
        ("entry", "champion", "fresh"), ("open", "champion", "of-open"),
    ]  # fmt: skip
    (row,) = world.view("training_log")
    assert (row["verdict"], row["model_id"]) == ("published", "fresh")
    assert row["numbers"]["open"] == {"verdict": "published", "auc": 0.8}


def test_a_refused_model_of_one_kind_leaves_the_other_its_role(world: ModelWorld) -> None:
    world.call("conclude_training", **of_both(world, verdict="no_model_beats_base_rate"))
    assert roles_of_kinds(world) == [("entry", "champion", "fresh")]
    assert sorted(row["model_id"] for row in world.view("models")) == ["fresh", "of-open"]


def test_a_model_of_open_positions_needs_none_of_entries(world: ModelWorld) -> None:
    told = of_both(world, verdict="published")
    del told["model"]
    world.call("conclude_training", **{**told, "verdict": "not_enough_trades"})
    assert roles_of_kinds(world) == [("open", "champion", "of-open")]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"models": [a_model("other")]}, "conclude_training_request"),
        (
            {"models": [a_model("one", kind="open"), a_model("two", kind="open")]},
            "conclude_training_request",
        ),
        ({"numbers": {"auc": 0.6}}, "conclude_training_request"),
        ({"numbers": {"open": {"verdict": "failed"}}}, "conclude_training_request"),
        (
            {
                "models": [a_model("odd", kind="none")],
                "numbers": {"none": {"verdict": "published"}},
            },
            "models_kind_known",
        ),
        ({"models": ["odd"]}, "register_model_request"),
        ({"models": None}, "conclude_training_request"),
        ({"fence": 9}, "stale_fence"),
    ],
)
def test_what_does_not_fit_leaves_nothing_of_any_kind(
    world: ModelWorld, changes: dict[str, Any], rule: str
) -> None:
    told = of_both(world)
    with pytest.raises(DatabaseRejected) as caught:
        world.call("conclude_training", **{**told, **changes})
    assert caught.value.rule == rule
    assert (world.view("models"), roles_of_kinds(world)) == ([], [])


def test_what_ended_gets_no_other_model_afterwards(world: ModelWorld) -> None:
    told = of_both(world)
    world.call("conclude_training", **{**told, "models": [], "numbers": {"auc": 0.6}})
    with pytest.raises(DatabaseRejected) as caught:
        world.call("conclude_training", **told)
    assert caught.value.rule == "training_requests_finished_is_final"
    assert [row["model_id"] for row in world.view("models")] == ["fresh"]
