"""`stopward model train` over a file: the verdict with its figures, files, refusals by line."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click import UsageError
from click.testing import CliRunner, Result

from stopward.adapters.archive_folder import FolderArchive
from stopward.errors import InvalidInput
from stopward.local.cli import stopward_command
from stopward.local.model.trade_file import read_trades, schema_hash
from stopward.services.model_files import ModelFiles
from stopward.training.dataset import Dataset
from tests.builders.data import a_file
from tests.builders.open_trades import open_trades
from tests.builders.simulated_trades import some_trades

HEADER = "entry_at,exit_at,net_r,atr,rsi"
ROWS = (
    "2026-01-06T10:00:00-05:00,2026-01-06T10:30:00-05:00,1.5,0.25,",
    "2026-01-05T10:00:00-05:00,2026-01-05T10:00:00.5-05:00,-1,,-3e1",
)


def written(path: Path, trades: Dataset) -> Path:
    """Write trades as the command reads them."""
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("entry_at", "exit_at", "net_r", *trades.names))
        for row, result, begin, end in zip(
            trades.x, trades.net_r, trades.entry_at, trades.exit_at, strict=True
        ):
            moments = (f"{np.datetime64(int(one), 'us')}+00:00" for one in (begin, end))
            values = ("" if np.isnan(one) else repr(float(one)) for one in row)
            lines.writerow((*moments, repr(float(result)), *values))
    return path


def run(tmp_path: Path, *words: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(
        stopward_command,
        ["--folder", str(tmp_path / "kept"), "model", "train", *words],
        standalone_mode=False,
    )


def test_a_file_is_read_as_it_says(tmp_path: Path) -> None:
    found = read_trades(a_file(tmp_path, HEADER, *ROWS))
    assert found.names == ("atr", "rsi")
    assert found.net_r.tolist() == [-1.0, 1.5], "in order of entry"
    assert np.array_equal(
        found.x, np.array([[np.nan, -30.0], [0.25, np.nan]], np.float32), equal_nan=True
    )
    assert (found.exit_at - found.entry_at).tolist() == [500_000, 1_800_000_000]
    assert found.schema_hash == schema_hash(("atr", "rsi")) != schema_hash(("rsi", "atr"))


def test_what_was_written_is_what_is_trained_on(tmp_path: Path) -> None:
    trades = some_trades(30, features=3)
    found = read_trades(written(tmp_path / "trades.csv", trades))
    assert np.array_equal(found.x, trades.x, equal_nan=True)
    assert found.net_r.tolist() == trades.net_r.tolist()
    assert found.entry_at.tolist() == trades.entry_at.tolist()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((HEADER, ROWS[0].replace("0.25", "inf")), 'line 2, column atr: was "inf"; write a plain'),
        ((HEADER, ROWS[0], ROWS[1].replace("-05:00", "", 1)), "line 3, column entry_at: was"),
        ((HEADER, ROWS[0].replace("T10:30", "T09:30")), "line 2, column exit_at: was"),
        ((HEADER, ROWS[0].replace(",1.5,", ",1500,")), "column net_r: was \"1500\"; write the"),
        ((HEADER, ROWS[0].replace(",1.5,", ",,")), 'column net_r: was ""'),
        ((HEADER, ROWS[0].replace("0.25", "1e38")), "column atr: was \"1e38\"; must be under"),
        ((HEADER, ROWS[0] + ",7"), "a row has 5 values; it has 6"),
        ((HEADER,), "has a header and no rows"),
        (("entry_at,exit_at,atr", "1,2,3"), "line 1: missing net_r. The columns are entry_at,"),
        (("entry_at,exit_at,net_r", "1,2,3"), "line 1: no feature"),
        ((HEADER + ",atr", ROWS[0]), "line 1: a name is empty or twice"),
        (("",), "missing entry_at, exit_at, net_r"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_its_line(
    tmp_path: Path, lines: tuple[str, ...], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_trades(a_file(tmp_path, *lines))


def test_a_model_is_trained_judged_and_stored(tmp_path: Path) -> None:
    file = written(tmp_path / "trades.csv", some_trades(240, oracle_auc=0.85, seed=1, features=4))
    done = run(tmp_path, "--csv", str(file))
    assert done.return_value == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "published"
    assert sum("  passed" in line for line in lines) == 7
    (stored,) = (tmp_path / "kept" / "archive" / "models").iterdir()
    model = ModelFiles(FolderArchive(tmp_path / "kept" / "archive")).read(
        stored.name, schema_hash=schema_hash(read_trades(file).names)
    )
    assert model.manifest["verdict"] == "published"
    assert lines[-1].strip().endswith(f"{stored.name}/model.onnx")


def test_no_edge_is_a_result_and_its_document_has_the_numbers(tmp_path: Path) -> None:
    file = written(tmp_path / "trades.csv", some_trades(150, seed=3, features=4))
    done = run(tmp_path, "--csv", str(file), "--to", str(tmp_path / "there"), "--json")
    assert done.return_value == 0
    told = json.loads(done.stdout)
    assert told["verdict"] == "no_model_beats_base_rate"
    assert {gate["name"] for gate in told["gates"]} >= {"auc_low", "parity"}
    assert told["location"].startswith((tmp_path / "there").as_uri())


def test_too_few_trades_say_what_is_missing(tmp_path: Path) -> None:
    done = run(tmp_path, "--csv", str(a_file(tmp_path, HEADER, *ROWS)))
    assert done.return_value == 0
    assert done.stdout.splitlines()[0] == "not_enough_trades"
    assert "98 trades (2 of 100)" in done.stdout
    assert not (tmp_path / "kept").exists()


def test_a_leak_ends_otherwise_until_it_is_allowed(tmp_path: Path) -> None:
    trades = some_trades(150, seed=3, features=2)
    trades.x[:, 1] = trades.net_r
    file = written(tmp_path / "trades.csv", trades)
    done = run(tmp_path, "--csv", str(file))
    assert done.return_value == 3
    assert done.stdout.splitlines()[0] == "leak_suspected"
    assert "feature_1" in done.stdout


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stopward.local import extras

    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name}", name="skl2onnx")

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(
        InvalidInput, match="needs skl2onnx, which is not installed: run make train"
    ):
        run(tmp_path, "--csv", "any.csv")


def test_rows_of_open_positions_are_judged_as_such(tmp_path: Path) -> None:
    file = written(tmp_path / "minutes.csv", open_trades(150))
    done = run(tmp_path, "--csv", str(file), "--kind", "open", "--to", str(tmp_path / "there"))
    assert done.return_value == 0
    assert done.stdout.splitlines()[0] == "no_model_beats_base_rate"
    assert "of a model of r_now, stop_distance_r, target_distance_r, minutes" in done.stdout
    assert "  stay over 0." in done.stdout
    (stored,) = (tmp_path / "there" / "models").iterdir()
    assert stored.name.startswith("open-")


def test_a_kind_is_asked_of_a_file_only(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--kind is of a --csv"):
        run(tmp_path, "--kind", "open")
