"""No function loads what it does not use; each is started here up to its first question."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.building import functions_of
from tests.deploy.import_budgets import BUDGETS, PURPOSES, Budget, over
from tests.deploy.imports import IN_IMAGES, TELLER, hidden, loaded_by, packages_of, pins_of
from tests.docs.pages import ROOT

SMALL = Budget(purposes=("broker", "services"), modules=3, times=None)
FITS = {"urllib3": "app", "urllib3.util": "urllib3", "stopward.services": "app"}


@pytest.mark.parametrize("folder", BUDGETS)
def test_a_function_loads_what_its_budget_names(folder: str) -> None:
    loaded = loaded_by(folder)
    assert list(over(BUDGETS[folder], loaded)) == []
    assert len(loaded) > 0.9 * BUDGETS[folder].modules, "lower the number of modules"


@pytest.mark.parametrize(
    ("loaded", "says"),
    [
        (FITS, []),
        (
            {**FITS, "rich.text": "rich", "rich": "urllib3.util"},
            ["rich is not in the budget; urllib3.util imports rich",
             "5 modules are loaded, the budget is 3"],
        ),
        (
            {"urllib3": "app", "stopward.replay.engine": "app", "stopward.services": "app"},
            ["stopward.replay is not in the budget; app imports stopward.replay.engine"],
        ),
        ({"urllib3": "app"}, ["stopward.services is in the budget and not loaded: take it out"]),
    ],
)  # fmt: skip
def test_what_is_beyond_a_budget_is_named_with_who_imports_it(
    loaded: dict[str, str], says: list[str]
) -> None:
    assert list(over(SMALL, loaded)) == says


def test_every_purpose_is_some_functions() -> None:
    assert {purpose for each in BUDGETS.values() for purpose in each.purposes} == set(PURPOSES)


def test_what_lambda_does_not_have_is_hidden_and_what_it_has_is_not() -> None:
    functions = functions_of(ROOT / "template.yaml")
    guard, scores = (hidden(pins_of(functions[each])) for each in ("monitor_positions", "predict"))
    assert {"click", "rich", "pytest", "llvmlite", "pandas", "numpy", "onnxruntime"} <= guard
    assert {"sklearn"} <= guard & scores
    assert guard - scores == {"numpy", "onnxruntime"}
    assert not {"boto3", "postgrest", "urllib3", "stopward", "dateutil"} & guard
    for folder, pins in IN_IMAGES.items():
        assert {"click", "rich", "pytest"} <= hidden(pins), folder
    assert "llvmlite" not in hidden(IN_IMAGES["replay_shard"])
    assert "sklearn" not in hidden(IN_IMAGES["train_model"])


def test_parts_of_ours_are_told_apart() -> None:
    names = ["stopward", "stopward.errors", "stopward.rules.types", "pydantic.main", "six"]
    assert packages_of(names) == {
        "stopward", "stopward.errors", "stopward.rules", "pydantic", "six",
    }  # fmt: skip


def test_the_teller_says_who_imports_what_and_hides_the_rest(tmp_path: Path) -> None:
    (tmp_path / "inner.py").write_text("import yaml\n", encoding="utf-8")
    (tmp_path / "app.py").write_text(
        "import os, signal, inner\n"
        "try:\n    import click\nexcept ModuleNotFoundError as error:\n    said = str(error)\n"
        "def handler(event, context):\n"
        "    assert said == 'click is not on Lambda', said\n"
        f"    os.kill(os.getpid(), {int(signal.SIGUSR1)})\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-P", TELLER, "{}", '["click"]'],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert (told["inner"], told["yaml"], told["yaml.loader"]) == ("app", "inner", "yaml")
    assert not any(name.startswith(("click", "signal", "json")) for name in told)
