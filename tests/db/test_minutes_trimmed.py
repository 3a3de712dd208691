"""Old minutes go, and nothing else: what teaches, what is young, and every entry stays."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from stopward.adapters.model_tracking import FunctionTracking
from stopward.domain.features.teaching import taught_from
from stopward.domain.position import Position
from tests.builders.minute_rows import SCHEMA, a_place, said_of, signals, sums_of
from tests.builders.models import ModelWorld, a_prediction
from tests.builders.store import a_record, a_trade
from tests.builders.store_world import begin

MINUTE = timedelta(minutes=1)
SETTING = "select set_config('stopward.minutes_before', (now() + interval '1 day')::text, true)"
"""What a hand would say that would have everything removed."""
LEFT = """
select p.signal_id from stopward.predictions as p where p.account_id = %s
union all
select f.kind || ' ' || f.position_id from stopward.trade_features as f where f.account_id = %s
"""


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    a_place(found)
    yield found
    found.close()


def ago(world: ModelWorld, **past: float) -> datetime:
    """Return a time so long ago, by the clock of the database, which bounds what may go."""
    ((now,),) = world.rows("select now() where %s <> ''")
    moment: datetime = now
    return moment - timedelta(**past)


def close(world: ModelWorld, position: Position, at: datetime) -> None:
    fence = begin(world).fence
    trade = a_trade(position, closed_at=at)
    world.store.record_tick(a_record(fence, account_id=world.account_id, trades=(trade,)))


def opened(world: ModelWorld, symbol: str, at: datetime) -> Position:
    (position,) = world.open(symbol, opened_at=at, adopted_at=at)
    return position


def edges(position: Position) -> list[datetime]:
    """Return the last minute before those that teach, their first and last, and the next one."""
    since = taught_from(position.id, position.opened_at)
    return [since - MINUTE, since, since + 4 * MINUTE, since + 5 * MINUTE]


def closed(world: ModelWorld, symbol: str = "AAPL", **past: float) -> Position:
    """Return a position of three hours that closed so long ago, with minutes and an entry."""
    at = ago(world, **past)
    position = opened(world, symbol, at - timedelta(hours=3))
    said_of(world, position, edges(position))
    told = a_prediction(
        f"{symbol}/entry", "of-entries", position_id=position.id, symbol=symbol,
        schema_hash=SCHEMA, vector=["2.5"], vector_at=position.opened_at.isoformat(),
        at=position.opened_at.isoformat(),
    )  # fmt: skip
    world.call("put_predictions", predictions=[told])
    close(world, position, at)
    world.call("complete_minutes")
    return position


def left(world: ModelWorld) -> list[str]:
    return sorted(row[0] for row in world.rows(LEFT, world.account_id))


def trimmed(world: ModelWorld, **changes: Any) -> int:
    return int(world.call("trim_minutes", **{"keep_days": 30, **changes})["count"])


def refused(world: ModelWorld, statement: str, *values: object, setting: str = SETTING) -> str:
    """Return the rule that keeps rows of an account, even from their owner."""

    def remove() -> None:
        with world.transaction():
            world.execute(setting)
            world.run(statement, *values)

    with pytest.raises(psycopg.errors.RaiseException) as caught:
        remove()
    return str(caught.value.diag.constraint_name)


PREDICTION = "delete from stopward.predictions where account_id = %s and signal_id = %s"
VECTOR = (
    "delete from stopward.trade_features where account_id = %s and position_id = %s and at = %s"
)


def test_what_does_not_teach_goes_and_all_else_stays(world: ModelWorld) -> None:
    position = closed(world, days=31)
    before = left(world)
    assert [trimmed(world) for _ in range(2)] == [4, 0]
    _, first, last, _ = edges(position)
    stays = [*signals(position, [first, last]), "AAPL/entry"]
    vectors = [f"open {position.id}"] * 2 + [f"entry {position.id}"]
    assert left(world) == sorted([*stays, *vectors])
    assert set(left(world)) < set(before)


def test_a_portion_removes_as_many_as_it_says(world: ModelWorld) -> None:
    closed(world, days=31)
    assert [trimmed(world, limit=3) for _ in range(3)] == [3, 1, 0]


def test_one_that_is_too_young_stays(world: ModelWorld) -> None:
    position = closed(world, days=29, hours=23)
    assert trimmed(world) == 0
    outside, *_ = edges(position)
    (name,) = signals(position, [outside])
    assert refused(world, PREDICTION, name) == "predictions_append_only"
    assert refused(world, VECTOR, position.id, outside) == "trade_features_append_only"


def test_days_are_those_that_the_call_names(world: ModelWorld) -> None:
    closed(world, days=89)
    assert trimmed(world, keep_days=90) == 0
    assert trimmed(world, keep_days=88) == 4


def test_a_minute_that_teaches_stays_against_its_owner_too(world: ModelWorld) -> None:
    position = closed(world, days=400)
    for at in edges(position)[1:3]:
        (name,) = signals(position, [at])
        assert refused(world, PREDICTION, name) == "predictions_append_only"
        assert refused(world, VECTOR, position.id, at) == "trade_features_append_only"


def test_an_entry_stays(world: ModelWorld) -> None:
    position = closed(world, days=400)
    assert refused(world, PREDICTION, "AAPL/entry") == "predictions_append_only"
    at = position.opened_at
    assert refused(world, VECTOR, position.id, at) == "trade_features_append_only"


def test_minutes_of_an_open_position_stay(world: ModelWorld) -> None:
    position = opened(world, "AAPL", ago(world, days=400))
    said_of(world, position, edges(position))
    assert (world.call("complete_minutes")["completed"], trimmed(world)) == (0, 0)
    outside, *_ = edges(position)
    (name,) = signals(position, [outside])
    assert refused(world, PREDICTION, name) == "predictions_append_only"
    assert refused(world, VECTOR, position.id, outside) == "trade_features_append_only"


def test_one_that_nobody_completed_stays(world: ModelWorld) -> None:
    at = ago(world, days=400)
    position = opened(world, "AAPL", at - timedelta(hours=3))
    said_of(world, position, edges(position))
    close(world, position, at)
    assert trimmed(world) == 0
    outside, *_ = edges(position)
    (name,) = signals(position, [outside])
    assert refused(world, PREDICTION, name) == "predictions_append_only"
    assert refused(world, VECTOR, position.id, outside) == "trade_features_append_only"
    assert (world.call("complete_minutes")["completed"], trimmed(world)) == (8, 4)


def test_without_the_call_nothing_goes_and_after_it_neither(world: ModelWorld) -> None:
    position = closed(world, days=400)
    outside, *_ = edges(position)
    (name,) = signals(position, [outside])
    by_call = "select api.trim_minutes('{}')".format(
        f'{{"account_id": "{world.account_id}", "keep_days": 500}}'
    )
    for setting in ("select 1", by_call):
        assert refused(world, PREDICTION, name, setting=setting) == "predictions_append_only"
        found = refused(world, VECTOR, position.id, outside, setting=setting)
        assert found == "trade_features_append_only"


def test_minutes_of_another_account_are_its_own(world: ModelWorld, database_url: str) -> None:
    closed(world, days=400)
    other = ModelWorld(database_url)
    a_place(other)
    closed(other, days=400)
    before = left(other)
    assert trimmed(world) == 4
    assert left(other) == before
    assert trimmed(other) == 4
    other.close()


def test_a_minute_without_a_vector_teaches_nothing(world: ModelWorld) -> None:
    at = ago(world, days=400)
    position = opened(world, "AAPL", at - timedelta(hours=3))
    told = a_prediction(
        "bare", position_id=position.id, schema_hash=SCHEMA,
        at=taught_from(position.id, position.opened_at).isoformat(),
    )  # fmt: skip
    world.call("put_predictions", predictions=[told])
    close(world, position, at)
    assert (world.call("complete_minutes")["completed"], trimmed(world)) == (1, 1)


def test_sums_and_judgements_are_what_they_were(world: ModelWorld) -> None:
    champion = {"kind": "open", "alias": "champion", "model_id": "m1"}
    world.call("set_alias", **champion, expected=None, because="t")
    for symbol in ("AAPL", "MSFT"):
        closed(world, symbol, days=31)
    book = FunctionTracking(world._voice)

    def judged() -> list[object]:
        at = ago(world)
        return [
            sums_of(world),
            book.read_tracked(world.account_id, at=at).models,
            book.read_outcomes(world.account_id, "m1", vectors=True),
            world.call("read_training_rows", schema_hash=SCHEMA, at=at.isoformat(), kind="open"),
            world.view("model_performance_summary"),
        ]

    before = judged()
    assert trimmed(world) == 8
    assert judged() == before
    world.execute("select stopward.rebuild_rollups(%s)", world.account_id)
    assert sums_of(world) == before[0], "nor does a rebuilding forget what is gone"
