"""Vectors that a person wrote: a CSV or JSON file, or options; all right, or not scored at all."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any, Final, cast

from stopward.adapters.signals import feature_faults
from stopward.domain.features.registry import schema_hash
from stopward.domain.features.vector import Vector, as_float32
from stopward.domain.scoring.served import ServedModel
from stopward.errors import InvalidInput
from stopward.local.data.csv_reading import Fault, Faults, header_of, opened, rows
from stopward.local.model.trade_file import LARGEST_FEATURE, OUTCOME_COLUMNS, feature

BESIDE: Final = ("signal_id", "symbol", "at", *OUTCOME_COLUMNS)
"""What a row may have beside its features: that of a signal, or of a trade to train on."""
OPTIONS: Final = Path("--set")
Features = dict[str, float | None]


def read_vectors(path: Path, facts: ServedModel) -> tuple[Vector, ...]:
    """Return the vectors of a file in the order of the model's features.

    CSV: a column for each feature, empty where it is missing. JSON: `{feature: number or null}`, a
    list of such, or signals as the function takes them. What BESIDE names may be there too. Raises
    InvalidInput with up to 20 problems: line or item, feature, what was read, what is allowed.
    """
    is_json = path.suffix.lower() == ".json"
    faults = Faults(path, place="item" if is_json else "line")
    found = []
    for number, row in _items(path) if is_json else _lines(path, facts, faults):
        try:
            given = {name: value for name, value in row.items() if name not in BESIDE}
            features = {name: _number(name, value) for name, value in given.items()}
            found.append(_vector(features, facts))
        except Fault as fault:
            faults.add(number, fault)
        if faults.are_many:
            break
    faults.raise_if_any()
    return tuple(found)


def read_options(given: Sequence[str], facts: ServedModel) -> tuple[Vector, ...]:
    """Return the one vector of options NAME=VALUE; what is not named is missing."""
    faults = Faults(OPTIONS, place="option")
    features: Features = dict.fromkeys(facts.names)
    for number, each in enumerate(given, start=1):
        name, equals, text = each.partition("=")
        try:
            if not equals or name not in facts.names:
                raise Fault(name, each, f"write NAME=VALUE, of {', '.join(facts.names)}")
            features[name] = _number(name, text)
        except Fault as fault:
            faults.add(number, fault)
    faults.raise_if_any()
    try:
        return (_vector(features, facts),)
    except Fault as fault:
        faults.add(len(given), fault)
        faults.raise_if_any()
        raise


def _lines(path: Path, facts: ServedModel, faults: Faults) -> Iterator[tuple[int, dict[str, str]]]:
    beside = [name for name in header_of(path) if name in BESIDE and name not in facts.names]
    return rows(path, columns=(*facts.names, *beside), faults=faults)


def _items(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with opened(path) as file:
        try:
            told = json.load(file)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{path}: not valid JSON: {error}") from error
    if isinstance(told, dict) and isinstance(told.get("signals"), list):
        told = told["signals"]
    items = told if isinstance(told, list) else [told]
    if not items or not all(isinstance(each, dict) for each in items):
        raise InvalidInput(
            f"{path}: {{feature: number}}, a list of such, or {{signals: [...]}} is needed"
        )
    for number, each in enumerate(items, start=1):
        features = each.get("features")
        yield number, features if isinstance(features, dict) else each


def _number(name: str, value: object) -> float | None:
    """Return a number as CSV or JSON has it, None where it is missing. Raises Fault."""
    if value is None:
        return None
    if isinstance(value, str):
        number = feature(name, value)
        return None if isnan(number) else number
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # Written so that nan is none of them.
    if not (is_number and abs(cast("float", value)) < float(LARGEST_FEATURE)):
        raise Fault(name, str(value), "write a number, or null where it is missing")
    return float(cast("float", value))


def _vector(features: Mapping[str, float | None], facts: ServedModel) -> Vector:
    """Return a vector. Raises Fault for the first feature that is missing, unknown or beyond."""
    for name in [*facts.names, *features]:
        if name not in features or name not in facts.names:
            was = str(features.get(name, "nothing"))
            raise Fault(name, was, f"the features are {', '.join(facts.names)}")
    if facts.schema_hash == schema_hash("entry"):
        for each in feature_faults(features):
            raise Fault(each.path.removeprefix("features."), each.was, f"allowed: {each.allowed}")
    values = (features[name] for name in facts.names)
    return tuple(None if value is None else as_float32(value) + 0.0 for value in values)
