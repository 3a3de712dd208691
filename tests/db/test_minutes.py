"""What was said of open positions each minute: no work of a tick, completed by and by."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from stopward.domain.features.teaching import taught_from
from stopward.domain.position import Position
from stopward.errors import DatabaseRejected
from tests.builders.access import ask
from tests.builders.minute_rows import SCHEMA, a_place, minutes, said_of, signals, sums_of
from tests.builders.models import ModelWorld, a_prediction
from tests.builders.store import NOON

MINUTE = timedelta(minutes=1)
ENTERED = NOON - timedelta(hours=3)
WRITTEN = """
select (
    select count(*) from stopward.{} as t
    where t.account_id = %s and t.xmin::text::bigint > %s::bigint
)
"""
TOUCHED = ("predictions", "trade_features", "model_performance", "feature_rollups")


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    a_place(found)
    yield found
    found.close()


def outcomes(world: ModelWorld) -> dict[str, float | None]:
    return dict(
        world.rows("select signal_id, outcome_r from stopward.predictions where account_id = %s")
    )


def an_entry(world: ModelWorld, position: Position) -> None:
    """Say something of an entry too, with its vector."""
    told = a_prediction(
        f"{position.id}/entry", "of-entries", position_id=position.id, symbol=position.symbol,
        schema_hash=SCHEMA, vector=["2.5"], vector_at=NOON.isoformat(),
    )  # fmt: skip
    world.call("put_predictions", predictions=[told])


@pytest.mark.parametrize("many", [1, 40])
def test_a_tick_that_finds_a_position_closed_writes_no_row_for_its_minutes(
    world: ModelWorld, many: int
) -> None:
    (position,) = world.open("AAPL", opened_at=ENTERED, adopted_at=ENTERED)
    said_of(world, position, minutes(ENTERED, many))
    an_entry(world, position)
    ((before,),) = world.rows("select txid_current() where %s <> ''")
    world.close_trades((position, 1.5))
    written = {
        table: world._eyes.execute(
            WRITTEN.format(table).encode(), (world.account_id, before)
        ).fetchone()
        for table in TOUCHED
    }
    # The entry's prediction, its vector, the sums of its model's day, and of what won.
    assert written == dict.fromkeys(TOUCHED, (1,))


def test_minutes_learn_later_what_entries_know_at_once(world: ModelWorld) -> None:
    (position,) = world.open("AAPL", opened_at=ENTERED, adopted_at=ENTERED)
    said_of(world, position, minutes(ENTERED, 3))
    an_entry(world, position)
    world.close_trades((position, 1.5))
    names = signals(position, minutes(ENTERED, 3))
    entry = {f"{position.id}/entry": 1.5}
    assert outcomes(world) == {**dict.fromkeys(names), **entry}
    assert [world.call("complete_minutes", limit=4)["completed"] for _ in range(3)] == [4, 2, 0]
    assert outcomes(world) == {**dict.fromkeys(names, 1.5), **entry}
    assert {row[0] for row in world.rows(
        "select outcome_r from stopward.trade_features where account_id = %s"
    )} == {1.5}  # fmt: skip
    # They count on the day of the close, whenever they learn of it.
    days = world.view("model_days")
    assert {row["model_id"]: row["resolved"] for row in days} == {"m1": 3, "of-entries": 1}
    assert len({row["session_day"] for row in days}) == 1


def test_what_failed_half_way_is_done_the_next_time(world: ModelWorld) -> None:
    (position,) = world.open("AAPL", opened_at=ENTERED, adopted_at=ENTERED)
    said_of(world, position, minutes(ENTERED, 3))
    world.close_trades((position, 1.5))
    before = sums_of(world)
    request: Any = {"account_id": world.account_id}
    with psycopg.connect(world.url) as gone:
        assert ask(gone, "complete_minutes", request) == {"completed": 6}
        gone.rollback()
    assert sums_of(world) == before
    assert [world.call("complete_minutes")["completed"] for _ in range(2)] == [6, 0]


def test_no_tick_waits_for_a_portion(world: ModelWorld) -> None:
    first, second = world.open("AAPL", "MSFT", opened_at=ENTERED, adopted_at=ENTERED)
    for each in (first, second):
        said_of(world, each, minutes(ENTERED, 3))
        an_entry(world, each)
    world.close_trades((first, 1.5))
    request: Any = {"account_id": world.account_id, "limit": 4}
    with psycopg.connect(world.url) as busy:
        assert ask(busy, "complete_minutes", request) == {"completed": 4}
        # Rows, and the sums of that model, are held meanwhile: who waited would give up, and tell.
        world.close_trades((second, -1.0))
        busy.commit()
    assert [key for _, key in world.tell() if "put_off" in key or "unbooked" in key] == []
    assert outcomes(world)[f"{second.id}/entry"] == -1.0
    assert [world.call("complete_minutes")["completed"] for _ in range(2)] == [8, 0]


def test_two_that_come_at_once_share_what_there_is(world: ModelWorld) -> None:
    (position,) = world.open("AAPL", opened_at=ENTERED, adopted_at=ENTERED)
    served = [
        {"position_id": position.id, "kind": "open", "at": at.isoformat(), "schema_hash": SCHEMA,
         "values": ["1"]}
        for at in minutes(ENTERED, 6)
    ]  # fmt: skip
    world.call("put_features", features=served)
    world.close_trades((position, 1.5))
    request: Any = {"account_id": world.account_id, "limit": 4}
    with psycopg.connect(world.url) as one, psycopg.connect(world.url) as other:
        one.execute(
            "select from stopward.trade_features where account_id = %s and at < %s for update",
            (world.account_id, ENTERED + 4 * MINUTE),
        )
        assert ask(other, "complete_minutes", request) == {"completed": 2}
        other.commit()
    assert [world.call("complete_minutes")["completed"] for _ in range(2)] == [4, 0]


def test_a_minute_that_waits_is_still_no_place_for_another_word(world: ModelWorld) -> None:
    (position,) = world.open("AAPL", opened_at=ENTERED, adopted_at=ENTERED)
    said_of(world, position, [ENTERED + MINUTE])
    (name,) = signals(position, [ENTERED + MINUTE])
    score = {"position_id": position.id, "model_id": "m1", "signal_id": name}
    world.call("put_position_scores", scores=[{**score, "at": (ENTERED + MINUTE).isoformat()}])
    scored = "select * from stopward.position_scores where account_id = %s"
    (shown,) = world.rows(scored)
    world.close_trades((position, 1.5))
    with pytest.raises(DatabaseRejected) as caught:
        said_of(world, position, [ENTERED + 2 * MINUTE])
    assert caught.value.rule == "predictions_before_outcome"
    (row,) = world.view("prediction_log")
    assert (row["outcome_r"], row["resolved_at"], row["paired_r"]) == (None, None, None)
    with pytest.raises(psycopg.errors.RaiseException) as refused:
        world.run("update stopward.predictions set probability = 0.1 where account_id = %s")
    assert refused.value.diag.constraint_name == "predictions_append_only"
    world.call("complete_minutes")
    (row,) = world.view("prediction_log")
    assert (row["outcome_r"], row["paired_r"]) == (1.5, None)
    assert world.rows(scored) == [shown]


def test_the_night_s_late_outcomes_are_those_of_entries(world: ModelWorld) -> None:
    (position,) = world.open("AAPL", opened_at=ENTERED, adopted_at=ENTERED)
    said_of(world, position, minutes(ENTERED, 2))
    world.close_trades((position, 1.5))
    assert world.call("resolve_predictions") == {"resolved": 0}
    assert set(outcomes(world).values()) == {None}


def test_training_waits_for_no_outcome_of_a_minute(world: ModelWorld) -> None:
    (position,) = world.open("AAPL", opened_at=ENTERED, adopted_at=ENTERED)
    since = taught_from(position.id, ENTERED)
    said_of(world, position, [since - MINUTE, since, since + MINUTE])
    world.close_trades((position, 1.5))

    def learned() -> Any:
        asked = {"schema_hash": SCHEMA, "at": "2100-01-01T00:00:00Z", "kind": "open"}
        return world.call("read_training_rows", **asked)["trades"]

    before = learned()
    assert [(row["entered_at"], row["r"]) for row in before] == [(since.isoformat(), 1.5)]
    world.call("complete_minutes")
    assert learned() == before


@pytest.mark.parametrize("limit", [0, 10_001])
def test_a_portion_has_its_bounds(world: ModelWorld, limit: int) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        world.call("complete_minutes", limit=limit)
    assert caught.value.rule == "complete_minutes_request"
