"""What a rules file may say: one row a parameter, one table a rule.

Validation, defaults, `explain` and the tables of docs/rules.md are all derived from these rows.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from stopward.rules.parameters import UNIT_NAMES, Distance
from stopward.rules.types import NAN

Kind = Literal[
    "distance", "fraction", "minutes", "seconds", "r", "count", "number", "bool", "choice",
    "money", "text", "symbols",
]  # fmt: skip
Value = float | Distance | str | Decimal | tuple[str, ...]
"""A parameter as the kernel or the account takes it; a switch is 1.0 or 0.0, "off" is nan."""
Values = Mapping[str, Value]
Check = Callable[[Values], str | None]
"""Return what contradicts what in one table, or None."""
Section = Literal["account", "indicators", "limits", "rules"]

OFF = "off"
"""How a file turns an optional parameter off; the kernel sees nan."""
MEASURED = "measured"
"""How a file leaves an optional parameter to what was measured; the rule book holds nan."""

DISTANCE_MAXIMUM = {
    "r": 50.0,
    "percent": 100.0,
    "atr": 50.0,
    "ticks": 100_000.0,
    "price": 100_000.0,
}
"""Largest distance of each unit; beyond it a slip of the keyboard is likelier than a wish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value that a table takes.

    name: its key in the file, and the field of the tuple that is built unless `field` says another.
    default: as a file would spell it. minimum, maximum: inclusive, in the unit of `kind`; for a
    distance they bound the number whatever its unit, together with DISTANCE_MAXIMUM.
    choices: the words a choice may be; their place is its kernel value when `coded`.
    optional: whether `word` is allowed: the way a file spells nan.
    only_beside: an optional parameter without whose word this one means nothing; a table that sets
        it beside a number is refused.
    """

    name: str
    kind: Kind
    default: str | float | bool | tuple[str, ...]
    meaning: str
    minimum: float = 0.0
    maximum: float = 1_000_000.0
    choices: tuple[str, ...] = ()
    coded: bool = False
    optional: bool = False
    word: str = OFF
    only_beside: str = ""
    field: str = ""

    @property
    def target(self) -> str:
        """The field that the value fills."""
        return self.field or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One TOML table. `build` makes its tuple from values by field; `source` is who says so."""

    name: str
    section: Section
    summary: str
    source: str
    build: Callable[..., object]
    parameters: tuple[Parameter, ...]
    checks: tuple[Check, ...] = ()

    @property
    def path(self) -> str:
        """Where the table stands in the file."""
        return self.name if self.section == self.name else f"{self.section}.{self.name}"


def allowed(parameter: Parameter) -> str:
    """Return in words what a parameter may be."""
    words = _allowed(parameter)
    return f'{words}, or "{parameter.word}"' if parameter.optional else words


def _allowed(parameter: Parameter) -> str:
    span = f"{_number(parameter.minimum)} to {_number(parameter.maximum)}"
    match parameter.kind:
        case "distance":
            top = ", ".join(f"{_number(DISTANCE_MAXIMUM[unit])} {unit}" for unit in UNIT_NAMES)
            least = f"at least {_number(parameter.minimum)}" if parameter.minimum else "0 or more"
            units = '"1 r", "0.5 %", "2.5 atr", "10 ticks" or "0.25 price"'
            return f"a distance such as {units}, {least}, at most {top}"
        case "fraction":
            return f'a fraction from {span}, or a percentage such as "50 %"'
        case "minutes" | "seconds":
            return f"{parameter.kind}, {span}"
        case "r":
            return f"a number of R, {span}"
        case "count":
            return f"a whole number, {span}"
        case "number":
            return f"a number, {span}"
        case "money":
            return f'dollars, {span}, best as text such as "0.005"'
        case "bool":
            return "true or false"
        case "choice":
            words = [f'"{choice}"' for choice in parameter.choices]
            return f"{', '.join(words[:-1])} or {words[-1]}"
        case "text":
            return "a word of letters, digits, dots, dashes and underscores"
        case "symbols":
            return 'a list of symbols such as ["AAPL", "MSFT"]'


def _number(value: float) -> str:
    return f"{value:,.10g}"


def is_off(value: Value) -> bool:
    """Return whether an optional value is turned off."""
    number = value.value if isinstance(value, Distance) else value
    return isinstance(number, float) and math.isnan(number)


def off(kind: Kind) -> Value:
    """Return the kernel's word for a value that is turned off."""
    return Distance(NAN, 0.0) if kind == "distance" else NAN
