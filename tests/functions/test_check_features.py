"""The function that makes features anew, as Lambda loads it: real database, broker over HTTP."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from stopward.domain.features import names
from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from stopward.errors import DatabaseUnavailable
from stopward.local.postgres import EmbeddedPostgres
from stopward.local.simulator import Simulator
from tests.builders.access import copy_of
from tests.builders.evening import an_evening, called
from tests.builders.lambda_function import a_context, load_app, metrics
from tests.builders.past_features import ENTRY, FRIDAY, INDEX, a_vector, days, minutes, traded
from tests.builders.store import A_SESSION
from tests.builders.store_world import PostgresWorld

EVENING = A_SESSION.closes_at + timedelta(minutes=150)
EVENT = {"time": EVENING.isoformat()}
CONTEXT = a_context("check_features", memory=1024)
SYMBOLS = ("AAPL", "MSFT")
BARS = {Symbol(each): minutes(each) for each in (*SYMBOLS, INDEX)}
NOTHING: dict[str, int] = {
    "features_trades": 0,
    "features_written": 0,
    "features_unfit": 0,
    "features_compared": 0,
    "features_skewed": 0,
    "features_skew": 0,
    "features_failures": 0,
    "features_cut": 0,
}


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "check_features") as found:
        yield found


@pytest.fixture
def world(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresWorld]:
    with an_evening(url, monkeypatch) as found:
        yield found


def run(
    monkeypatch: pytest.MonkeyPatch, bars: Mapping[Symbol, Sequence[ClosedBar]] = BARS
) -> dict[str, int]:
    """Run the function at a broker that has these bars; return its counts."""
    simulator = Simulator(
        bars=bars,
        daily_bars={Symbol(each): days(each) for each in SYMBOLS},
        sessions=[FRIDAY, A_SESSION],
        start=EVENING,
        cash=Decimal(1000),
    )
    with simulator.serve() as broker_url:
        monkeypatch.setenv("STOPWARD_MARKET_DATA_URL", broker_url)
        return called("check_features", "check", EVENT, CONTEXT)


def vectors(world: PostgresWorld) -> list[tuple[Any, ...]]:
    statement = (
        "select position_id, rebuilt, vector, outcome_won from stopward.trade_features"
        " where account_id = %s order by position_id"
    )
    return world._eyes.execute(statement.encode(), (world.account_id,)).fetchall()


def logged(caplog: pytest.LogCaptureFixture) -> Any:
    (record,) = [each for each in caplog.records if each.message == "features_checked"]
    return record


def test_an_evening_stores_what_is_missing_and_finds_it_again_bit_for_bit(
    world: PostgresWorld,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    traded(world, "AAPL")
    traded(world, "MSFT", tick=30, price="99")
    counts = run(monkeypatch)
    assert counts == {
        **NOTHING, "features_trades": 2, "features_written": 2, "features_compared": 2,
    }  # fmt: skip
    assert [(rebuilt, won) for _, rebuilt, _, won in vectors(world)] == [
        (True, True),
        (True, False),
    ]
    for _, _, vector, _ in vectors(world):
        missing = {name for name, each in zip(names("entry"), vector, strict=True) if each is None}
        few = {"recent_win_rate", "recent_mean_r", "symbol_mean_r"}
        assert missing - {"streak"} == {"vix", "breadth", "reward_to_risk"} | few
    assert logged(caplog).levelname == "INFO"
    emitted = metrics(capsys.readouterr().out)
    assert emitted["FeaturesWritten"] == [2.0]
    assert len(emitted) == len(counts)


def test_run_again_it_stores_nothing(world: PostgresWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    traded(world)
    run(monkeypatch)
    before = vectors(world)
    assert run(monkeypatch) == {**NOTHING, "features_compared": 1}
    assert vectors(world) == before


def test_a_vector_that_differs_is_told_and_stays(
    world: PostgresWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    position = traded(world)
    app = load_app("check_features")
    app.check.book.put_schema(ENTRY, names("entry"))
    served = a_vector(position, rebuilt=False)
    app.check.book.put_vectors(world.account_id, [served])
    app.check.book._functions.close()
    counts = run(monkeypatch)
    assert (counts["features_skewed"], counts["features_skew"]) == (1, 1)
    assert logged(caplog).levelname == "ERROR"
    assert len(logged(caplog).__dict__["differing"]) == 10
    assert [tuple(vector) for _, _, vector, _ in vectors(world)] == [served.vector]


def test_a_broker_that_does_not_answer_is_told_and_the_rest_waits(
    world: PostgresWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    traded(world)
    monkeypatch.setenv("STOPWARD_MARKET_DATA_URL", "http://127.0.0.1:9")
    counts = called("check_features", "check", EVENT, CONTEXT)
    assert (counts["features_failures"], counts["features_cut"]) == (1, 1)
    assert logged(caplog).levelname == "ERROR"
    assert logged(caplog).__dict__["failed"][0].startswith("bars: ")
    assert run(monkeypatch)["features_written"] == 1


def test_a_trade_without_bars_is_counted_with_its_reason(
    world: PostgresWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    traded(world)
    counts = run(monkeypatch, {INDEX: BARS[INDEX]})
    assert (counts["features_unfit"], counts["features_written"]) == (1, 0)
    assert logged(caplog).__dict__["unfit"] == {"no_bars": 1}
    assert logged(caplog).levelname == "INFO"


@pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")
def test_a_database_that_does_not_answer_fails_the_function(
    world: PostgresWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STOPWARD_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    with pytest.raises(DatabaseUnavailable):
        run(monkeypatch)
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
        "features_not_checked"
    ]
