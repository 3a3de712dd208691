"""Open positions and their scores over functions of the database: what is told, what refused."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from stopward.adapters.open_positions import FunctionOpenPositions
from stopward.domain.features.open_position import OpenPage, OpenPosition
from stopward.domain.identity import PositionId, Symbol
from stopward.domain.open_score import LoggedScore
from stopward.domain.position import Position
from stopward.errors import DatabaseRejected
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.models import SCHEMA, ModelWorld, a_model, a_prediction
from tests.builders.store import A_SESSION, NOON, D
from tests.builders.store_world import begin

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "open_positions") as found:
        yield found


@pytest.fixture
def world(url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(url)
    yield found
    found.close()


def book(world: ModelWorld) -> FunctionOpenPositions:
    return FunctionOpenPositions(world._database)


def read(world: ModelWorld, **changed: Any) -> OpenPage:
    asked = {"at": NOON, "results": 200, "lag_seconds": 60, **changed}
    return book(world).read_open(world.account_id, **asked)


def said(world: ModelWorld, position: Position, at: Any = NOON, **changed: Any) -> LoggedScore:
    """Log what a model said of a position's minute; return it as its score."""
    signal = f"{position.id}@{at.isoformat()}"
    told = a_prediction(
        signal, position_id=position.id, symbol=position.symbol, at=at.isoformat(),
        vector=["1.5"], vector_at=at.isoformat(), **changed,
    )  # fmt: skip
    world.call("put_predictions", predictions=[told])
    return LoggedScore(position_id=position.id, model_id=told["model_id"], signal_id=signal, at=at)


def scores(world: ModelWorld) -> list[Any]:
    return world.rows(
        "select position_id, model_id, at, probability, threshold, binds"
        " from stopward.position_scores where account_id = %s order by position_id"
    )


@pytest.fixture
def held(world: ModelWorld) -> Position:
    """Return an open position of an account that has a model of open positions."""
    book(world).put_schema(SCHEMA, ["one"])
    world.call("register_model", **a_model(kind="open"))
    (position,) = world.open("AAPL")
    return position


def test_what_is_open_is_told_as_it_is(world: ModelWorld) -> None:
    world.open("AAPL", side="short", initial_stop=D("102"), stop=D("101.5"), target=D("90"),
               flags=("stop_crossed",))  # fmt: skip
    (late,) = world.open("MSFT", opened_at=NOON + MINUTE, adopted_at=NOON + MINUTE)
    (gone,) = world.open("TSLA")
    world.close_trades((gone, 0.5))
    found = read(world)
    assert [each.symbol for each in found.positions] == ["AAPL"]
    assert found.positions[0] == OpenPosition(
        position_id=found.positions[0].position_id,
        symbol=Symbol("AAPL"),
        side="short",
        average_entry=D("100"),
        initial_stop=D("102"),
        stop=D("101.5"),
        target=D("90"),
        opened_at=NOON - timedelta(hours=1),
        adopted_at=NOON - timedelta(minutes=59),
        flags=("stop_crossed",),
    )
    assert A_SESSION in found.sessions
    assert list(found.sessions) == sorted(found.sessions, key=lambda each: each.opens_at)
    later = read(world, at=NOON + MINUTE)
    assert [each.position_id for each in later.positions][1:] == [late.id]


def test_results_count_once_they_are_known(world: ModelWorld) -> None:
    first, second = world.open("AAPL", "MSFT")
    world.close_trades((first, 0.5), (second, -1.0))
    (closed_at,) = {row[0] for row in world.rows(
        "select closed_at from stopward.trades where account_id = %s"
    )}  # fmt: skip
    told = read(world, at=closed_at + MINUTE)
    assert [each.r for each in told.results] == pytest.approx([0.5, -1.0])
    assert read(world, at=closed_at + MINUTE - timedelta(seconds=1)).results == ()
    assert len(read(world, at=closed_at + MINUTE, results=1).results) == 1


def test_another_account_is_nobody_s(world: ModelWorld, url: str) -> None:
    other = ModelWorld(url)
    other.open("AAPL")
    assert read(world).positions == ()
    other.close()


@pytest.mark.parametrize("changed", [{"results": 1_001}, {"results": -1}, {"lag_seconds": 86_401}])
def test_more_than_is_allowed_is_refused(world: ModelWorld, changed: dict[str, Any]) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        read(world, **changed)
    assert caught.value.rule == "read_open_positions_request"


