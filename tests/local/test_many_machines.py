"""`stopward sweep` for many machines: written to a bucket, walked, judged like one walked here."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from stopward.adapters.archive_location import archive_at
from stopward.errors import InvalidInput
from stopward.local.cli import stopward_command
from stopward.replay.sharding.order import MANIFEST
from stopward.replay.sharding.shards import parse_manifest
from stopward.replay.sharding.walking import ShardWalker, content
from tests.builders.data import BARS_HEADER, POSITIONS_HEADER, a_file
from tests.builders.sharding import GRID, RULES
from tests.conftest import MACHINE_CODE

PLACE = "s3://sweeps/mine"
DAYS = tuple(datetime(2024, 1, day, 14, 30, tzinfo=UTC) for day in (3, 4, 5, 8))
Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="sweeps")
        yield


def bars() -> Iterator[str]:
    for number, day in enumerate(DAYS):
        for minute in range(12):
            price = 100.0 + 0.1 * minute * (1 if number % 2 else -1)
            at = (day + timedelta(minutes=minute)).isoformat()
            yield f"AAPL,{at},{price},{price + 0.2},{price - 0.2},{price + 0.1},1000"


@pytest.fixture
def sweep(tmp_path: Path) -> Command:
    MACHINE_CODE.mkdir(parents=True, exist_ok=True)
    (tmp_path / "machine-code").symlink_to(MACHINE_CODE)
    return lambda *words: CliRunner().invoke(
        stopward_command, ["--folder", str(tmp_path), "sweep", *words]
    )


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Return the options that name the files of a sweep over four days."""
    rows = [
        f"p{number},AAPL,long,100,{day.isoformat()},100,99.5" for number, day in enumerate(DAYS)
    ]
    found = {
        "--bars": (BARS_HEADER, *bars()),
        "--positions": (POSITIONS_HEADER, *rows),
        "--rules": (RULES,),
        "--grid": (GRID,),
    }
    options = []
    for option, lines in found.items():
        folder = tmp_path / option.strip("-")
        folder.mkdir()
        options += [option, str(a_file(folder, *lines))]
    return options


def walk_all(place: str) -> None:
    walker = ShardWalker(archive_at=archive_at, workers=1)
    for shard in parse_manifest(content(archive_at(place), MANIFEST), source="m"):
        walker.walk(shard)


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
def test_what_many_machines_found_is_told_as_what_one_finds(
    sweep: Command, files: list[str], form: tuple[str, ...]
) -> None:
    sent = sweep(*files, "--to", PLACE, "--sets-per-shard", "3", "--json")
    assert sent.exit_code == 0, sent.output
    told = json.loads(sent.stdout)
    assert (told["sets"], told["shards"], told["is_new"]) == (7, 3, True)
    walk_all(told["place"])
    here, there = sweep(*files, *form), sweep("--from", told["place"], *form)
    assert (here.exit_code, there.exit_code) == (0, 0)
    assert there.stdout == here.stdout != ""


def test_it_says_how_the_walk_is_started_and_judged(sweep: Command, files: list[str]) -> None:
    first, again = (sweep(*files, "--to", PLACE).stdout.splitlines() for _ in range(2))
    place = first[-1].split()[-1]
    assert place.startswith(f"{PLACE}/")
    assert first[0] == f"7 rule sets lie in 1 shard, in {place}"
    assert again[0] == f"7 rule sets were there already, in 1 shard, in {place}"
    given = json.loads(first[2].partition("--input '")[2].rstrip("'"))
    key = place.removeprefix("s3://sweeps/")
    assert given == {"bucket": "sweeps", "manifest": f"{key}/{MANIFEST}", "runs": f"{key}/runs"}
    assert first[-1].strip() == f"stopward sweep --from {place}"


def test_a_sweep_that_is_not_walked_yet_is_not_judged(sweep: Command, files: list[str]) -> None:
    told = json.loads(sweep(*files, "--to", PLACE, "--json").stdout)
    refused = sweep("--from", told["place"])
    assert isinstance(refused.exception, InvalidInput)
    assert "1 of 1 shards have no result" in str(refused.exception)


def test_what_cannot_be_judged_is_not_sent(
    sweep: Command, files: list[str], tmp_path: Path
) -> None:
    grid = tmp_path / "long.toml"
    grid.write_text(GRID.replace("fit = 2", "fit = 60"))
    refused = sweep(*files, "--grid", str(grid), "--to", PLACE)
    assert "positions were entered on 4 days" in str(refused.exception)
    assert boto3.client("s3").list_objects_v2(Bucket="sweeps")["KeyCount"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "here"), '--from was "here"; allowed is s3://bucket/prefix'),
        (("--from", "s3://sweeps/none"), "terms.json is not there"),
        (("--from", PLACE, "--to", PLACE), "--to is not read with --from"),
        (("--from", PLACE, "--grid", "g.toml"), "--grid is not read with --from"),
        (("--from", PLACE, "--slippage", "none"), "--slippage is not read with --from"),
        (("--sets-per-shard", "3"), "--sets-per-shard is for --to"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    sweep: Command, words: tuple[str, ...], said: str
) -> None:
    refused = sweep(*words)
    assert refused.exit_code != 0
    assert said in refused.output + str(refused.exception)


def test_a_place_that_is_no_bucket_is_refused_before_anything_is_read(sweep: Command) -> None:
    refused = sweep("--bars", "x", "--positions", "x", "--grid", "x", "--to", "here")
    assert str(refused.exception) == '--to was "here"; allowed is s3://bucket/prefix'
