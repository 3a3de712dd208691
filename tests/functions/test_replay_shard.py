"""A sweep through the deployed state machine: the real handler for each shard, S3 by moto."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from stopward.adapters.archive_location import archive_at
from stopward.errors import ArchiveUnavailable, InvalidInput
from stopward.local.replay.many_machines import execution_input
from stopward.replay.compiled import keep_in
from stopward.replay.sharding.order import Order
from stopward.replay.sharding.sending import Sent, send
from stopward.replay.sharding.walking import ShardWalker, join
from tests.builders.lambda_function import a_context, load_app
from tests.builders.sharding import an_order, walked_here
from tests.builders.step_functions import SweepMachine
from tests.conftest import MACHINE_CODE
from tests.docs.pages import ROOT

BUCKET = "sweeps"
PLACE = f"s3://{BUCKET}/mine"
SETS = 7
CONTEXT = a_context("replay_shard", memory=3008)
Run = Callable[[dict[str, Any]], dict[str, int]]


@pytest.fixture(scope="module")
def order() -> Order:
    keep_in(MACHINE_CODE)
    return an_order()


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"), ("POWERTOOLS_SERVICE_NAME", "stopward"),
        ("POWERTOOLS_METRICS_NAMESPACE", "Stopward"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Return the function's module as Lambda loads it, with the machine code that tests keep."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    module = load_app("replay_shard")
    keep_in(MACHINE_CODE)
    yield module
    keep_in(MACHINE_CODE)


@pytest.fixture
def run(app: ModuleType) -> Run:
    return lambda event: app.handler(event, CONTEXT)


@pytest.fixture
def sent(order: Order) -> Sent:
    return send(order, place=PLACE, archive_at=archive_at, sets_a_shard=2)


def test_the_state_machine_finds_what_one_machine_finds_to_the_last_bit(
    order: Order, sent: Sent, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = SweepMachine(run, monkeypatch)
    assert machine.run(execution_input(sent)) == "SUCCEEDED"
    assert machine.walked() == [(0, 2), (2, 4), (4, 6), (6, 7)]
    found = join(archive_at(sent.place), sets=SETS, positions=order.positions)
    here = walked_here(order)
    assert found.net_r.tobytes() == here.net_r.tobytes()
    assert (found.net_r.shape, found.days) == (here.net_r.shape, here.days)
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="mine/")["Contents"]
    assert any("/runs/" in each["Key"] for each in listed)


def test_a_shard_that_fails_twice_is_tried_again_alone(
    order: Order, sent: Sent, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [ArchiveUnavailable("no answer"), MemoryError()]

    def shaky(event: dict[str, Any]) -> dict[str, int]:
        if event["first"] == 2 and failures:
            raise failures.pop()
        return run(event)

    machine = SweepMachine(shaky, monkeypatch)
    assert machine.run(execution_input(sent)) == "SUCCEEDED"
    assert machine.walked() == [(0, 2), (2, 4), (2, 4), (2, 4), (4, 6), (6, 7)]
    assert len(machine.waits) == 2
    assert 0 <= machine.waits[0] <= 5
    assert 0 <= machine.waits[1] <= 10
    join(archive_at(sent.place), sets=SETS, positions=order.positions)


def test_what_no_retry_mends_is_tried_once_named_and_walked_alone_when_it_is_started_again(
    order: Order, sent: Sent, app: ModuleType, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [True]

    def refusing(event: dict[str, Any]) -> dict[str, int]:
        if event["first"] == 4 and broken:
            raise InvalidInput("by other code")
        return run(event)

    machine = SweepMachine(refusing, monkeypatch)
    machine.run(execution_input(sent))
    assert machine.walked() == [(0, 2), (2, 4), (4, 6), (6, 7)]
    assert machine.waits == []
    with pytest.raises(InvalidInput, match=r"(?s)1 of 4 shards have no result.*sets 4 to 5: s3://"):
        join(archive_at(sent.place), sets=SETS, positions=order.positions)
    broken.clear()
    walked: list[int] = []
    monkeypatch.setattr(app, "walker", Counting(app.walker, walked))
    machine.run(execution_input(sent))
    assert (sorted(walked), len(machine.walked())) == ([0, 0, 0, 2], 4)
    join(archive_at(sent.place), sets=SETS, positions=order.positions)


class Counting:
    """A walker that notes how many rule sets each shard made it walk."""

    def __init__(self, walker: ShardWalker, walked: list[int]) -> None:
        self._walker, self._walked = walker, walked

    def walk(self, shard: Any) -> Any:
        summary = self._walker.walk(shard)
        self._walked.append(summary.walked)
        return summary


def test_a_shard_is_one_line_and_two_counts(
    sent: Sent, run: Run, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    item = json.loads(boto3.client("s3").get_object(
        Bucket=BUCKET, Key=execution_input(sent)["manifest"]
    )["Body"].read())[3]  # fmt: skip
    assert run(item) == {"sets_walked": 1, "sets_kept": 0}
    assert run(item) == {"sets_walked": 0, "sets_kept": 1}
    lines = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "_aws" in each]
    assert [(each["SetsWalked"], each["SetsKept"]) for each in lines] == [
        ([1.0], [0.0]), ([0.0], [1.0]),
    ]  # fmt: skip
    records = [each for each in caplog.records if each.message == "shard_walked"]
    assert [each.__dict__["result"] for each in records] == ["results/000006-000006.npy"] * 2


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_an_event_that_is_no_shard_is_refused(run: Run) -> None:
    with pytest.raises(InvalidInput, match=r"event: was \['time'\]; a shard has place, first"):
        run({"time": "2026-11-23T06:00:00Z"})


def test_the_image_is_made_from_what_the_function_is() -> None:
    folder = ROOT / "functions" / "replay_shard"
    text = (folder / "Dockerfile").read_text(encoding="utf-8")
    copied = [line.split()[1] for line in text.splitlines() if line.startswith("COPY")]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    kept = (folder / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line.removeprefix("!") for line in kept if line.startswith("!")} == set(copied)
    assert 'CMD ["app.handler"]' in text


def test_machine_code_of_the_image_is_copied_to_where_it_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stopward import bootstrap
    from stopward.replay import compiled

    (tmp_path / "image" / "digest").mkdir(parents=True)
    (tmp_path / "image" / "digest" / "walk.o").write_bytes(b"code")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "writable"))
    monkeypatch.setattr(compiled, "_folder", None)
    for _ in range(2):
        bootstrap.shard_walker(compiled=tmp_path / "image")
    (kept,) = (tmp_path / "writable").rglob("*.o")
    assert kept.read_bytes() == b"code"
    assert str(compiled._folder).startswith(str(kept.parents[1]))
