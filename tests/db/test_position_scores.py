"""Scores of open positions and vectors of the past: neither goes back, neither is changed."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.builders.models import ModelWorld, a_model
from tests.builders.store import NOON


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


def refused(world: ModelWorld, statement: str) -> str | None:
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world.run(statement)
    return caught.value.diag.constraint_name


def test_a_score_never_becomes_older(world: ModelWorld) -> None:
    world.call("register_model", **a_model(kind="open"))
    (position,) = world.open("AAPL")
    world.run(
        "insert into stopward.position_scores (account_id, position_id, model_id, at, probability,"
        " threshold, binds) values (%s, %s, 'm1', %s, 0.6, 0.5, false)",
        position.id,
        NOON,
    )
    older = "update stopward.position_scores set at = at - interval '1 s' where account_id = %s"
    assert refused(world, older) == "position_scores_never_older"
    newer = "update stopward.position_scores set at = at + interval '1 s' where account_id = %s"
    assert world.run(newer) == 1


def test_a_vector_of_the_past_stays_as_it_was_made(world: ModelWorld) -> None:
    world.execute(
        "insert into stopward.feature_schemas (schema_hash, names) values ('past', '{one}')"
        " on conflict do nothing"
    )
    world.run(
        "insert into stopward.imported_executions (account_id, source, id, symbol, side, quantity,"
        " price, at, fees) values (%s, 'ibkr', 'e1', 'AAPL', 'buy', 1, 10, now(), 0)"
    )
    world.run(
        "insert into stopward.imported_trades (account_id, source, opened_by, symbol, side,"
        " quantity, average_entry, average_exit, opened_at, closed_at, fees, result, entries,"
        " exits)"
        " values (%s, 'ibkr', 'e1', 'AAPL', 'long', 1, 10, 11, now(), now(), 0, 1, '[{}]', '[{}]')"
    )
    world.run(
        "insert into stopward.imported_features (account_id, source, opened_by, schema_hash, at,"
        " vector) values (%s, 'ibkr', 'e1', 'past', now(), '{1}')"
    )
    changed = "update stopward.imported_features set vector = '{2}' where account_id = %s"
    assert refused(world, changed) == "imported_features_append_only"
    assert world.run("delete from stopward.imported_trades where account_id = %s") == 1
    assert world.rows("select * from stopward.imported_features where account_id = %s") == []
