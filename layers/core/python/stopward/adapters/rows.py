"""Domain values as JSON and back: money as text, a missing number as null, times in UTC.

Readers and writers are built once per type from its annotations. Tuples of the kernel whose
fields have names in the database (Marks, Carry) cross as objects; State crosses as an array in
field order; a decision as an object with its `kind`; the windows of a symbol, 64 numbers that only
the guard reads, as packed doubles. Infinity and naive times never cross.
"""

import struct
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from math import isnan
from types import NoneType, UnionType
from typing import Any, Literal, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from stopward.domain.decision import Decision, Exit, Hold, MoveStop, Reduce, kind
from stopward.domain.snapshot import SymbolState
from stopward.errors import InvalidState
from stopward.rules.types import NAN, State

JsonValue = bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
Convert = Callable[[Any], Any]
T = TypeVar("T")

IN_FIELD_ORDER: tuple[type, ...] = (State,)
PACKED = frozenset({(SymbolState, "highs"), (SymbolState, "lows")})
"""Fields that cross as base64 of doubles: 8 bytes each, big-endian."""
DECISIONS: Mapping[str, type] = {
    "hold": Hold,
    "move_stop": MoveStop,
    "reduce": Reduce,
    "exit": Exit,
}


def write(value: object) -> JsonValue:
    """Return a dataclass as JSON; InvalidState for infinity, a Decimal NaN or a naive time."""
    written: JsonValue = _writer(cast("Any", type(value)))(value)
    return written


def read(of_type: type[T], value: JsonValue) -> T:
    """Return a value from JSON; absent fields take defaults, InvalidState when it does not fit."""
    try:
        found: T = _reader(cast("Any", of_type))(value)
    except (KeyError, TypeError, ValueError, InvalidOperation, AttributeError) as error:
        raise InvalidState(f"{of_type.__name__} cannot be read: {error!r}") from error
    return found


@cache
def _writer(of_type: Any) -> Convert:
    of_type = _bare(of_type)
    if of_type is float:
        return _write_float
    if of_type is Decimal:
        return _write_decimal
    if of_type is datetime:
        return _write_time
    if of_type in (str, int, bool) or get_origin(of_type) is Literal:
        return _same
    if of_type == Decision or of_type in DECISIONS.values():
        return _write_decision
    if is_dataclass(of_type):
        return _dataclass_writer(of_type)
    if _is_named_tuple(of_type):
        return _named_tuple_writer(of_type)
    return _container_writer(of_type)


def _dataclass_writer(of_type: Any) -> Convert:
    hints = get_type_hints(of_type)
    plan = [
        (f.name, _pack if (of_type, f.name) in PACKED else _writer(hints[f.name]))
        for f in fields(of_type)
    ]
    return lambda value: {name: convert(getattr(value, name)) for name, convert in plan}


def _named_tuple_writer(of_type: Any) -> Convert:
    if of_type in IN_FIELD_ORDER:
        return lambda value: [_write_float(number) for number in value]
    names = of_type._fields
    return lambda value: {
        name: _write_float(number) for name, number in zip(names, value, strict=True)
    }


def _container_writer(of_type: Any) -> Convert:
    arguments = get_args(of_type)
    if get_origin(of_type) in (Union, UnionType):
        convert = _writer(_present(arguments))
        return lambda value: None if value is None else convert(value)
    if get_origin(of_type) is tuple:
        item = _writer(arguments[0])
        return lambda value: [item(each) for each in value]
    if get_origin(of_type) is Mapping:
        item = _writer(arguments[1])
        return lambda value: {key: item(each) for key, each in value.items()}
    raise InvalidState(f"{of_type} has no form in JSON: add it to adapters/rows.py")


@cache
def _reader(of_type: Any) -> Convert:
    of_type = _bare(of_type)
    if of_type is float:
        return _read_float
    if of_type is Decimal:
        return _read_decimal
    if of_type is datetime:
        return _read_time
    if of_type in (str, int, bool) or get_origin(of_type) is Literal:
        return _same
    if of_type == Decision:
        return _read_decision
    if is_dataclass(of_type):
        return _dataclass_reader(of_type)
    if _is_named_tuple(of_type):
        return _named_tuple_reader(of_type)
    return _container_reader(of_type)


