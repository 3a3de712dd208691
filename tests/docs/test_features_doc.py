"""docs/features.md and the registry say the same."""

import re

import pytest

from stopward.bootstrap import MARKET_INDEX
from stopward.domain.features import REGISTRY, Kind, names, schema_hash
from stopward.domain.features.inputs import INPUTS
from stopward.domain.features.sight import DAYS, RESULTS
from stopward.services.features import ASKED_FOR, COMPARED_FOR
from tests.docs.features_document import BLOCKS
from tests.docs.pages import page, refreshed, section

NAME = "docs/features.md"
HEADINGS: dict[Kind, str] = {"entry": "## At entry", "open": "## While open"}


def test_the_generated_parts_are_those_of_the_registry():
    text = page(NAME)
    assert refreshed(text, BLOCKS) == text, "run: python -m tests.docs.features_document"
    assert text.count("<!-- generated: ") == len(BLOCKS)


@pytest.mark.parametrize("kind", REGISTRY)
def test_every_feature_has_its_row_in_the_order_of_the_vector(kind: Kind):
    rows = re.findall(r"^\| \d+ \| `(\w+)` \|", section(NAME, HEADINGS[kind]), re.MULTILINE)
    assert tuple(rows) == names(kind)


def test_the_page_tells_hashes_lags_and_windows():
    text = page(NAME)
    for kind in REGISTRY:
        assert f"`{schema_hash(kind)}`" in text
    for name in INPUTS:
        assert re.search(rf"^\| `{name}` \| ", section(NAME, "## Inputs"), re.MULTILINE)
    assert f"daily bars the last {DAYS}" in text
    assert f"account the last {RESULTS}" in text
    assert f"last {ASKED_FOR.days} days without" in text
    assert COMPARED_FOR.days == 7, "the page says seven"
    assert f"{MARKET_INDEX} stands for the market" in text


def test_a_row_that_was_changed_by_hand_is_seen():
    text = page(NAME).replace("| `rsi` | points |", "| `rsi` | percent |")
    assert refreshed(text, BLOCKS) != text
