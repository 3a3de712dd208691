"""Closing trades enough asks for training once; one has it, and who lost it says nothing."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest

from stopward.errors import DatabaseRejected
from tests.builders.models import ModelWorld, a_model, insert_trades


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


def status(world: ModelWorld) -> dict[str, Any]:
    (row,) = world.view("training_status")
    return row


def asked(world: ModelWorld) -> list[tuple[str, int]]:
    return [(row["because"], row["trades"]) for row in world.view("training_log")]


def train(world: ModelWorld, *, verdict: str = "no_model_beats_base_rate", **more: Any) -> None:
    claim = world.call("claim_training", holder="job", seconds=60)["request"]
    world.call("finish_training", id=claim["id"], fence=claim["fence"], verdict=verdict, **more)


def age(world: ModelWorld, days: int) -> None:
    with world.transaction():
        world.execute("set local session_replication_role = replica")
        world.execute(
            "update stopward.training_requests set finished_at = now() - make_interval(days => %s)"
            " where account_id = %s",
            days,
            world.account_id,
        )


def test_the_hundredth_trade_asks_for_the_first_training(world: ModelWorld) -> None:
    insert_trades(world, range(99))
    assert asked(world) == []
    assert (status(world)["is_due"], status(world)["trades_missing"]) == (False, 1)
    (position,) = world.open("AAPL")
    world.close_trades((position, 1.0))
    assert asked(world) == [("first", 100)]
    assert (status(world)["is_due"], status(world)["trades_missing"]) == (True, 0)
    assert ("training_due", "training-1") in world.tell()
    insert_trades(world, range(200, 260))
    assert asked(world) == [("first", 100)]


def test_many_that_close_at_once_ask_once(world: ModelWorld) -> None:
    insert_trades(world, range(250))
    assert asked(world) == [("first", 250)]


def test_after_so_many_new_trades_it_is_due_again(world: ModelWorld) -> None:
    insert_trades(world, range(100))
    insert_trades(world, range(100, 110))
    train(world)
    # What counts is what the training saw: 110, not the 100 that asked for it.
    insert_trades(world, range(110, 159))
    assert asked(world) == [("first", 100)]
    assert (status(world)["new_trades"], status(world)["trades_missing"]) == (49, 1)
    insert_trades(world, [159])
    assert asked(world) == [("first", 100), ("count", 160)]


@pytest.mark.parametrize(
    ("days", "fresh", "due"), [(31, 10, True), (29, 10, False), (31, 9, False)]
)
def test_a_training_grows_old_once_there_is_something_new(
    world: ModelWorld, days: int, fresh: int, due: bool
) -> None:
    insert_trades(world, range(100))
    train(world)
    age(world, days)
    insert_trades(world, range(100, 100 + fresh))
    expected = [("first", 100), ("age", 100 + fresh)] if due else [("first", 100)]
    assert asked(world) == expected


def test_the_night_finds_what_grew_old_without_a_trade(world: ModelWorld) -> None:
    insert_trades(world, range(100))
    train(world)
    insert_trades(world, range(100, 120))
    assert world.call("mark_training_due") == {"due": []}
    age(world, 31)
    due = {"account_id": world.account_id, "id": "training-2"}
    assert [world.call("mark_training_due")["due"] for _ in range(2)] == [[due], []]
    assert asked(world)[1] == ("age", 120)


def test_the_limits_are_the_account_s_own(world: ModelWorld) -> None:
    world.call("put_training_plan", first_at_trades=5, every_trades=2)
    insert_trades(world, range(4))
    assert asked(world) == []
    insert_trades(world, [4])
    train(world)
    insert_trades(world, [5, 6])
    assert asked(world) == [("first", 5), ("count", 7)]
    with pytest.raises(DatabaseRejected) as caught:
        world.call("put_training_plan", every_trades=0)
    assert caught.value.rule == "training_plans_limits_positive"


def test_by_hand_it_is_asked_for_once(world: ModelWorld) -> None:
    answers = [world.call("request_training") for _ in range(2)]
    assert answers == [{"id": "training-1", "new": True}, {"id": "training-1", "new": False}]
    assert asked(world) == [("by_hand", 0)]


def test_a_claim_is_held_prolonged_and_taken_over(world: ModelWorld) -> None:
    world.call("request_training")
    first = world.call("claim_training", holder="a", seconds=60)["request"]
    assert world.call("claim_training", holder="b", seconds=60) == {"request": None}
    again = world.call("claim_training", holder="a", seconds=60)["request"]
    assert (again["id"], again["fence"]) == (first["id"], first["fence"])
    world.run(
        "update stopward.training_requests set claimed_until = now() - interval '1 s'"
        " where account_id = %s"
    )
    second = world.call("claim_training", holder="b", seconds=60)["request"]
    assert second["fence"] == first["fence"] + 1
    finish = {"id": first["id"], "verdict": "leak_suspected", "numbers": {"auc": 0.9}}
    with pytest.raises(DatabaseRejected) as caught:
        world.call("finish_training", fence=first["fence"], **finish)
    assert caught.value.rule == "stale_fence"
    answers = [world.call("finish_training", fence=second["fence"], **finish) for _ in range(2)]
    assert [answer["new"] for answer in answers] == [True, False]
    with pytest.raises(DatabaseRejected) as caught:
        world.call("finish_training", fence=second["fence"], **{**finish, "verdict": "failed"})
    assert caught.value.rule == "training_requests_finished_is_final"
    (row,) = world.view("training_log")
    assert (row["verdict"], row["numbers"], row["attempts"]) == ("leak_suspected", {"auc": 0.9}, 2)
    assert world.call("claim_training", holder="b", seconds=60) == {"request": None}


@pytest.mark.parametrize("seconds", [0, -1, 604801, 1e40])
def test_a_claim_lasts_a_second_to_a_week(world: ModelWorld, seconds: float) -> None:
    world.call("request_training")
    with pytest.raises(DatabaseRejected) as caught:
        world.call("claim_training", holder="a", seconds=seconds)
    assert caught.value.rule == "claim_training_request"


def test_published_names_its_model(world: ModelWorld) -> None:
    world.call("request_training")
    claim = world.call("claim_training", holder="a", seconds=60)["request"]
    finish = {"id": claim["id"], "fence": claim["fence"], "verdict": "published"}
    for rule, changes in (
        ("training_requests_published_has_model", {}),
        ("training_requests_model_fkey", {"model_id": "nobody"}),
        ("training_requests_verdict_known", {"verdict": "good"}),
        ("training_requests_known", {"id": "training-9"}),
        ("finish_training_request", {"fence": "1"}),
        ("stale_fence", {"fence": 0}),
    ):
        with pytest.raises(DatabaseRejected) as caught:
            world.call("finish_training", **{**finish, **changes})
        assert caught.value.rule == rule
    world.call("register_model", **a_model())
    world.call("finish_training", model_id="m1", **finish)
    assert status(world)["last_model_id"] == "m1"


def test_what_was_asked_for_is_not_rewritten(world: ModelWorld) -> None:
    world.call("request_training")
    for change in ("because = 'age'", "trades = trades + 1", "attempts = attempts - 1"):
        with pytest.raises(psycopg.errors.RaiseException) as caught:
            world.execute(
                f"update stopward.training_requests set {change}"  # noqa: S608
                " where account_id = any (%s)",
                [world.account_id],
            )
        assert caught.value.diag.constraint_name == "training_requests_fence_grows"


def test_a_job_without_an_account_takes_the_oldest(world: ModelWorld, database_url: str) -> None:
    with closing(ModelWorld(database_url)) as other:
        other.call("request_training")
        world.call("request_training")
        # What other tests left behind is older: it drops out of sight for this one.
        world.execute(
            "update stopward.training_requests set attempts = attempts + 1, started_at = now(),"
            " started_by = 'x', claimed_until = 'infinity', trades_at_start = 0"
            " where finished_at is null and account_id <> all (%s)",
            [world.account_id, other.account_id],
        )
        assert world.claim_any("y") == other.account_id
        assert world.claim_any("z") == world.account_id
        assert world.claim_any("w") is None


@pytest.mark.parametrize("round_number", range(5))
def test_two_that_close_the_hundredth_at_once_ask_once(
    world: ModelWorld, round_number: int
) -> None:
    insert_trades(world, range(98 + round_number % 2))
    start = threading.Barrier(2)

    def close(number: int) -> None:
        # Both statements of one transaction, on a connection of its own.
        with psycopg.connect(world.url) as connection:
            start.wait()
            insert_trades(_Own(world, connection), [1000 + number])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(close, range(2)))
    assert status(world)["trades"] == 100 + round_number % 2
    assert [because for because, _ in asked(world)] == ["first"]
    assert [key for about, key in world.tell() if about == "training_due"] == ["training-1"]


class _Own:
    """The account seen over another connection."""

    def __init__(self, world: ModelWorld, connection: psycopg.Connection[Any]) -> None:
        self.account_id = world.account_id
        self._connection = connection

    def transaction(self) -> Any:
        return self._connection.transaction()

    def execute(self, statement: str, *values: object) -> None:
        self._connection.execute(statement.encode(), values)


def test_a_close_that_waits_for_the_count_is_written_and_counted_at_night(
    world: ModelWorld,
) -> None:
    insert_trades(world, range(99))
    (position,) = world.open("AAPL")
    with psycopg.connect(world.url) as other:
        other.execute(
            "select from stopward.training_plans where account_id = %s for update",
            (world.account_id,),
        )
        world.close_trades((position, 1.0))
    assert (position.id, "give_back") in world.trades()
    assert (status(world)["trades"], asked(world)) == (99, [])
    assert any(key.startswith("put_off/training/") for _, key in world.tell())
    assert len(world.call("mark_training_due")["due"]) == 1
    assert (status(world)["trades"], asked(world)) == (100, [("first", 100)])


def test_two_accounts_do_not_wait_for_each_other(world: ModelWorld, database_url: str) -> None:
    with closing(ModelWorld(database_url)) as other:
        insert_trades(world, range(99))
        insert_trades(other, range(99))
        with psycopg.connect(world.url) as connection:
            insert_trades(_Own(world, connection), [99])
            other.execute("set lock_timeout = '100ms'")
            insert_trades(other, [99])
            assert asked(other) == [("first", 100)]
        assert asked(world) == [("first", 100)]


def test_even_the_owner_keeps_the_requests(world: ModelWorld) -> None:
    world.call("request_training")
    with pytest.raises(psycopg.errors.UniqueViolation) as unique:
        world.run(
            "insert into stopward.training_requests (account_id, id, because, trades)"
            " values (%s, 'x', 'count', 1)"
        )
    assert unique.value.diag.constraint_name == "training_requests_one_unfinished"
    train(world)
    for statement, rule in (
        ("update {} set numbers = '{{}}'", "training_requests_finished_is_final"),
        ("delete from {}", "training_requests_never_deleted"),
    ):
        with pytest.raises(psycopg.errors.RaiseException) as caught:
            world.run(statement.format("stopward.training_requests") + " where account_id = %s")
        assert caught.value.diag.constraint_name == rule
