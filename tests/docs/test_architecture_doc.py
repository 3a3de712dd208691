"""docs/architecture.md names layers, modules and rules that exist."""

import re
import tomllib
from itertools import pairwise

from stopward.services.guard.rounds import ROUNDS
from tests.docs.pages import ROOT, blocks, page, section

NAME = "docs/architecture.md"
PACKAGE = ROOT / "layers/core/python/stopward"


def layers_of_the_check() -> list[set[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [
        contract
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    return [set(re.findall(r"stopward\.\w+", layer)) for layer in contract["layers"]]


def test_the_layers_are_those_that_make_check_holds():
    drawn = blocks(NAME, "")[0]
    told = [set(re.findall(r"stopward\.\w+", line)) for line in drawn.splitlines()]
    order = {name: rank for rank, names in enumerate(told) for name in names}
    checked = layers_of_the_check()
    assert set(order) == set().union(*checked)
    for above, below in pairwise(checked):
        assert max(order[name] for name in above) < min(order[name] for name in below)


def test_the_modules_of_the_steps_exist():
    steps = section(NAME, "## The nine steps")
    assert len(re.findall(r"^\| \d ", steps, re.MULTILINE)) == 9
    cells = re.findall(r"^\| \d [^|]*\| ([^|]*) \|", steps, re.MULTILINE)
    for code in re.findall(r"`([^`]*\.py)`", " ".join(cells)):
        if (ROOT / code).is_file():
            continue
        folder, _, stem = code.rpartition("/")
        stems = stem.removesuffix(".py").strip("{}").split(",")
        for name in stems:
            places = [PACKAGE / folder / f"{name}.py", PACKAGE / "services/guard" / f"{name}.py"]
            assert any(place.is_file() for place in places), code


def test_the_rules_of_the_database_that_are_named_exist():
    schema = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "supabase/migrations").glob("*.sql")
    )
    named = set(re.findall(r"`((?:orders|positions)_[a-z_]+)`", page(NAME)))
    assert len(named) >= 3
    assert all(re.search(rf"\b{name}\b", schema) for name in named)


def test_the_pages_tell_how_many_plans_a_tick_makes():
    word = ("no", "one", "two", "three", "four", "five", "six")[ROUNDS]
    assert f"at most {word} plans a tick" in page(NAME)
    assert f"up to {word} plans in one tick" in page("docs/runbook.md")
    assert f"at most {word} in one tick" in page("docs/adr/0004-plan-from-a-fresh-picture.md")
