"""Trades to learn from over psycopg and supabase-py: bit for bit, page by page, none lost."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from stopward.adapters.functions import Functions
from stopward.adapters.imported_features import FunctionImportedFeatures
from stopward.adapters.imports import ImportedHistory, SymbolHistory
from stopward.adapters.supabase import SupabaseDatabase
from stopward.adapters.training import FunctionTraining
from stopward.domain.features import Vector, as_bytes
from stopward.domain.features.past_trade import StoredVector
from stopward.domain.features.vector import as_float32
from stopward.domain.history import ExecutionId, round_trips
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.training import Lesson, Registered, TrainingPage
from stopward.errors import DatabaseRejected, InvalidInput, InvalidState
from stopward.training.stored import dataset_of
from tests.builders.history import an_execution, executions
from tests.builders.models import ModelWorld
from tests.builders.simulated_trades import some_trades
from tests.builders.store import D
from tests.builders.training import (
    BEGAN,
    NAMES,
    SCHEMA_HASH,
    a_few,
    a_training,
    moment,
    position_id,
    store_journal,
)

PAST = BEGAN - timedelta(days=3_000)
"""Before every trade of `store_journal`."""


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


@pytest.fixture(params=["psycopg", "supabase-py"])
def functions(request: pytest.FixtureRequest, world: ModelWorld) -> Iterator[Functions]:
    if request.param == "psycopg":
        yield world._database
        return
    gateway = request.getfixturevalue("gateway")
    found = SupabaseDatabase(gateway.url, key=gateway.keys.secret)
    yield found
    found.close()


def pages(functions: Functions, world: ModelWorld, *, page_trades: int = 2) -> list[TrainingPage]:
    book, found = FunctionTraining(functions, page_trades=page_trades), []
    after = None
    while True:
        page = book.read(world.account_id, schema_hash=SCHEMA_HASH, at=BEGAN, after=after)
        found.append(page)
        after = page.after
        if after is None:
            return found


def test_what_was_stored_is_what_is_trained_on_to_the_bit(
    functions: Functions, world: ModelWorld
) -> None:
    trades = some_trades(7, features=len(NAMES), seed=2)
    store_journal(world, trades, rebuilt=3)
    found = pages(functions, world)
    assert [len(page.rows) for page in found] == [2, 2, 2, 1]
    assert {page.names for page in found} == {NAMES}
    rows = [row for page in found for row in page.rows]
    read = dataset_of(rows, names=NAMES, schema_hash=SCHEMA_HASH)
    assert read.x.tobytes() == trades.x.tobytes()
    assert read.net_r.tobytes() == trades.net_r.tobytes()
    assert read.entry_at.tolist() == trades.entry_at.tolist()
    assert read.exit_at.tolist() == trades.exit_at.tolist()
    assert sorted(row.position_id for row in rows if row.rebuilt) == [
        position_id(world, number) for number in range(3)
    ]


def test_trades_without_a_vector_are_counted_on_their_page(
    functions: Functions, world: ModelWorld
) -> None:
    store_journal(world, some_trades(5, features=2), bare=3)
    found = pages(functions, world)
    assert sum(page.without for page in found) == 3
    assert sum(len(page.rows) for page in found) == 2
    assert len(found) == 3
    other = FunctionTraining(functions).read(world.account_id, schema_hash="none", at=BEGAN)
    assert (other.names, other.rows, other.without) == (None, (), 5)


def test_the_past_without_vectors_is_counted_once_and_not_learned_from(
    functions: Functions, world: ModelWorld
) -> None:
    store_journal(world, some_trades(3, features=2))
    past = executions("buy! 100 at 10.5", "sell. 100 at 11", "buy! 5 at 10", "sell. 5 at 9")
    history = SymbolHistory(
        symbol=Symbol("AAPL"), new=past, executions=len(past), trades=round_trips(past).trips
    )
    ImportedHistory(world._database, world.account_id, "tradervue").add([history])
    found = pages(functions, world)
    assert [page.imported for page in found] == [2, 0]
    assert sum(len(page.rows) for page in found) == 3


def past(world: ModelWorld, *stops: str | None) -> list[PositionId]:
    """Import trades of ten minutes, an hour apart, before anything that is stored; tell ids."""
    given = []
    for number, stop in enumerate(stops):
        at = PAST + number * timedelta(hours=1)
        given += [
            an_execution("buy 100 at 10.5", id=ExecutionId(f"b{number}"), at=at, effect="open",
                         initial_stop=None if stop is None else D(stop)),
            an_execution("sell 100 at 11", id=ExecutionId(f"s{number}"),
                         at=at + timedelta(minutes=10), effect="close"),
        ]  # fmt: skip
    trips = round_trips(tuple(given)).trips
    history = SymbolHistory(
        symbol=Symbol("AAPL"), new=tuple(given), executions=len(given), trades=trips
    )
    ImportedHistory(world._database, world.account_id, "tradervue").add([history])
    return [PositionId(f"tradervue/b{number}") for number in range(len(stops))]


def rebuild(world: ModelWorld, *ids: PositionId) -> dict[PositionId, Vector]:
    """Store a vector of each imported trade."""
    book = FunctionImportedFeatures(world._database, sessions_between=lambda *_: ())
    found = {
        each: (as_float32(number + 0.1), *[None] * (len(NAMES) - 1))
        for number, each in enumerate(ids)
    }
    vectors = [
        StoredVector(
            position_id=each, kind="entry", at=PAST + int(each[-1]) * timedelta(hours=1),
            schema_hash=SCHEMA_HASH, vector=vector, rebuilt=True,
        )
        for each, vector in found.items()
    ]  # fmt: skip
    assert book.put_vectors(world.account_id, vectors) == len(vectors)
    return found


def test_the_past_is_learned_from_once_its_vectors_are_rebuilt(
    functions: Functions, world: ModelWorld
) -> None:
    store_journal(world, some_trades(3, features=len(NAMES)))
    ids = past(world, "10", None, "10", "10.25")
    vectors = rebuild(world, ids[0], ids[3])
    found = pages(functions, world)
    rows = [row for page in found for row in page.rows]
    assert [row.position_id for row in rows[:2]] == [ids[0], ids[3]]
    assert [row.closed_at for row in rows] == sorted(row.closed_at for row in rows)
    assert len(rows) == 5
    for row, r in zip(rows[:2], (1.0, 2.0), strict=True):
        assert as_bytes(row.vector) == as_bytes(vectors[row.position_id])
        assert (row.r, row.rebuilt) == (r, True)
        assert row.closed_at - row.entered_at == timedelta(minutes=10)
    assert [page.imported for page in found] == [2, *[0] * (len(found) - 1)]
    assert sum(page.without for page in found) == 0


def test_of_the_past_nothing_counts_twice_nor_for_what_is_open(
    functions: Functions, world: ModelWorld
) -> None:
    store_journal(world, some_trades(1, features=len(NAMES)))
    ids = past(world, "10", "10")
    rebuild(world, *ids)
    book = FunctionTraining(functions)
    asked = {"schema_hash": SCHEMA_HASH, "at": BEGAN}
    of_open = book.read(world.account_id, kind="open", **asked)
    assert (of_open.imported, len(of_open.rows)) == (2, 0)
    # What closed since the account was opened here may be one of the guarded ones.
    world.execute(
        "update stopward.accounts set created_at = %s where id = %s",
        PAST + timedelta(minutes=30),
        world.account_id,
    )
    found = book.read(world.account_id, **asked)
    assert found.rows[0].position_id == ids[0]
    assert (found.imported, len(found.rows)) == (1, 2)


def test_a_trade_that_closed_later_is_not_read(functions: Functions, world: ModelWorld) -> None:
    trades = a_few(world)
    last = moment(int(trades.exit_at.max()))
    book = FunctionTraining(functions)
    read = [
        len(book.read(world.account_id, schema_hash=SCHEMA_HASH, at=at).rows)
        for at in (last, last - timedelta(microseconds=1))
    ]
    assert read == [5, 4]


def test_a_vector_served_before_the_entry_is_what_the_trade_begins_with(
    functions: Functions, world: ModelWorld
) -> None:
    trades = a_few(world, 1)
    world.execute("set session_replication_role = replica")
    for seconds, begins in ((-90, -90), (90, 0)):
        world.run(
            "update stopward.trade_features as f set at = t.opened_at + make_interval(secs => g.s)"
            " from stopward.trades as t, (values (%s, %s)) as g (account, s)"
            " where f.account_id = g.account and t.account_id = f.account_id"
            " and t.position_id = f.position_id",
            seconds,
        )
        (page,) = pages(functions, world)
        entered = moment(int(trades.entry_at[0])) + timedelta(seconds=begins)
        assert page.rows[0].entered_at == entered
    world.execute("set session_replication_role = origin")


def test_a_page_is_bounded_and_an_account_known(functions: Functions, world: ModelWorld) -> None:
    for account, most, rule in (
        (world.account_id, 1001, "read_training_rows_request"),
        (world.account_id, 0, "read_training_rows_request"),
        (AccountId("nobody"), 10, "unknown_account"),
    ):
        with pytest.raises(DatabaseRejected) as caught:
            FunctionTraining(functions, page_trades=most).read(
                account, schema_hash=SCHEMA_HASH, at=BEGAN
            )
        assert caught.value.rule == rule


def test_a_row_that_cannot_be_read_is_named() -> None:
    class Odd:
        def call(self, *_: Any) -> Any:
            trade = {"position_id": "p7", "entered_at": "x", "values": ["1"], "r": 1}
            return {"names": ["one"], "trades": [trade], "without": 0, "imported": 0, "after": None}

    with pytest.raises(InvalidState, match="trade p7 cannot be read"):
        FunctionTraining(Odd()).read(AccountId("a"), schema_hash="s", at=BEGAN)


def test_a_vector_of_another_length_is_refused_by_its_position(world: ModelWorld) -> None:
    a_few(world, 1)
    (page,) = pages(world._database, world)
    with pytest.raises(InvalidInput, match=f"{len(NAMES)} values; allowed are 2"):
        dataset_of(page.rows, names=("one", "two"), schema_hash=SCHEMA_HASH)


def test_no_trade_is_a_dataset_of_none() -> None:
    found = dataset_of((), names=("one", "two"), schema_hash="s")
    assert (len(found), found.x.shape, found.x.dtype) == (0, (0, 2), np.float32)


def test_a_training_is_asked_for_claimed_kept_and_concluded(
    functions: Functions, world: ModelWorld
) -> None:
    book = FunctionTraining(functions)
    assert book.claim(world.account_id, holder="one", seconds=60) is None
    asked = book.request(world.account_id)
    assert book.request(world.account_id) == asked
    claim = book.claim(world.account_id, holder="one", seconds=60)
    assert claim is not None
    assert (claim.id, claim.because, claim.fence) == (asked, "by_hand", 1)
    book.keep(claim, seconds=120)
    training = a_training()
    told = [book.conclude(claim, training, location="models/x/model.onnx") for _ in range(2)]
    assert told[0] == told[1]
    assert (told[0].model_id, told[0].role) == ("entry-0", "champion")
    (champion,) = book.current(world.account_id)
    assert (champion.model_id, champion.stage, champion.weight) == ("entry-0", "shadow", 0)
    (row,) = world.view("models")
    assert json.dumps(row["threshold"]) == "0.45"
    with pytest.raises(DatabaseRejected) as caught:
        book.keep(claim, seconds=60)
    assert caught.value.rule == "stale_fence"


def test_models_of_two_kinds_are_concluded_together(
    functions: Functions, world: ModelWorld
) -> None:
    book = FunctionTraining(functions)
    book.request(world.account_id)
    claim = book.claim(world.account_id, holder="one", seconds=60)
    assert claim is not None
    further = [
        Lesson(kind="open", training=a_training(kind="open"), location="models/open/model.onnx")
    ]
    told = [
        book.conclude(claim, a_training(), location="models/x/model.onnx", further=further)
        for _ in range(2)
    ]
    assert told[0] == told[1]
    assert told[0].of("open") == Registered(kind="open", model_id="open-0", role="champion")
    assert {(each.kind, each.model_id) for each in book.current(world.account_id)} == {
        ("entry", "entry-0"), ("open", "open-0"),
    }  # fmt: skip
    (row,) = world.view("training_log")
    assert row["numbers"]["open"] == {"verdict": "published", "auc_low": 0.54}
