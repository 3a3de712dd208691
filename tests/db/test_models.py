"""A model is registered once; a role is given by who knows who has it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest

from stopward.errors import DatabaseRejected
from tests.builders.models import ModelWorld, a_model, champion


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


def aliases(world: ModelWorld) -> dict[tuple[str, str], str | None]:
    found = world.rows(
        "select kind, alias, model_id from stopward.model_aliases where account_id = %s"
    )
    return {(kind, alias): model_id for kind, alias, model_id in found}


def test_a_model_is_registered_once_and_told_once(world: ModelWorld) -> None:
    answers = [world.call("register_model", **a_model()) for _ in range(2)]
    assert [answer["new"] for answer in answers] == [True, False]
    (row,) = world.view("models")
    assert (row["verdict"], row["trades"], row["effective_n"]) == ("published", 200, 140.5)
    assert (row["alias"], row["is_expired"]) == (None, False)
    assert world.tell() == [("model_published", "m1")]


def test_a_refused_model_is_kept_and_not_told(world: ModelWorld) -> None:
    refused = a_model(verdict="no_model_beats_base_rate", log_loss=0.7, brier_skill=-0.02)
    assert world.call("register_model", **refused)["new"] is True
    assert world.tell() == []


@pytest.mark.parametrize("changes", [{"sha256": "cd" * 32}, {"threshold": 0.5}, {"auc": None}])
def test_the_same_id_never_means_another_model(world: ModelWorld, changes: Any) -> None:
    world.call("register_model", **a_model())
    with pytest.raises(DatabaseRejected) as caught:
        world.call("register_model", **a_model(**changes))
    assert caught.value.rule == "models_append_only"


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("models_kind_known", {"kind": "exit"}),
    ("models_verdict_known", {"verdict": "not_enough_trades"}),
    ("models_expire_later", {"expires_at": "2026-11-20T22:00:00+00:00"}),
    ("models_sha256_is_hash", {"sha256": "AB" * 32}),
    ("models_id_is_word", {"model_id": "../m1"}),
    ("models_effective_n_fits_trades", {"trades": 0}),
    ("models_effective_n_fits_trades", {"effective_n": 200.5}),
    ("models_window_forward", {"trained_to": "2025-11-20T20:00:00+00:00"}),
    ("models_threshold_is_probability", {"threshold": 1.5}),
    ("models_auc_in_interval", {"auc_low": 0.7}),
    ("models_published_beat_base", {"log_loss": 0.66}),
    ("models_published_beat_base", {"brier_skill": 0.0}),
    ("models_published_beat_base", {"auc_low": 0.5}),
    ("models_published_beat_base", {"auc_low": None}),
    ("register_model_request", {"manifest": []}),
    ("register_model_request", {"sha256": None}),
    ("register_model_request", {"sha": "x"}),
]


@pytest.mark.parametrize(("rule", "changes"), REFUSED)
def test_a_model_that_cannot_be_is_refused_by_name(
    world: ModelWorld, rule: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        world.call("register_model", **a_model(**changes))
    assert caught.value.rule == rule
    assert world.view("models") == []


def test_a_role_is_given_to_who_expects_it_where_it_is(world: ModelWorld) -> None:
    champion(world)
    world.call("register_model", **a_model("m2"))
    with pytest.raises(DatabaseRejected) as caught:
        world.call("set_alias", alias="champion", model_id="m2", expected=None, because="late")
    assert caught.value.rule == "model_aliases_expected"
    given = {"alias": "champion", "model_id": "m2", "expected": "m1", "because": "better"}
    answers = [world.call("set_alias", **given)["new"] for _ in range(2)]
    assert answers == [True, False]
    assert aliases(world) == {("entry", "champion"): "m2"}
    history = world.rows(
        "select alias, model_from, model_to, because from stopward.model_alias_changes"
        " where account_id = %s order by id"
    )
    assert history == [("champion", None, "m1", "passed"), ("champion", "m1", "m2", "better")]


def test_a_challenger_that_becomes_champion_leaves_its_role(world: ModelWorld) -> None:
    champion(world)
    world.call("register_model", **a_model("m2"))
    world.call("set_alias", alias="challenger", model_id="m2", expected=None, because="try it")
    world.call("set_alias", alias="champion", model_id="m2", expected="m1", because="it won")
    assert aliases(world) == {("entry", "champion"): "m2", ("entry", "challenger"): None}


def test_one_model_has_one_role(world: ModelWorld) -> None:
    champion(world)
    with pytest.raises(DatabaseRejected) as caught:
        world.call("set_alias", alias="challenger", model_id="m1", expected=None, because="twice")
    assert caught.value.rule == "model_aliases_one_role"


def test_a_role_can_be_taken_away(world: ModelWorld) -> None:
    champion(world)
    world.call("set_alias", alias="champion", model_id=None, expected="m1", because="golden rows")
    assert aliases(world) == {("entry", "champion"): None}
    assert world.call("current_models") == {"models": []}


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "leak_suspected"},
        {"kind": "open"},
        {"created_at": "2020-01-01T00:00:00Z", "expires_at": "2020-02-01T00:00:00Z"},
    ],
)
def test_only_a_model_that_may_serve_gets_a_role(world: ModelWorld, changes: Any) -> None:
    world.call("register_model", **a_model(**changes))
    with pytest.raises(DatabaseRejected) as caught:
        world.call("set_alias", alias="champion", model_id="m1", expected=None, because="x")
    assert caught.value.rule == "model_aliases_model_serves"
    with pytest.raises(DatabaseRejected) as caught:
        world.call("set_alias", alias="champion", model_id="nobody", expected=None, because="x")
    assert caught.value.rule == "model_aliases_model_serves"


@pytest.mark.parametrize("left_out", ["model_id", "expected"])
def test_no_model_is_said_and_never_left_out(world: ModelWorld, left_out: str) -> None:
    champion(world)
    request = {"alias": "champion", "model_id": None, "expected": "m1", "because": "x"}
    del request[left_out]
    with pytest.raises(DatabaseRejected) as caught:
        world.call("set_alias", **request)
    assert caught.value.rule == "set_alias_request"


def test_each_kind_has_a_champion_of_its_own(world: ModelWorld) -> None:
    champion(world)
    world.call("register_model", **a_model("o1", kind="open"))
    world.call(
        "set_alias", kind="open", alias="champion", model_id="o1", expected=None, because="first"
    )
    found = world.call("current_models")["models"]
    assert [(m["kind"], m["alias"], m["model_id"]) for m in found] == [
        ("entry", "champion", "m1"),
        ("open", "champion", "o1"),
    ]
    assert (found[0]["stage"], found[0]["weight"], found[0]["threshold"]) == ("shadow", "0", 0.45)
    assert found[0]["location"] == "models/m1/model.onnx"


def test_of_publishers_at_once_one_sets_the_role(world: ModelWorld) -> None:
    publishers = 4
    champion(world)
    for number in range(publishers):
        world.call("register_model", **a_model(f"new-{number}"))
    start = Barrier(publishers)

    def publish(number: int) -> str:
        with psycopg.connect(world.url, autocommit=True) as connection:
            start.wait()
            try:
                connection.execute(
                    "select api.set_alias(jsonb_build_object('account_id', %s::text, 'alias',"
                    " 'champion', 'model_id', %s::text, 'expected', 'm1', 'because', 'mine'))",
                    (world.account_id, f"new-{number}"),
                )
            except psycopg.errors.RaiseException as error:
                return str(error.diag.constraint_name)
        return "set"

    with ThreadPoolExecutor(publishers) as pool:
        answers = sorted(pool.map(publish, range(publishers)))
    assert answers == ["model_aliases_expected"] * (publishers - 1) + ["set"]


CASES = [
    ("update stopward.models set threshold = 0.9 where account_id = %s", "models_append_only"),
    ("delete from stopward.models where account_id = %s", "models_append_only"),
    ("delete from stopward.model_aliases where account_id = %s", "model_aliases_never_deleted"),
    (
        "update stopward.model_alias_changes set because = 'x' where account_id = %s",
        "model_alias_changes_append_only",
    ),
    (
        "delete from stopward.model_alias_changes where account_id = %s",
        "model_alias_changes_append_only",
    ),
]


@pytest.mark.parametrize(("statement", "rule"), CASES)
def test_even_the_owner_rewrites_nothing(world: ModelWorld, statement: str, rule: str) -> None:
    champion(world)
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world.run(statement)
    assert caught.value.diag.constraint_name == rule


def test_a_foreign_account_is_unknown(world: ModelWorld) -> None:
    for function, request in (("current_models", {}), ("register_model", a_model())):
        with pytest.raises(DatabaseRejected) as caught:
            world.call(function, **{**request, "account_id": "nobody"})
        assert caught.value.rule == "unknown_account"
