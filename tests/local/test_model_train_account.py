"""`stopward model train` over an account: the job of the night, told as a file's training is."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stopward.domain.training import Verdict
from stopward.errors import DatabaseRejected, InvalidInput
from stopward.local.cli import stopward_command
from stopward.local.exit_code import ExitCode
from stopward.local.model import account_training
from tests.builders.models import ModelWorld
from tests.builders.simulated_trades import some_trades
from tests.builders.training import QuickTrainer, a_few, expire_claim, open_minutes, store_journal


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


def run(world: ModelWorld, folder: Path, *words: str) -> Result:
    """Train the account's model into a folder."""
    return CliRunner(catch_exceptions=False).invoke(
        stopward_command,
        ["--folder", str(folder / "kept"), "model", "train",
         "--database-url", world.url, "--account", world.account_id, *words],
        standalone_mode=False,
    )  # fmt: skip


@contextmanager
def a_quick_trainer(monkeypatch: pytest.MonkeyPatch, trainer: QuickTrainer) -> Iterator[None]:
    """Let the command train without a learner, and tell without a whole manifest."""
    with monkeypatch.context() as patched:
        patched.setattr(account_training, "StoredTrainer", lambda **_: trainer)
        patched.setattr(account_training, "judged_text", lambda told, _: f"{told['verdict']}\n")
        yield


def test_an_account_without_an_edge_is_told_so_with_each_gate(
    world: ModelWorld, tmp_path: Path
) -> None:
    store_journal(world, some_trades(120, seed=3, features=4), bare=2, rebuilt=3)
    done = run(world, tmp_path, "--to", str(tmp_path / "there"))
    assert done.return_value == ExitCode.OK
    lines = done.stdout.splitlines()
    assert lines[0] == "no_model_beats_base_rate"
    assert any(line.strip().startswith("auc_low") for line in lines)
    (row,) = world.view("training_log")
    assert (row["verdict"], row["because"]) == ("no_model_beats_base_rate", "first")
    place = lines.index("of open positions: not_enough_trades")
    assert lines[place - 3 : place] == [
        f"  registered as {row['model_id']}, refused: not asked",
        "  read 118 trades, 3 with a rebuilt vector",
        "  left out 2 without a vector of these features: `check_features` makes them each evening",
    ]
    assert lines[place + 2 :] == [
        "  read 0 trades, 0 with a rebuilt vector",
        "  left out 120 without a vector of these features: they are stored while a position is "
        "open, and never made later",
    ]
    assert (tmp_path / "there" / "models" / row["model_id"] / "model.onnx").is_file()


def test_too_few_trades_say_what_is_missing(world: ModelWorld, tmp_path: Path) -> None:
    a_few(world)
    done = run(world, tmp_path, "--to", str(tmp_path / "there"), "--json")
    assert done.return_value == ExitCode.OK
    told = json.loads(done.stdout)
    assert (told["verdict"], told["model_id"], told["role"]) == ("not_enough_trades", None, None)
    assert "95 trades (5 of 100)" in told["says"]
    assert told["numbers"]["trades"] == 5
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize(
    ("verdict", "code", "says"),
    [
        ("published", ExitCode.OK, "champion: it is asked, and decides nothing"),
        ("no_model_beats_base_rate", ExitCode.OK, "refused: not asked"),
        ("leak_suspected", ExitCode.CONFIGURATION, "refused: not asked"),
        ("parity_failed", ExitCode.DEFECT, "refused: not asked"),
    ],
)
def test_each_verdict_has_its_code_and_says_what_the_model_became(
    *,
    world: ModelWorld,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verdict: Verdict,
    code: ExitCode,
    says: str,
) -> None:
    a_few(world)
    with a_quick_trainer(monkeypatch, QuickTrainer(verdict=verdict)):
        done = run(world, tmp_path, "--to", str(tmp_path / "there"))
    assert (done.return_value, done.stdout.splitlines()[0]) == (code, verdict)
    assert says in done.stdout


@pytest.mark.parametrize(
    ("verdict", "of_open", "code", "says"),
    [
        (
            "no_model_beats_base_rate",
            "published",
            ExitCode.OK,
            "champion: it is asked, begins in shadow, and binds nothing",
        ),
        ("published", "leak_suspected", ExitCode.CONFIGURATION, "refused: not asked"),
        ("leak_suspected", "parity_failed", ExitCode.CONFIGURATION, "refused: not asked"),
    ],
)
def test_what_came_of_open_positions_is_told_behind(
    *,
    world: ModelWorld,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verdict: Verdict,
    of_open: Verdict,
    code: ExitCode,
    says: str,
) -> None:
    open_minutes(world, a_few(world, minutes=100))
    with a_quick_trainer(monkeypatch, QuickTrainer(verdict=verdict, of_open=of_open)):
        done = run(world, tmp_path, "--to", str(tmp_path / "there"))
        again = run(world, tmp_path, "--to", str(tmp_path / "there"), "--json")
    assert done.return_value == code
    lines = done.stdout.splitlines()
    assert lines[0] == verdict
    behind = lines[lines.index(f"of open positions: {of_open}") + 1 :]
    assert behind[0].startswith("  registered as open-1, ")
    assert says in behind[0]
    assert behind[1:] == ["  read 5 trades, 0 with a rebuilt vector"]
    told = json.loads(again.stdout)
    assert (told["verdict"], told["open"]["verdict"]) == (verdict, of_open)
    assert told["open"]["model_id"] == told["open"]["manifest"]["model_id"] == "open-2"
    assert told["open"]["numbers"]["trades"] == 5


def test_the_next_one_is_challenger_and_then_none_is_replaced(
    world: ModelWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_few(world)
    trainer, told = QuickTrainer(), []
    with a_quick_trainer(monkeypatch, trainer):
        for _ in range(3):
            done = run(world, tmp_path, "--to", str(tmp_path / "there"), "--json")
            told.append(json.loads(done.stdout)["role"])
    assert told == ["champion", "challenger", None]


def test_what_another_run_has_is_not_taken_from_it(world: ModelWorld, tmp_path: Path) -> None:
    a_few(world)
    world.call("request_training")
    world.call("claim_training", holder="the night", seconds=600)
    with pytest.raises(InvalidInput, match=f"training-1 of account {world.account_id} is another"):
        run(world, tmp_path, "--to", str(tmp_path / "there"))


def test_what_was_taken_over_is_told(
    world: ModelWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_few(world)

    def taken() -> None:
        expire_claim(world)
        world.call("claim_training", holder="the night", seconds=600)

    with (
        a_quick_trainer(monkeypatch, QuickTrainer(meanwhile=taken)),
        pytest.raises(DatabaseRejected, match="was taken over"),
    ):
        run(world, tmp_path, "--to", str(tmp_path / "there"))


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--database-url", "postgresql://x"], "--to too"),
     (["--database-url", "postgresql://x", "--to", "there"], "needs --account"),
     ([], "no run")],
)  # fmt: skip
def test_without_a_place_or_an_account_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    for name in ("STOPWARD_DATABASE_URL", "STOPWARD_ACCOUNT_ID"):
        monkeypatch.delenv(name, raising=False)
    given: Any = ["--folder", str(tmp_path / "kept"), "model", "train", *words]
    with pytest.raises(InvalidInput, match=says):
        CliRunner(catch_exceptions=False).invoke(stopward_command, given, standalone_mode=False)
