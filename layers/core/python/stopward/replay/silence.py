"""Rules with one of them silent: the same types, so that the same machine code walks them.

A rule that meets a missing number stays quiet, so that one whose parameters are all missing is as
good as off (a test holds each rule to that).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stopward.domain.rulebook import RuleBook
from stopward.rules.parameters import Distance, Rules
from stopward.rules.types import NAN

SILENT_DISTANCE = Distance(NAN, 0.0)


def silenced(rules: Rules, rule: str) -> Rules:
    """Return the rules with one silent; one that is off stays off."""
    return rules._replace(**{rule: _silent(getattr(rules, rule))})


def book_without(book: RuleBook, rule: str) -> RuleBook:
    """Return an account's rules with one silent everywhere, for symbols and tags too."""
    return replace(
        book,
        base=silenced(book.base, rule),
        symbols={name: _without(override, rule) for name, override in book.symbols.items()},
        tags={name: _without(override, rule) for name, override in book.tags.items()},
    )


def rules_on(book: RuleBook) -> tuple[str, ...]:
    """Return the rules that are on for anything, in order of priority."""
    layers = (book.base._asdict(), *book.symbols.values(), *book.tags.values())
    return tuple(
        name for name in Rules._fields if any(layer.get(name) is not None for layer in layers)
    )


def _without(override: Mapping[str, Any], rule: str) -> dict[str, Any]:
    return {name: _silent(value) if name == rule else value for name, value in override.items()}


def _silent(parameters: Any) -> Any:
    if parameters is None:
        return None
    values = (SILENT_DISTANCE if isinstance(value, tuple) else NAN for value in parameters)
    return type(parameters)(*values)
