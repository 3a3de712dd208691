"""A prediction is logged before its outcome, completed by the trade, and never rewritten."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from stopward.errors import DatabaseRejected
from tests.builders.models import ModelWorld, a_model, a_prediction, champion, insert_trades
from tests.builders.store import NOON, a_position


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    champion(found)
    yield found
    found.close()


def put(world: ModelWorld, *predictions: dict[str, Any]) -> Any:
    return world.call("put_predictions", predictions=list(predictions))


def outcome(world: ModelWorld, signal_id: str = "s1") -> tuple[Any, ...]:
    (found,) = world.rows(
        "select outcome_r, outcome_won, resolved_at, resolved_day from stopward.predictions"
        " where account_id = %s and signal_id = %s",
        signal_id,
    )
    return tuple(found)


def test_the_trade_completes_what_was_said_before_it(world: ModelWorld) -> None:
    (position,) = world.open("AAPL")
    assert put(world, a_prediction(position_id=position.id)) == {"new": 1, "kept": []}
    assert outcome(world) == (None, None, None, None)
    world.close_trades((position, -1.25))
    assert outcome(world) == (-1.25, False, NOON, date(2026, 11, 23))
    (row,) = world.view("prediction_log")
    assert (row["decision"], row["arm"], row["paired_r"], row["symbol"]) == (
        "take",
        "shadow",
        0,
        "AAPL",
    )


def test_a_prediction_after_the_outcome_is_refused(world: ModelWorld) -> None:
    (position,) = world.open("AAPL")
    told = a_prediction(position_id=position.id)
    put(world, told)
    world.close_trades((position, 1.0))
    with pytest.raises(DatabaseRejected) as caught:
        put(world, a_prediction("s2", position_id=position.id))
    assert caught.value.rule == "predictions_before_outcome"
    # What is there already may be told again.
    assert put(world, told) == {"new": 0, "kept": []}


def test_an_outcome_cannot_come_with_the_prediction(world: ModelWorld) -> None:
    (position,) = world.open("AAPL")
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world.run(
            "insert into stopward.predictions (account_id, model_id, signal_id, position_id,"
            " symbol, at, session_day, probability, threshold, decision, arm, weight, u,"
            " schema_hash, latency_ms, outcome_r, outcome_won, resolved_at, resolved_day)"
            " values (%s, 'm1', 's1', %s, 'AAPL', now(), current_date, 0.6, 0.5, 'take', 'shadow',"
            " 0, 0.5, repeat('5c', 32), 1, 1, true, now(), current_date)",
            position.id,
        )
    assert caught.value.diag.constraint_name == "predictions_before_outcome"


def test_what_was_told_first_binds(world: ModelWorld) -> None:
    put(world, a_prediction(weight="0.10", u=0.05))
    again = put(world, a_prediction(weight="0", u=0.05), a_prediction("s2"))
    assert again["new"] == 1
    assert again["kept"] == [
        {
            "model_id": "m1",
            "signal_id": "s1",
            "probability": 0.6,
            "decision": "take",
            "arm": "model",
            "weight": "0.1",
        }
    ]


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("predictions_probability_is_probability", {"probability": 1.01}),
    ("predictions_probability_is_probability", {"probability": -0.01, "decision": "veto"}),
    ("predictions_decision_follows", {"probability": 0.3}),
    ("predictions_threshold_is_probability", {"threshold": -0.5}),
    ("predictions_decision_follows", {"decision": "veto"}),
    ("predictions_decision_follows", {"probability": 0.45, "decision": "take"}),
    ("predictions_arm_follows_weight", {"arm": "model"}),
    ("predictions_arm_follows_weight", {"weight": "0.2", "u": 0.2, "arm": "model"}),
    ("predictions_arm_follows_weight", {"weight": "0.2", "u": 0.1, "arm": "control"}),
    ("predictions_weight_leaves_control", {"weight": "0.75", "u": 0.1, "arm": "model"}),
    ("predictions_weight_leaves_control", {"weight": "0.05", "u": 0.01, "arm": "model"}),
    ("predictions_weight_leaves_control", {"weight": "0.1001", "u": 0.9, "arm": "control"}),
    ("predictions_u_is_share", {"u": 1.5}),
    ("predictions_latency_is_number", {"latency_ms": -1}),
    ("predictions_model_fkey", {"model_id": "nobody"}),
    ("predictions_position_fkey", {"position_id": "nobody"}),
    ("predictions_schema_matches", {"schema_hash": "other"}),
    ("predictions_model_serves", {"at": "2036-12-20T22:00:00Z"}),
    ("put_predictions_request", {"probability": None}),
    ("put_predictions_request", {"probability": "0.6"}),
    ("put_predictions_request", {"confidence": 0.6}),
]


@pytest.mark.parametrize(("rule", "changes"), REFUSED)
def test_a_prediction_that_cannot_be_is_refused_and_takes_its_batch_along(
    world: ModelWorld, rule: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        put(world, a_prediction("good"), {**a_prediction("bad"), **changes})
    assert caught.value.rule == rule
    assert world.view("prediction_log") == []


def test_a_thousand_fit_in_a_call_and_no_more(world: ModelWorld) -> None:
    batch = [a_prediction(f"s{number}") for number in range(1001)]
    with pytest.raises(DatabaseRejected) as caught:
        put(world, *batch)
    assert caught.value.rule == "put_predictions_request"
    assert put(world, *batch[:1000]) == {"new": 1000, "kept": []}


def test_a_refused_model_is_not_asked(world: ModelWorld) -> None:
    world.call("register_model", **a_model("m2", verdict="parity_failed"))
    with pytest.raises(DatabaseRejected) as caught:
        put(world, a_prediction(model_id="m2"))
    assert caught.value.rule == "predictions_model_serves"


def test_a_signal_learns_its_position_once(world: ModelWorld) -> None:
    put(world, a_prediction())
    first, second = world.open("AAPL", "MSFT")
    link = {"signal_id": "s1", "position_id": first.id}
    assert [world.call("link_signal", **link)["linked"] for _ in range(2)] == [1, 0]
    with pytest.raises(DatabaseRejected) as caught:
        world.call("link_signal", signal_id="s1", position_id=second.id)
    assert caught.value.rule == "predictions_append_only"
    world.close_trades((first, 2.0), (second, -1.0))
    assert outcome(world)[:2] == (2.0, True)


def test_a_link_may_come_late_if_the_prediction_did_not(world: ModelWorld) -> None:
    put(world, a_prediction())
    # The trade ends after the prediction was written, by the clock of the database too.
    insert_trades(world, [1, 2], ended_at=NOON + timedelta(days=3650))
    fast = f"{world.account_id}/bulk/1"
    assert world.call("link_signal", signal_id="s1", position_id=fast) == {"linked": 1}
    assert outcome(world)[:2] == (1.0, True)
    put(world, a_prediction("s2"))
    insert_trades(world, [3], ended_at=NOON - timedelta(days=3650))
    with pytest.raises(DatabaseRejected) as caught:
        world.call("link_signal", signal_id="s2", position_id=f"{world.account_id}/bulk/3")
    assert caught.value.rule == "predictions_before_outcome"


CASES = [
    "update stopward.predictions set probability = 0.7 where account_id = %s",
    "update stopward.predictions set position_id = null where account_id = %s",
    "update stopward.predictions set recorded_at = now() where account_id = %s",
    "delete from stopward.predictions where account_id = %s",
]


@pytest.mark.parametrize("is_resolved", [False, True])
@pytest.mark.parametrize("statement", CASES)
def test_even_the_owner_rewrites_nothing(
    world: ModelWorld, statement: str, is_resolved: bool
) -> None:
    (position,) = world.open("AAPL")
    put(world, a_prediction(position_id=position.id))
    if is_resolved:
        world.close_trades((position, 1.0))
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world.run(statement)
    assert caught.value.diag.constraint_name == "predictions_append_only"


def test_an_outcome_is_never_changed(world: ModelWorld) -> None:
    (position,) = world.open("AAPL")
    put(world, a_prediction(position_id=position.id))
    world.close_trades((position, 1.0))
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world.run("update stopward.predictions set outcome_r = 2 where account_id = %s")
    assert caught.value.diag.constraint_name == "predictions_append_only"


def test_a_trade_of_absurd_result_is_written_all_the_same(world: ModelWorld) -> None:
    positions = world.open("AAPL", "MSFT", "TSLA")
    put(world, *(a_prediction(p.symbol, position_id=p.id, probability=0.2) for p in positions))
    account = world.account_id
    for position, result in zip(positions, ("1.7e308", "1e300", "-1e300"), strict=True):
        world.execute(
            "insert into stopward.trades select account_id, id, symbol, side, 1, 100, 2,"
            " opened_at, now(), 1, 0, %s::double precision, 0, 0, 'x', now()"
            " from stopward.positions where account_id = %s and id = %s",
            result,
            account,
            position.id,
        )
    (day,) = world.rows(
        "select base_r_sum, paired_r_sum, paired_r_squares, resolved"
        " from stopward.model_performance where account_id = %s and resolved > 0"
    )
    assert day == (1000.0, -1000.0, 3e6, 3)


def test_bookkeeping_that_fails_never_undoes_a_trade(world: ModelWorld) -> None:
    (position,) = world.open("AAPL")
    put(world, a_prediction(position_id=position.id))
    # Somebody holds the prediction: the trade waits a quarter of a second for it, and is written.
    with psycopg.connect(world.url) as other:
        other.execute(
            "select from stopward.predictions where account_id = %s for update",
            (world.account_id,),
        )
        world.close_trades((position, 1.5))
    assert world.trades() == [(position.id, "give_back")]
    assert outcome(world) == (None, None, None, None)
    assert any(key.startswith("put_off/predictions/") for _, key in world.tell())
    assert [world.call("resolve_predictions")["resolved"] for _ in range(2)] == [1, 0]
    assert outcome(world)[:2] == (1.5, True)


def test_a_prediction_belongs_to_the_session_it_was_made_in(world: ModelWorld) -> None:
    night = "2026-11-24T00:30:00+00:00"  # half past seven in New York, after hours of Monday
    eve = "2026-11-24T01:30:00+00:00"  # half past eight: the eve of Tuesday
    world.run(
        "insert into stopward.market_sessions (exchange, day, opens_at, closes_at)"
        " select a.exchange, '2026-11-24', '2026-11-24 14:30Z', '2026-11-24 21:00Z'"
        " from stopward.accounts as a where a.id = %s"
        " on conflict on constraint market_sessions_pkey do nothing"
    )
    put(world, a_prediction("night", at=night), a_prediction("eve", at=eve))
    days = {row["signal_id"]: row["session_day"] for row in world.view("prediction_log")}
    assert days == {"night": date(2026, 11, 23), "eve": date(2026, 11, 24)}


def test_positions_of_another_account_are_unknown(world: ModelWorld, database_url: str) -> None:
    other = ModelWorld(database_url)
    (foreign,) = other.open("AAPL")
    other.close()
    assert foreign.id != a_position(account_id=world.account_id).id
    with pytest.raises(DatabaseRejected) as caught:
        put(world, a_prediction(position_id=foreign.id))
    assert caught.value.rule == "predictions_position_fkey"
