"""Every page: links that resolve, nothing that is of one machine, pins that name no host."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, page, without_blocks

SOURCES = (
    ".ci", "benchmarks", "docs", "functions", "infra", "layers", "requirements", "supabase",
    "tests",
)  # fmt: skip
LEFT_OUT = {"__pycache__", "node_modules"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
OF_ONE_MACHINE = re.compile(r"/(?:home|Users|root|work)/\w|[A-Za-z]:" + re.escape("\\") + "Users")
HOST = re.compile(r"https?://|index-url|find-links|trusted-host|^\s*-i ", re.MULTILINE)


def texts() -> Iterator[tuple[Path, str]]:
    top = [path for path in ROOT.iterdir() if path.is_file()]
    below = [path for folder in SOURCES for path in (ROOT / folder).rglob("*") if path.is_file()]
    for path in (*top, *below):
        if LEFT_OUT.isdisjoint(path.relative_to(ROOT).parts):
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def anchors(name: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", without_blocks(page(name)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_relative_link_resolves(name):
    for link in LINK.findall(without_blocks(page(name))):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), f"{name} links to {link}"
        if anchor:
            assert anchor in anchors(str(target.resolve().relative_to(ROOT)))


def test_no_text_names_a_path_of_one_machine():
    named = {
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path, text in texts()
        if (found := OF_ONE_MACHINE.search(text)) is not None and path != Path(__file__).resolve()
    }
    assert not named


def test_the_sources_are_all_looked_at():
    names = {path.relative_to(ROOT).as_posix() for path, _ in texts()}
    assert {"Makefile", "template.yaml", "requirements/dev.txt", "supabase/seed.sql"} <= names


@pytest.mark.parametrize(
    "path", [*(ROOT / "requirements").glob("*.txt"), ROOT / "layers/deps/requirements.txt"]
)
def test_pins_carry_hashes_and_name_no_host(path):
    text = path.read_text(encoding="utf-8")
    assert "--hash=sha256:" in text
    assert HOST.search(text) is None


@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_a_line_that_ends_in_a_space(name):
    assert not [line for line in page(name).splitlines() if line != line.rstrip()]
