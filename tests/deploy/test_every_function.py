"""Whoever adds a function deploys it, tries it as built, and finds out here when not."""

import re

import pytest

from stopward.local.host.intrinsics import load_yaml
from tests.deploy.building import functions_of, runtime_of
from tests.deploy.import_budgets import BUDGETS
from tests.deploy.interpreter import Interpreter, find_interpreter
from tests.deploy.trials.all_trials import IMAGES, TRIALS
from tests.docs.pages import ROOT, section

FOLDERS = {path.name for path in (ROOT / "functions").iterdir() if path.is_dir()} - {"__pycache__"}
IMAGE_TEMPLATE = ROOT / "infra" / "sweep.yaml"


def test_every_folder_of_functions_has_a_handler() -> None:
    assert [name for name in FOLDERS if not (ROOT / "functions" / name / "app.py").is_file()] == []


def test_every_folder_of_functions_is_called_as_built_once() -> None:
    names = [trial.folder for trial in TRIALS]
    assert sorted(names) == sorted(FOLDERS), "add it to tests/deploy/trials/all_trials.py"


def test_every_folder_of_functions_has_an_import_budget() -> None:
    assert set(BUDGETS) == FOLDERS, "add it to tests/deploy/import_budgets.py"


def test_every_folder_of_functions_is_told_in_the_docs() -> None:
    rows = section("infra/README.md", "## Cold starts")
    told = re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE)
    assert sorted(told) == sorted(FOLDERS), "run: python -m tests.docs.infra_document"


def test_what_is_an_image_is_known_as_one() -> None:
    dockerfiles = {path.parent.name for path in (ROOT / "functions").glob("*/Dockerfile")}
    assert dockerfiles == set(IMAGES)


def test_every_folder_of_functions_is_in_a_template() -> None:
    zipped = functions_of(ROOT / "template.yaml")
    assert {name: each.code_folder.name for name, each in zipped.items()} == {
        name: name for name in FOLDERS - set(IMAGES)
    }
    assert set(functions_of(ROOT / "template.yaml", images=True)) == {
        name for name, template in IMAGES.items() if template == "template.yaml"
    }
    document = load_yaml(IMAGE_TEMPLATE.read_text(encoding="utf-8"), name="sweep.yaml")
    named = {
        str(row["Properties"]["FunctionName"]["Fn::Sub"]).rpartition("-")[2]
        for row in document["Resources"].values()
        if row["Type"] == "AWS::Lambda::Function"
    }
    assert named == {name for name, template in IMAGES.items() if template != "template.yaml"}


def test_the_build_is_for_the_runtime_of_the_template() -> None:
    assert runtime_of(ROOT) == "python3.12"
    makefile = (ROOT / "layers" / "deps" / "Makefile").read_text(encoding="utf-8")
    assert "\nPYTHON ?= python3.12\n" in makefile
    assert "\nVERSION ?= 3.12\n" in makefile
    pins = (ROOT / "Makefile").read_text(encoding="utf-8")
    (lines,) = [part for part in pins.split("uv pip compile ") if "layers/deps" in part]
    assert "--python-version 3.12" in lines


def test_another_python_than_the_templates_is_told_loudly() -> None:
    own = find_interpreter("python2.0")
    assert not own.is_the_templates
    assert own.sentence().startswith("NO PYTHON 2.0 WORKS HERE")
    same = Interpreter(path=own.path, version=own.version, wanted=own.version)
    assert same.sentence() == f"Python {own.version}, the template's, runs what is built"


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.folder)
def test_a_trial_has_an_error_that_says_something(trial) -> None:
    assert trial.error.kind
    assert trial.line
    assert trial.metric
