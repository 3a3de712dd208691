"""What a model said of open positions, in the snapshot of a tick: both stores tell the same."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from stopward.adapters.functions import SCHEMA_VERSION, FunctionStore
from stopward.adapters.rows import JsonValue, write
from stopward.domain.identity import AccountId, PositionId
from stopward.domain.open_score import FRESH, RECENT, OpenScore
from stopward.domain.position import Position
from stopward.domain.snapshot import Snapshot
from tests.builders.store import NOON, a_position, a_record, a_trade
from tests.builders.store_world import MemoryWorld, PostgresWorld, World, begin

INSTANT = timedelta(microseconds=1)
A_MODEL = """
insert into stopward.models (
    account_id, id, kind, verdict, created_at, expires_at, registered_at, sha256, schema_hash,
    location, manifest, trades, effective_n, trained_from, trained_to, threshold, log_loss,
    base_log_loss, brier_skill, auc, auc_low, auc_high
)
select
    %(account)s, 'open-1', 'open', 'published', m.at, m.at + interval '400 days', m.at,
    repeat('0', 64), 'new', 'models/x/model.onnx', '{}', 200, 100, m.at, m.at, 0.5, 0.6, 0.7, 0.1,
    0.6, 0.55, 0.65
from (values (timestamptz '2026-11-01 12:00Z')) as m (at)
on conflict do nothing
"""
A_SCORE = """
insert into stopward.position_scores (
    account_id, position_id, model_id, at, probability, threshold, binds, recorded_at
)
values (%(account)s, %(position)s, 'open-1', %(at)s, %(probability)s, 0.5, true, %(at)s)
"""


@pytest.fixture(params=["memory", "postgres", "postgres 17"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    url = "hosted_url" if request.param == "postgres 17" else "database_url"
    found = PostgresWorld(request.getfixturevalue(url))
    yield found
    found.close()


def scored(
    world: World, position: Position, *, at: datetime = NOON, probability: float = 0.3
) -> OpenScore:
    """Say of a position what its own account's model says of it."""
    score = OpenScore(
        position_id=position.id, model_id="open-1", at=at, probability=probability, threshold=0.5
    )
    if isinstance(world, MemoryWorld):
        world.store.book(position.account_id).scores[position.id] = score
        return score
    assert isinstance(world, PostgresWorld)
    values = {
        "account": position.account_id, "position": position.id, "at": at,
        "probability": probability,
    }  # fmt: skip
    world._eyes.execute(A_MODEL.encode(), values)
    world._eyes.execute(A_SCORE.encode(), values)
    return score


def opened(world: World, symbol: str = "AAPL", *, account_id: AccountId | None = None) -> Position:
    position = a_position(symbol, account_id=account_id or world.account_id)
    world.people.put_positions(position.account_id, [position])
    return position


def test_a_position_that_nobody_scored_has_no_score(world: World) -> None:
    opened(world)
    assert begin(world).scores == {}


@pytest.mark.parametrize("probability", [0.0, 1e-40, 0.1 + 0.2, 1.0])
def test_a_score_is_told_to_the_last_bit(world: World, probability: float) -> None:
    position, other = opened(world), opened(world, "MSFT")
    opened(world, "TSLA")
    told = [
        scored(world, position, probability=probability),
        scored(world, other, at=NOON - timedelta(seconds=90, microseconds=7)),
    ]
    assert begin(world).scores == {each.position_id: each for each in told}


@pytest.mark.parametrize(
    ("age", "is_told"),
    [
        (-timedelta(seconds=30), True),
        (FRESH, True),
        (RECENT - INSTANT, True),
        (RECENT, False),
        (timedelta(days=30), False),
    ],
    ids=["said while the tick was late", "fresh", "the last recent one", "old", "forgotten"],
)
def test_only_recent_scores_are_told(world: World, age: timedelta, is_told: bool) -> None:
    score = scored(world, opened(world), at=NOON - age)
    assert begin(world).scores == ({score.position_id: score} if is_told else {})


def test_of_a_position_that_was_closed_nothing_is_told(world: World) -> None:
    position, other = opened(world), opened(world, "MSFT")
    scored(world, position)
    kept = scored(world, other)
    world.store.record_tick(
        a_record(
            begin(world).fence,
            account_id=world.account_id,
            positions=(position,),
            trades=(a_trade(position),),
        )
    )
    assert begin(world).scores == {other.id: kept}


def test_another_account_has_scores_of_its_own(world: World) -> None:
    elsewhere = AccountId(f"{world.account_id}-other")
    world.people.open_account(elsewhere, name="Other", mode="guard")
    mine = opened(world)
    scored(world, opened(world, account_id=elsewhere), probability=0.9)
    assert begin(world).scores == {}
    score = scored(world, mine)
    assert begin(world).scores == {mine.id: score}


GOOD = OpenScore(
    position_id=PositionId("good"), model_id="m", at=NOON, probability=0.3, threshold=0.5
)


class Answering:
    """Functions of a database that tells these scores."""

    def __init__(self, scores: JsonValue) -> None:
        self._scores = scores

    def call(self, function: str, argument: str, value: JsonValue) -> Mapping[str, JsonValue]:
        return {
            "fence": 1,
            "schema": {"version": SCHEMA_VERSION, "oldest_program": 1},
            "account": {"id": "a", "name": "A"},
            "session": None,
            "day": {"session_day": "2026-11-23"},
            "scores": self._scores,
        }


def read_from(scores: JsonValue) -> Mapping[PositionId, OpenScore]:
    store = FunctionStore(Answering(scores))
    found = store.begin_tick(AccountId("a"), tick_at=NOON, holder="one", lease_seconds=1)
    assert isinstance(found, Snapshot)
    return found.scores


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        "a score",
        [],
        {},
        {"at": "-infinity"},
        {"at": "2026-11-23T17:00:00"},
        {"probability": None},
        {"probability": "Infinity"},
        {"probability": 1.5},
        {"probability": -0.1},
        {"probability": [0.3]},
    ],
    ids=repr,
)
def test_a_score_that_cannot_be_read_is_as_if_it_were_not_there(broken: Any) -> None:
    good = write(GOOD)
    assert isinstance(good, Mapping)
    row = {**good, **broken} if isinstance(broken, dict) and broken else broken
    assert read_from({"good": good, "bad": row}) == {GOOD.position_id: GOOD}


@pytest.mark.parametrize("scores", [None, [], "none", 0, {}], ids=repr)
def test_what_is_no_set_of_scores_stops_no_tick(scores: JsonValue) -> None:
    assert read_from(scores) == {}