def test_the_last_logged_prediction_is_the_score(world: ModelWorld, held: Position) -> None:
    first = said(world, held, probability=0.6)
    assert book(world).put_scores(world.account_id, [first]) == 1
    assert scores(world) == [(held.id, "m1", NOON, 0.6, 0.45, False)]
    second = said(world, held, NOON + MINUTE, probability=0.3)
    assert book(world).put_scores(world.account_id, [second]) == 1
    assert scores(world) == [(held.id, "m1", NOON + MINUTE, 0.3, 0.45, False)]
    # One that comes late, and one that comes again, are none.
    assert book(world).put_scores(world.account_id, [first]) == 0
    assert book(world).put_scores(world.account_id, [second, first]) == 0
    assert scores(world) == [(held.id, "m1", NOON + MINUTE, 0.3, 0.45, False)]


def test_of_two_minutes_at_once_the_later_one_counts(world: ModelWorld, held: Position) -> None:
    both = [said(world, held, NOON + n * MINUTE, probability=0.3 + n / 10) for n in (1, 0)]
    assert book(world).put_scores(world.account_id, both) == 1
    assert scores(world)[0][2:4] == (NOON + MINUTE, 0.4)


def test_it_binds_in_the_model_s_arm_alone(world: ModelWorld, held: Position) -> None:
    for minute, (weight, u, binds) in enumerate(
        [("0", 0.1, False), ("0.20", 0.1, True), ("0.20", 0.3, False)]
    ):
        at = NOON + minute * MINUTE
        with world.transaction():
            # No ladder is climbed here.
            world.execute("set local session_replication_role = replica")
            world.execute(
                "insert into stopward.predictions (account_id, model_id, signal_id, position_id,"
                " symbol, at, session_day, probability, threshold, decision, arm, weight, u,"
                " schema_hash, latency_ms, vector, vector_at) values"
                " (%s, 'm1', %s, %s, 'AAPL', %s, '2026-11-23', 0.6, 0.45, 'take', case"
                " when %s::numeric = 0 then 'shadow' when %s < %s::numeric then 'model'"
                " else 'control' end, %s, %s, %s, 1, '{1.5}', %s)",
                world.account_id, f"s{minute}", held.id, at, weight, u, weight, weight, u, SCHEMA,
                at,
            )  # fmt: skip
        score = LoggedScore(position_id=held.id, model_id="m1", signal_id=f"s{minute}", at=at)
        assert book(world).put_scores(world.account_id, [score]) == 1
        assert scores(world)[0][-1] == binds
        # What does not bind, no tick is told.
        assert set(begin(world).scores) == ({held.id} if binds else set())


@pytest.mark.parametrize("changed", ["signal_id", "position_id", "model_id", "at"])
def test_what_nobody_logged_is_refused_and_with_it_the_others(
    world: ModelWorld, held: Position, changed: str
) -> None:
    good = said(world, held)
    odd: dict[str, Any] = {
        "signal_id": "s9", "position_id": PositionId("p9"), "model_id": "m9", "at": NOON + MINUTE,
    }  # fmt: skip
    fields = {"position_id": good.position_id, "model_id": good.model_id,
              "signal_id": good.signal_id, "at": good.at}  # fmt: skip
    bad = LoggedScore(**{**fields, changed: odd[changed]})
    with pytest.raises(DatabaseRejected) as caught:
        book(world).put_scores(world.account_id, [good, bad])
    assert caught.value.rule == "position_scores_are_logged"
    assert scores(world) == []


def test_a_model_of_signals_scores_no_position(world: ModelWorld) -> None:
    book(world).put_schema(SCHEMA, ["one"])
    world.call("register_model", **a_model("m1"))
    (position,) = world.open("AAPL")
    with pytest.raises(DatabaseRejected) as caught:
        book(world).put_scores(world.account_id, [said(world, position)])
    assert caught.value.rule == "position_scores_are_logged"


def test_a_batch_has_at_most_a_thousand(world: ModelWorld, held: Position) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        book(world).put_scores(world.account_id, [said(world, held)] * 1_001)
    assert caught.value.rule == "put_position_scores_request"


def test_a_logged_minute_is_a_vector_to_learn_from(world: ModelWorld, held: Position) -> None:
    said(world, held)
    said(world, held, NOON + MINUTE)
    world.close_trades((held, 1.5))
    world.call("complete_minutes")
    kept = world.rows(
        "select kind, at, outcome_r::float8 from stopward.trade_features where account_id = %s"
        " order by at"
    )
    assert kept == [("open", NOON, 1.5), ("open", NOON + MINUTE, 1.5)]
