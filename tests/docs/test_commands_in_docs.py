"""What the pages ask to type exists: commands, options, make targets."""

import re
from collections.abc import Iterator

import click
import pytest

from stopward.local.cli import stopward_command
from tests.docs.pages import PAGES, ROOT, blocks, spoken

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):.*?## ", MAKEFILE, re.MULTILINE))


def said(name: str) -> Iterator[list[str]]:
    """Yield the words of each `stopward ...` on a page."""
    for text in spoken(name):
        words = text.split()
        if len(words) > 1 and words[0] in {"stopward", ".venv/bin/stopward"}:
            yield words[1:]


def options(command: click.Command) -> set[str]:
    return {"--help"} | {
        name for param in command.params for name in (*param.opts, *param.secondary_opts)
    }


def all_commands(group: click.Group = stopward_command) -> Iterator[click.Command]:
    yield group
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from all_commands(command)
        else:
            yield command


def check(words: list[str]) -> None:
    """Assert that a command line names commands and options that exist."""
    command: click.Command = stopward_command
    rest = list(words)
    while isinstance(command, click.Group) and rest and rest[0].isalpha() and rest[0].islower():
        assert rest[0] in command.commands, f"stopward {' '.join(words)}: no {rest[0]}"
        command = command.commands[rest.pop(0)]
    for word in rest:
        if word.startswith("-"):
            assert word.split("=")[0] in options(command), f"stopward {' '.join(words)}: no {word}"


@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_exists(name):
    for words in said(name):
        check(words)


@pytest.mark.parametrize("words", [["fly"], ["rules", "guess"], ["up", "--margin"]])
def test_a_command_that_does_not_exist_is_noticed(words):
    with pytest.raises(AssertionError, match="no "):
        check(words)


@pytest.mark.parametrize("name", ["README.md", "docs/runbook.md"])
def test_every_option_named_alone_exists(name):
    known = {option for command in all_commands() for option in options(command)}
    named = {text.split()[0] for text in spoken(name) if text.startswith("--")}
    assert named <= known


@pytest.mark.parametrize("name", PAGES)
def test_every_make_target_of_a_page_exists(name):
    named = {
        words[1] for text in spoken(name) if (words := text.split())[:1] == ["make"] and words[1:]
    }
    assert named <= TARGETS


def test_the_readme_shows_every_command():
    shown = {words[0] for name in ("README.md", "docs/runbook.md") for words in said(name)}
    assert set(stopward_command.commands) <= shown


def test_the_readme_begins_with_the_two_commands():
    first = blocks("README.md", "")[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make run", "make test"]
