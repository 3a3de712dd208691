"""The README's run, files, rules and numbers are those of the program."""

import json
import re

import pytest

from stopward.domain.rulebook import parse
from stopward.domain.rulebook.preset import PRESETS
from stopward.local.data.csv_files import (
    BAR_COLUMNS,
    POSITION_COLUMNS,
    ends_of,
    read_bars,
    read_positions,
)
from stopward.rules.codes import RULE_NAMES
from tests.docs import readme_picture
from tests.docs.pages import ROOT, blocks, page, section
from tests.docs.readme_run import played, shown, trimmed

LONGEST_TICK_LIST = 12
COLUMNS_OF_RULES = [
    "rule", "fired", "stop", "moves", "exits", "trades", "ended", "their", "result",
]  # fmt: skip


def csv_blocks() -> list[str]:
    return blocks("README.md", "csv")


def test_the_csv_columns_are_those_of_the_reader():
    headers = [tuple(block.splitlines()[0].split(",")) for block in csv_blocks()]
    assert headers == [BAR_COLUMNS, POSITION_COLUMNS]


def test_the_csv_files_of_the_readme_can_be_loaded(tmp_path):
    paths = []
    for number, block in enumerate(csv_blocks()):
        path = tmp_path / f"{number}.csv"
        path.write_text(block, encoding="utf-8")
        paths.append(path)
    bars = read_bars(paths[0])
    (position,) = read_positions(paths[1], ends=ends_of(bars))
    assert [len(found) for found in bars.values()] == [4]
    assert (position.symbol, position.side, position.quantity) == ("AAPL", "long", 100)


def test_the_rules_of_the_readme_are_a_valid_file():
    (rules,) = blocks("README.md", "toml")
    book = parse(rules, source="README.md")
    assert book.account.allow == ("AAPL", "MSFT")
    assert len([line for line in rules.splitlines() if line]) == 10


def test_the_preset_has_as_many_rules_as_the_readme_says():
    book = parse('[rules]\npreset = "standard"\n', source="here")
    assert len(re.findall(r"^\[rules\.", PRESETS["standard"], re.MULTILINE)) == 9
    assert len(re.findall(r"^\[limits\.", PRESETS["standard"], re.MULTILINE)) == 3
    assert book.limits.loss_streak is not None
    assert "nine rules and three daily limits" in page("README.md")


def test_the_tick_has_twelve_lines():
    (lines,) = [block for block in blocks("README.md", "") if block.startswith(" 1  wake")]
    numbers = [int(line[:2]) for line in lines.splitlines()]
    assert numbers == list(range(1, LONGEST_TICK_LIST + 1))


def test_every_folder_of_the_map_exists():
    (lines,) = [block for block in blocks("README.md", "") if "functions/" in block.split()]
    for line in lines.splitlines():
        for name in line.split("  ")[0:2]:
            if name.strip().endswith(("/", ".yaml")):
                assert (ROOT / name.strip()).exists(), name


def test_the_files_to_read_first_exist():
    for name in ("services/guard/tick.py", "domain/protection.py", "rules/kernel.py"):
        assert f"`{name}`" in page("README.md")
        assert (ROOT / "layers/core/python/stopward" / name).is_file()


def test_the_run_that_is_shown_names_rules_that_exist():
    _, output = shown()
    table = output.partition("what each rule did\n")[2].splitlines()
    assert table[0].split() == COLUMNS_OF_RULES
    names = [line.split()[0] for line in table[1:] if re.search(r" +\d+ +\d+ +\d+ +\d+", line)]
    assert names
    assert set(names) <= {*RULE_NAMES, "by_hand"}


def test_what_differs_between_machines_is_trimmed():
    assert trimmed("\na  \ntook      10 s    \nb\n") == "a\nb\n"


def test_the_picture_is_a_table_with_reasons_and_fetches_nothing():
    _, path = readme_picture.shown()
    text = path.read_text(encoding="utf-8")
    words = " ".join(re.findall(r">([^<]+)</text>", text)).replace("&#160;", " ")
    for word in ("New York", "best R", "last action", "why", "newest actions", "stop to"):
        assert word in words
    assert re.findall(r"https?://[^\"\s]+", text) == ["http://www.w3.org/2000/svg"]
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text).groups())
    assert 900 / width * 20 > 12, "letters of 20 are too small at 900 pixels"
    assert height < width


@pytest.mark.nightly
def test_the_picture_is_what_the_command_draws():
    arguments, path = readme_picture.shown()
    drawn = readme_picture.drawn(arguments)
    assert drawn == path.read_text(encoding="utf-8"), "run: python -m tests.docs.readme_picture"


@pytest.mark.nightly
def test_the_run_that_is_shown_is_what_the_command_prints():
    arguments, output = shown()
    assert played(arguments) == output, "run: python -m tests.docs.readme_run"


def test_the_time_to_decide_is_within_what_the_readme_says():
    said = re.search(r"at most (\d+) microseconds", section("README.md", "## Tests and benchmarks"))
    assert said is not None
    found = json.loads((ROOT / "benchmarks/results/decide.json").read_text(encoding="utf-8"))
    assert found["microseconds"]["whole decision, every rule on"]["best"] <= float(said[1])


def test_the_calls_of_a_tick_are_those_that_the_readme_says():
    rows = json.loads((ROOT / "benchmarks/results/tick.json").read_text(encoding="utf-8"))
    (thousand,) = [row for row in rows if row["positions"] == 1000]
    text = " ".join(section("README.md", "## Tests and benchmarks").split())
    assert "two database calls" in text
    assert thousand["database_calls"] == 2
    assert f"{thousand['broker_requests']} requests to the broker" in text
