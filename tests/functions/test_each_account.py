"""The functions that work for every account of a fleet, as Lambda loads them: real database."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from stopward.adapters.fleet import FunctionFleet
from stopward.domain.identity import AccountId
from stopward.domain.pulses import Roster
from stopward.domain.training import Training, TrainingRow
from stopward.entry import metric_name
from stopward.errors import DatabaseUnavailable
from stopward.local.postgres import EmbeddedPostgres
from stopward.local.simulator import KEY, SECRET, Fault
from stopward.training.stored import StoredTrainer
from tests.builders.access import copy_of
from tests.builders.fleet_nights import (
    MINUTE,
    NIGHTS,
    FleetAtNight,
    Night,
    a_fleet_at_night,
    started,
)
from tests.builders.lambda_function import a_context, metrics
from tests.builders.open_positions import ENTERED
from tests.builders.store import NOON
from tests.builders.training import expire_claim

Fleets = Callable[..., AbstractContextManager[FleetAtNight]]
BY_NAME = {night.folder: night for night in NIGHTS}
SCORES = BY_NAME["score_positions"]


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "each_account") as found:
        yield found


@pytest.fixture
def fleets(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleets:
    def make(night: Night, size: int = 3) -> AbstractContextManager[FleetAtNight]:
        return a_fleet_at_night(night, url, tmp_path, monkeypatch, size=size)

    return make


@pytest.fixture(params=NIGHTS, ids=lambda night: night.folder)
def night(request: pytest.FixtureRequest) -> Night:
    found: Night = request.param
    return found


@pytest.fixture
def fleet(night: Night, fleets: Fleets) -> Iterator[FleetAtNight]:
    with fleets(night) as found:
        yield found


def logged(caplog: pytest.LogCaptureFixture, fleet: FleetAtNight) -> Any:
    (record,) = [each for each in caplog.records if each.message == fleet.night.line]
    return record


def joined(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[FunctionFleet, Roster], Roster]
) -> None:
    """Let something happen between the reading of the roster and the work."""
    read = FunctionFleet.roster

    def roster(self: FunctionFleet, *, silent_before: datetime) -> Roster:
        return change(self, read(self, silent_before=silent_before))

    monkeypatch.setattr(FunctionFleet, "roster", roster)


def test_every_account_is_done_and_counts_are_summed(
    fleet: FleetAtNight, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    counts = fleet.run()
    assert fleet.counted(counts) == (3, 0, 3, 0)
    assert logged(caplog, fleet).levelname == "INFO"
    assert logged(caplog, fleet).left == []
    emitted = metrics(capsys.readouterr().out)
    assert emitted == {metric_name(name): [float(each)] for name, each in counts.items()}
    assert fleet.run()[f"{fleet.night.work}_accounts_done"] == 3


def test_one_that_fails_is_told_by_its_name_and_costs_no_other(
    fleet: FleetAtNight, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Of whom the database knows nothing any more when it is asked.
    unknown = AccountId("account-gone")
    joined(monkeypatch, lambda _, told: Roster(accounts=(unknown, *told.accounts)))
    assert fleet.counted(fleet.run()) == (3, 1, 3, 0)
    line = logged(caplog, fleet)
    assert line.levelname == "ERROR"
    (failed,) = line.failed
    assert failed.startswith(f"{unknown}: ")
    assert "account" in failed.removeprefix(f"{unknown}: ")


def test_who_is_left_when_time_runs_out_is_begun_with_the_next_time(
    fleet: FleetAtNight, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = set(fleet.ids)
    for number in range(3):
        caplog.clear()
        assert fleet.counted(fleet.run(number, accounts=1)) == (1, 0, 1, 2)
        (done,) = set(fleet.ids) - set(logged(caplog, fleet).left)
        assert done in waiting
        waiting.remove(done)
    assert not waiting


def test_an_account_that_leaves_meanwhile_is_done_once_more_and_then_no_more(
    fleet: FleetAtNight, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    leaving = fleet.worlds[-1]

    def leave(_: FunctionFleet, told: Roster) -> Roster:
        leaving.people.put_fleet(leaving.account_id, None)
        return told

    joined(monkeypatch, leave)
    assert fleet.counted(fleet.run()) == (3, 0, 3, 0)
    assert fleet.run(1)[f"{fleet.night.work}_accounts_done"] == 2


def test_an_empty_fleet_has_nothing_to_be_done(
    night: Night, fleets: Fleets, caplog: pytest.LogCaptureFixture
) -> None:
    with fleets(night, size=1) as fleet:
        (world,) = fleet.worlds
        world.people.put_fleet(world.account_id, "another")
        assert set(fleet.run().values()) == {0}
        assert logged(caplog, fleet).levelname == "INFO"


@pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")
def test_a_roster_that_nobody_answers_fails_the_function(
    night: Night,
    fleets: Fleets,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with fleets(night, size=0) as fleet:
        monkeypatch.setenv("STOPWARD_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
        with pytest.raises(DatabaseUnavailable):
            fleet.run()
    assert night.unanswered in [each.message for each in caplog.records]


@pytest.mark.parametrize("folder", ["attribute_exits", "check_features", "score_positions"])
def test_bars_are_read_with_the_stacks_own_keys_and_no_accounts_secret_is(
    fleets: Fleets, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    asked: list[str] = []

    def read(arn: str, **_: Any) -> str:
        asked.append(arn)
        return json.dumps({"key_id": KEY, "secret_key": SECRET})

    monkeypatch.setattr("stopward.adapters.secrets.read_secret", read)
    with fleets(BY_NAME[folder], size=2) as fleet:
        for name in ("KEY_ID", "SECRET_KEY"):
            monkeypatch.delenv(f"STOPWARD_BROKER_{name}")
        monkeypatch.setenv("STOPWARD_BROKER_SECRET_ARN", "arn:stack")
        assert fleet.counted(fleet.run()) == (2, 0, 2, 0)
    assert asked == ["arn:stack"]


def test_bars_of_a_minute_are_asked_for_once_and_of_the_next_all_together(fleets: Fleets) -> None:
    with fleets(SCORES) as fleet:
        *_, other = fleet.worlds
        other.open("MSFT", opened_at=ENTERED, adopted_at=ENTERED)
        with started(SCORES) as app:
            for minute in (NOON, NOON + MINUTE):
                counts = app.handler({"time": minute.isoformat()}, a_context("score_positions"))
                assert counts["positions_scored"] == 3
                assert counts["positions_unscored"] == 1, "of MSFT there are no bars"
        asked = [
            set(each.request.query["symbols"].split(","))
            for each in fleet.broker.log
            if each.request.path == "/v2/stocks/bars"
        ]
        assert asked[-1] == {"AAPL", "MSFT", "SPY"}
        first = asked[:-1]
        assert len(first) == len(set().union(*first) - {"SPY"}) == 2, "each symbol once"
        assert sum(len(each) for each in first) == 3


def test_a_champion_that_cannot_be_asked_is_told_with_its_account(
    fleets: Fleets, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with fleets(SCORES) as fleet:
        rmtree(tmp_path / "models")
        assert fleet.counted(fleet.run()) == (0, 3, 3, 0)
        line = logged(caplog, fleet)
        assert sorted(each.split(": ")[0] for each in line.failed) == fleet.ids
        assert all(f"{each}: " in line.unserved for each in fleet.ids)


def test_a_training_that_another_run_has_is_left_to_it(
    fleets: Fleets, caplog: pytest.LogCaptureFixture
) -> None:
    with fleets(BY_NAME["train_model"]) as fleet:
        taken = fleet.worlds[1]
        taken.call("claim_training", holder="another run", seconds=600)
        assert fleet.counted(fleet.run()) == (2, 0, 3, 0)
        line = logged(caplog, fleet)
        assert set(line.accounts) == set(fleet.ids) - {taken.account_id}
        assert {told["verdict"] for told in line.accounts.values()} == {"not_enough_trades"}
        verdicts = [row["verdict"] for world in fleet.worlds for row in world.view("training_log")]
        assert verdicts == ["not_enough_trades", None, "not_enough_trades"]


def test_a_training_that_breaks_off_is_let_go_of_and_the_others_go_on(
    fleets: Fleets, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runs = count(1)

    def breaks_second(self: StoredTrainer, rows: Iterable[TrainingRow], **told: Any) -> Training:
        if told["kind"] == "entry" and next(runs) == 2:
            raise ValueError("Input X contains NaN")
        return trained(self, rows, **told)

    trained = StoredTrainer.__call__
    monkeypatch.setattr(StoredTrainer, "__call__", breaks_second)
    with fleets(BY_NAME["train_model"]) as fleet:
        assert fleet.counted(fleet.run()) == (2, 1, 2, 0)
        line = logged(caplog, fleet)
        assert line.levelname == "ERROR"
        ((broken, says),) = (each.split(": ", 1) for each in line.failed)
        assert says.startswith("ValueError in breaks_second, line ")
        (world,) = (each for each in fleet.worlds if each.account_id == broken)
        expire_claim(world)
        caplog.clear()
        assert fleet.counted(fleet.run(1)) == (1, 0, 3, 0)


def test_a_broker_without_bars_is_waited_for_once_a_minute_and_told_of_each_account(
    fleets: Fleets, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with fleets(SCORES) as fleet:
        fleet.broker.fault(Fault(kind="server_error", path="/v2/stocks/bars", times=None))
        counts = fleet.run()
        assert fleet.counted(counts) == (0, 3, 3, 0)
        assert sorted(each.split(": ")[0] for each in logged(caplog, fleet).failed) == fleet.ids
        once = len(fleet.broker.log)
        fleet.run(1, accounts=1)
        assert len(fleet.broker.log) == 2 * once, "as often as for one account alone"
