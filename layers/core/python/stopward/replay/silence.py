"""Rules that are silent: on, and as good as off, so that one machine code walks all of an account.

A rule that meets a missing number stays quiet, so that one whose parameters are all missing is as
good as off (a test holds each rule to that).
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import isnan
from typing import Any, Final, get_args, get_type_hints

from stopward.domain.rulebook import RuleBook
from stopward.rules.parameters import AdverseExcursion, Distance, ModelTighten, Rules
from stopward.rules.types import NAN

SILENT_DISTANCE = Distance(NAN, 0.0)
LIMITS: Final = ("day_loss", "day_profit")
"""They act by what an account says, whatever their numbers, so that they are never put on."""
UNHEARD: Final[Mapping[str, str]] = {
    "adverse_excursion": "its limit is measured, and there are no trades to measure it from",
    "model_tighten": "it goes by scores, and bars have none",
}
"""Rules that a replay may not hear, though they are on, and why."""


def put_on(rules: Rules, names: Collection[str]) -> Rules:
    """Return rules that decide the same, with those of `names` that are off on and silent.

    Machine code is made for a set of rules that are on: so all of an account share one, whichever
    hold for a symbol or overnight. LIMITS that are off stay off.
    """
    return Rules._make(
        silent if own is None and name in names else own
        for name, own, silent in zip(Rules._fields, rules, SILENT, strict=True)
    )


def all_on(rules: Rules) -> Rules:
    """Return rules that decide the same, with every one that is off on and silent, but LIMITS."""
    return put_on(rules, Rules._fields)


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
    layers = _layers(book)
    return tuple(
        name for name in Rules._fields if any(layer.get(name) is not None for layer in layers)
    )


def unheard(book: RuleBook) -> tuple[str, ...]:
    """Return the rules that are on, and silent in a replay for some of what they are on for."""
    return tuple(name for name in UNHEARD if any(map(_is_unheard, _settings_of(book, name))))


def is_unheard(book: RuleBook, rule: str) -> bool:
    """Return whether a rule that is on is silent in a replay for all that it is on for."""
    return rule in UNHEARD and all(map(_is_unheard, _settings_of(book, rule)))


def _settings_of(book: RuleBook, rule: str) -> list[Any]:
    return [layer[rule] for layer in _layers(book) if layer.get(rule) is not None]


def _layers(book: RuleBook) -> tuple[Mapping[str, Any], ...]:
    return book.base._asdict(), *book.symbols.values(), *book.tags.values()


def _is_unheard(parameters: Any) -> bool:
    match parameters:
        case AdverseExcursion(limit_r=limit_r):
            return isnan(limit_r)
        case ModelTighten(score=score):
            return isnan(score)
        case _:
            return False


def _without(override: Mapping[str, Any], rule: str) -> dict[str, Any]:
    return {name: _silent(value) if name == rule else value for name, value in override.items()}


def _all_silent() -> Rules:
    types = {name: get_args(hint)[0] for name, hint in get_type_hints(Rules).items()}
    return Rules(**{name: _nothing_of(of) for name, of in types.items() if name not in LIMITS})


def _nothing_of(of: Any) -> Any:
    hints = get_type_hints(of)
    return of(*(SILENT_DISTANCE if hints[name] is Distance else NAN for name in of._fields))


def _silent(parameters: Any) -> Any:
    if parameters is None:
        return None
    values = (SILENT_DISTANCE if isinstance(value, tuple) else NAN for value in parameters)
    return type(parameters)(*values)


SILENT: Final = _all_silent()
"""Every rule but LIMITS, on and silent."""
