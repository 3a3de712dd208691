"""Reading one value of a rules file into what the kernel takes."""

import re
from decimal import Decimal, InvalidOperation

from stopward.domain.rulebook.schema import (
    DISTANCE_MAXIMUM,
    Parameter,
    Value,
    is_off,
    off,
)
from stopward.rules.parameters import UNIT_NAMES, Distance

_DISTANCE = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)\s*([a-z%$]*)", re.IGNORECASE)
_UNITS = {
    "": "r", "r": "r", "%": "percent", "percent": "percent", "atr": "atr",
    "tick": "ticks", "ticks": "ticks", "price": "price", "$": "price",
}  # fmt: skip
LARGEST = 1e12
"""Beyond it no number means anything here; nan compares with nothing."""
_PERCENTAGE = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)\s*(?:%|percent)", re.IGNORECASE)
_R = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)\s*r", re.IGNORECASE)
TAG = re.compile(r"[A-Za-z0-9._-]{1,32}")
"""How a tag is written."""
SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.\-/]{0,15}")
"""How a symbol is written; a table header needs quotes around one with a dot."""


class Unusable(Exception):
    """The value is not one of those allowed; the reader of the file catches it."""


def read(parameter: Parameter, raw: object) -> Value:
    """Return a raw TOML value as the kernel takes it; raises Unusable."""
    if raw == parameter.word and parameter.optional:
        return off(parameter.kind)
    match parameter.kind:
        case "distance":
            return _distance(parameter, raw)
        case "bool":
            if not isinstance(raw, bool):
                raise Unusable
            return float(raw)
        case "choice":
            return _choice(parameter, raw)
        case "money":
            return _money(parameter, raw)
        case "text":
            if not isinstance(raw, str) or not TAG.fullmatch(raw):
                raise Unusable
            return raw
        case "symbols":
            return _symbols(raw)
        case _:
            return _number(parameter, raw)


def _number(parameter: Parameter, raw: object) -> float:
    match parameter.kind:
        case "fraction":
            value = _written(raw, _PERCENTAGE, 100.0)
        case "r":
            value = _written(raw, _R, 1.0)
        case _:
            value = _float(raw)
    if parameter.kind == "count" and not value.is_integer():
        raise Unusable
    return _bounded(parameter, value)


def _written(raw: object, pattern: re.Pattern[str], divisor: float) -> float:
    if isinstance(raw, str):
        match = pattern.fullmatch(raw.strip())
        if match is None:
            raise Unusable
        return float(match[1]) / divisor
    return _float(raw)


def _float(raw: object) -> float:
    # A TOML boolean is a Python int, and `inf` and `nan` are TOML floats: none is a number here.
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise Unusable
    if not -LARGEST < raw < LARGEST:
        raise Unusable
    return float(raw)


def _bounded(parameter: Parameter, value: float) -> float:
    if not parameter.minimum <= value <= parameter.maximum:
        raise Unusable
    return value


def _distance(parameter: Parameter, raw: object) -> Distance:
    if isinstance(raw, str):
        match = _DISTANCE.fullmatch(raw.strip())
        unit = None if match is None else _UNITS.get(match[2].lower())
        if match is None or unit is None:
            raise Unusable
        value = float(match[1])
    else:
        unit, value = "r", _float(raw)
    if _bounded(parameter, value) > DISTANCE_MAXIMUM[unit]:
        raise Unusable
    return Distance(value, float(UNIT_NAMES.index(unit)))


def _choice(parameter: Parameter, raw: object) -> Value:
    if not isinstance(raw, str) or raw not in parameter.choices:
        raise Unusable
    return float(parameter.choices.index(raw)) if parameter.coded else raw


def _money(parameter: Parameter, raw: object) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise Unusable
    try:
        value = Decimal(str(raw).strip())
    except InvalidOperation:
        raise Unusable from None
    if not value.is_finite():
        raise Unusable
    _bounded(parameter, float(value))
    return value


def _symbols(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise Unusable
    for symbol in raw:
        if not isinstance(symbol, str) or not SYMBOL.fullmatch(symbol):
            raise Unusable
    return tuple(sorted(set(raw)))


def written(parameter: Parameter, value: Value) -> str:
    """Return a value as a rules file spells it; the inverse of `read`."""
    if is_off(value):
        return f'"{parameter.word}"'
    match value:
        case Distance():
            return f'"{value.value:.10g} {UNIT_NAMES[int(value.unit)]}"'
        case str() | Decimal():
            return f'"{value}"'
        case tuple():
            return "[" + ", ".join(f'"{item}"' for item in value) + "]"
        case _:
            if parameter.kind == "bool":
                return "true" if value else "false"
            if parameter.kind == "choice":
                return f'"{parameter.choices[int(value)]}"'
            return f"{value:.10g}"
