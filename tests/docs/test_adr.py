"""Decisions are numbered without gaps, have three parts each and fit on a page."""

import re
from itertools import pairwise

import pytest

from tests.docs.pages import ROOT

PATHS = sorted((ROOT / "docs" / "adr").glob("*.md"))
LONGEST_PAGE = 60
"""Lines."""


def test_they_are_numbered_from_one_without_gaps():
    assert PATHS
    numbers = [int(path.name.split("-", maxsplit=1)[0]) for path in PATHS]
    assert numbers[0] == 1
    assert all(after == before + 1 for before, after in pairwise(numbers))
    assert all(re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name) for path in PATHS)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_each_has_a_title_a_context_a_decision_and_consequences(path):
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ .*$", text, re.MULTILINE)
    assert headings[0].startswith(f"# {int(path.name[:4])}. ")
    assert headings[1:] == ["## Context", "## Decision", "## Consequences"]
    parts = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    assert all(len(part.split()) >= 20 for part in parts)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_each_fits_on_a_page(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_PAGE
