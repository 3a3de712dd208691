"""docs/rules.md and the rules say the same."""

import re
import tomllib
from pathlib import Path

import pytest

from stopward.domain.rulebook import parse
from stopward.domain.rulebook.preset import PRESETS
from stopward.errors import InvalidInput
from stopward.local.rules_document import TABLES, main, refreshed
from stopward.rules.codes import RULE_NAMES

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([a-z_]+)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE))
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def test_the_generated_parts_are_those_of_the_schema():
    assert refreshed(TEXT) == TEXT, "run: python -m stopward.local.rules_document docs/rules.md"


def test_every_rule_has_a_section_in_the_order_of_priority():
    order = [name for name in SECTIONS if name in RULE_NAMES]
    assert order == list(RULE_NAMES[1:])
    assert set(SECTIONS) == {*RULE_NAMES[1:], "account", "indicators", "loss_streak"}


@pytest.mark.parametrize("name", [*TABLES])
def test_every_parameter_of_a_table_stands_in_its_section(name):
    rows = re.findall(r"^\| `([a-z_0-9]+)` \|", SECTIONS[name], re.MULTILINE)
    assert rows == [parameter.name for parameter in TABLES[name].parameters]


@pytest.mark.parametrize("name", [*RULE_NAMES[2:], "loss_streak"])
def test_every_section_says_when_it_acts_what_it_costs_and_shows_an_example(name):
    section = SECTIONS[name]
    assert "**When it acts:**" in section
    assert "**What it costs:**" in section
    assert f"[{TABLES[name].path}]" in section.split("```toml\n")[1]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_valid_file(example):
    assert len(parse(example, source="docs/rules.md").hash) == 64


def test_the_page_names_what_the_standard_preset_turns_on():
    preset = tomllib.loads(PRESETS["standard"])
    said = re.search(r"- \*\*`preset = .*?(?=\n- \*\*)", TEXT, re.DOTALL)
    assert said is not None
    named = set(re.findall(r"[a-z_]+", said[0]))
    assert named & set(TABLES) == {*preset["rules"], *preset["limits"]}


def test_a_block_without_a_table_and_a_table_without_a_block_are_refused():
    with pytest.raises(InvalidInput, match="no such table"):
        refreshed(TEXT.replace("generated: volume", "generated: volumes"))
    with pytest.raises(InvalidInput, match="no generated block for volume"):
        refreshed(TEXT.replace("<!-- generated: volume -->", ""))


def test_the_command_writes_the_generated_parts_anew(tmp_path):
    path = tmp_path / "rules.md"
    path.write_text(re.sub(r"\| `minutes` .*", "", TEXT), encoding="utf-8")
    assert main([str(path)]) == 0
    assert path.read_text(encoding="utf-8") == TEXT
