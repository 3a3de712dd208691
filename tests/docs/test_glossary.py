"""Each word stands once, and its names exist in code and in SQL."""

import re

from tests.docs.pages import ROOT, page

NAME = "docs/glossary.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in page(NAME).splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| word "))
]
PYTHON = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "layers/core/python/stopward").rglob("*.py"))
)
SQL = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "supabase/migrations").glob("*.sql"))
)


def names(cell: str) -> set[str]:
    """Return the identifiers of a cell's code."""
    code = " ".join(re.findall(r"`([^`]+)`", cell))
    return set(re.findall(r"[A-Za-z_]{3,}", code)) - {"stopward"}


def test_each_row_has_a_word_a_meaning_a_code_name_and_an_sql_name():
    assert len(ROWS) > 60
    assert {len(row) for row in ROWS} == {4}
    assert all(meaning.endswith(".") for _, meaning, _, _ in ROWS)


def test_each_word_stands_once():
    words = [word.strip() for row in ROWS for word in row[0].split(",")]
    assert sorted(words) == sorted(set(words))


def test_each_name_in_code_exists():
    for word, _, code, _ in ROWS:
        missing = {name for name in names(code) if not re.search(rf"\b{name}\b", PYTHON)}
        missing = {
            name
            for name in missing
            if not any((ROOT / "layers/core/python/stopward").rglob(f"{name}*"))
        }
        assert not missing, f"{word}: {missing}"


def test_each_name_in_sql_exists():
    for word, _, _, sql in ROWS:
        values = set(re.findall(r"'(\w+)'", sql))
        missing = {name for name in names(sql) - values if not re.search(rf"\b{name}\b", SQL)} - {
            "false",
            "true",
        }
        assert not missing, f"{word}: {missing}"