def _dataclass_reader(of_type: Any) -> Convert:
    hints = get_type_hints(of_type)
    plan = {
        f.name: _unpack if (of_type, f.name) in PACKED else _reader(hints[f.name])
        for f in fields(of_type)
    }
    needed = [
        (f.name, plan.pop(f.name))
        for f in fields(of_type)
        if f.default is MISSING and f.default_factory is MISSING
    ]
    optional = list(plan.items())

    def convert(value: Any) -> Any:
        given = {name: read_field(value[name]) for name, read_field in needed}
        for name, read_field in optional:
            if name in value:
                given[name] = read_field(value[name])
        return of_type(**given)

    return convert


def _named_tuple_reader(of_type: Any) -> Convert:
    if of_type in IN_FIELD_ORDER:
        return lambda value: of_type(*(_read_float(number) for number in value))
    names = frozenset(of_type._fields)
    return lambda value: of_type(
        **{name: _read_float(number) for name, number in value.items() if name in names}
    )


def _container_reader(of_type: Any) -> Convert:
    arguments = get_args(of_type)
    if get_origin(of_type) in (Union, UnionType):
        convert = _reader(_present(arguments))
        return lambda value: None if value is None else convert(value)
    if get_origin(of_type) is tuple:
        item = _reader(arguments[0])
        return lambda value: tuple([item(each) for each in value])
    if get_origin(of_type) is Mapping:
        item = _reader(arguments[1])
        return lambda value: {key: item(each) for key, each in value.items()}
    raise InvalidState(f"{of_type} has no form in JSON: add it to adapters/rows.py")


def _bare(of_type: Any) -> Any:
    while isinstance(of_type, NewType):
        of_type = of_type.__supertype__
    return of_type


def _is_named_tuple(of_type: Any) -> bool:
    return isinstance(of_type, type) and issubclass(of_type, tuple) and hasattr(of_type, "_fields")


def _present(arguments: tuple[Any, ...]) -> Any:
    found = [argument for argument in arguments if argument is not NoneType]
    if len(found) != 1:
        raise InvalidState(f"{arguments} has no form in JSON: add it to adapters/rows.py")
    return found[0]


def _same(value: Any) -> Any:
    return value


def _write_float(value: float) -> float | None:
    if value - value == 0.0:
        return value
    if isnan(value):
        return None
    raise InvalidState("an infinite number cannot be stored")


def _read_float(value: Any) -> float:
    return NAN if value is None else float(value)


def _pack(numbers: tuple[float, ...]) -> str:
    return b64encode(struct.pack(f">{len(numbers)}d", *numbers)).decode("ascii")


def _unpack(value: str) -> tuple[float, ...]:
    packed = b64decode(value)
    return struct.unpack(f">{len(packed) // 8}d", packed)


def _write_decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise InvalidState(f"{value} is no amount of money or shares")
    return format(value, "f")


def _read_decimal(value: Any) -> Decimal:
    if not isinstance(value, str | int):
        raise TypeError(f"money was {value!r}, allowed is text")
    return Decimal(value)


def _write_time(value: datetime) -> str:
    if value.tzinfo is None:
        raise InvalidState(f"time {value.isoformat()} has no zone")
    return value.astimezone(UTC).isoformat()


def _read_time(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"time {value} has no zone")
    return moment.astimezone(UTC)


def _write_decision(value: Decision) -> JsonValue:
    body: dict[str, JsonValue] = _dataclass_writer_of(cast("Any", type(value)))(value)
    return {"kind": kind(value), **body}


@cache
def _dataclass_writer_of(of_type: type) -> Convert:
    return _dataclass_writer(of_type)


def _read_decision(value: Any) -> Decision:
    found: Decision = _reader_of_decision(value["kind"])(value)
    return found


@cache
def _reader_of_decision(word: str) -> Convert:
    return _dataclass_reader(DECISIONS[word])
