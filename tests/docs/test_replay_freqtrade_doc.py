"""docs/replay-freqtrade.md: its differences are walked, its examples are read, its words exist."""

import json
import re

import pytest

from stopward.domain.freqtrade import CANNOT, READ, parse_freqtrade
from stopward.rules.codes import RULE_NAMES
from stopward.rules.freqtrade import MOST_ROI_STEPS
from tests.builders.freqtrade_differences import DIFFERENCES, Difference, walked_both
from tests.docs.freqtrade_document import BLOCKS
from tests.docs.pages import ROOT, blocks, page, refreshed, section

NAME = "docs/replay-freqtrade.md"


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: row.name)
def test_a_difference_is_one_and_as_told(row: Difference) -> None:
    there, here = walked_both(row)
    assert (there, here) == (row.left_there, row.left_here)
    assert there != here


def test_the_generated_parts_are_those_of_the_code() -> None:
    text = page(NAME)
    assert refreshed(text, BLOCKS) == text, "run: python -m tests.docs.freqtrade_document"
    assert text.count("<!-- generated: ") == len(BLOCKS)


def test_the_configuration_on_the_page_is_read() -> None:
    (text,) = blocks(NAME, "json")
    assert parse_freqtrade(text, source=NAME).rules.stoploss == -0.1
    assert set(json.loads(text)) == set(READ)


def test_every_key_has_a_row_and_what_is_refused_is_named() -> None:
    keys = re.findall(r"^\| `([a-z_]+)` \|", section(NAME, "## The configuration"), re.MULTILINE)
    assert set(keys) == set(READ)
    assert f"at most {MOST_ROI_STEPS} steps" in page(NAME)
    named = set(re.findall(r"`([a-z_]+)`", section(NAME, "## What is reproduced")))
    assert set(CANNOT) - named == {"position_adjustment_enable"}, "told as position adjustment"


def test_the_rules_of_the_order_exist() -> None:
    rules = re.findall(r"Rule\s+`([a-z_]+)`", section(NAME, "## Inside one bar"))
    assert len(rules) == 4
    assert set(rules) - {"open"} <= set(RULE_NAMES)


def test_the_page_tells_how_many_trades_were_recorded() -> None:
    recorded = json.loads((ROOT / "tests/replay/freqtrade_2026_9.json").read_text(encoding="utf-8"))
    assert f"{len(recorded)} random trades" in page(NAME)
    reasons = {trade["left"][2] for trade in recorded}
    assert all(f"`{reason}`" in section(NAME, "## Inside one bar") for reason in reasons)
