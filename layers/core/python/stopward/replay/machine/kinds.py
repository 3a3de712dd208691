"""Kinds of values in a kernel function, and how the arguments of a call lie in memory.

A call hands over one block of memory, of slots of eight bytes: each float and each whole number
takes one, a tuple those of its fields, a column two (its length, where it is), None takes none. The
code is made for the kinds of its arguments, so that what is None in them vanishes.
"""

import ctypes
import struct
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast, get_type_hints

import numpy as np
from numpy.typing import NDArray

from stopward.errors import InvalidState

SLOT: Final = 8
"""Bytes."""


@dataclass(frozen=True, eq=False)
class Number:
    """A float, a whole number, or a truth; `name` is what LLVM calls it."""

    name: str


@dataclass(frozen=True, eq=False)
class Nothing:
    """None."""


@dataclass(frozen=True, eq=False)
class Column:
    """An array of one dimension. apart: bytes from one of its numbers to the next.

    is_missing: it is one nan for all its places (`missing`), so that nothing has to be read.
    """

    of: Number
    apart: int
    is_missing: bool = False


@dataclass(frozen=True, eq=False)
class Tuple:
    """A tuple that the code made: its numbers are in registers."""

    of: type
    fields: dict[str, "Kind"]


@dataclass(frozen=True, eq=False)
class Record:
    """A tuple that the caller handed over: it stays in memory. places: the slot of each field.

    lengths: the slots of its columns that hold something. blanks: of those of nothing. sinks: which
    fields are columns that are written. is_even: its columns are of one length, so that a place is
    looked for in the first. even: the same tuple where they are.
    """

    of: type
    fields: dict[str, "Kind"]
    places: dict[str, int]
    lengths: tuple[int, ...]
    blanks: tuple[int, ...]
    sinks: tuple[int, ...]
    even: "Record | None" = None

    @property
    def is_even(self) -> bool:
        """Whether its columns are of one length."""
        return self.even is None and len(self.lengths) > 0


Kind = Number | Nothing | Column | Tuple | Record
FLOAT, WHOLE, TRUTH, NOTHING = Number("double"), Number("i64"), Number("i1"), Nothing()
_NUMBERS: Final[dict[np.dtype[Any], Number]] = {
    np.dtype(np.float64): FLOAT,
    np.dtype(np.int64): WHOLE,
}
"""By what lies in memory, the order of its bytes included."""
_ONLY: Final[dict[Hashable, Any]] = {}
"""Kinds by what they are of: one object for all threads, whoever makes it first."""
_MISSING: Final = Column(FLOAT, 0, is_missing=True)
_HEAD: Final = object.__basicsize__
"""Bytes of an object before its own fields; an array's first one is where its numbers are."""
_OF_TYPES: Final[dict[type, Kind]] = {
    float: FLOAT, int: WHOLE, bool: TRUTH, type(None): NOTHING,
}  # fmt: skip


@cache
def made(of: type) -> Kind:
    """Return the kind of what code makes, by its annotation: a number, None, or a tuple of such."""
    known = _OF_TYPES.get(of)
    if known is not None:
        return known
    if not hasattr(of, "_fields"):
        raise InvalidState(f"a kernel function makes numbers and named tuples: was {of}")
    hints = get_type_hints(of)
    only: Tuple = _ONLY.setdefault(of, Tuple(of, {name: made(hints[name]) for name in of._fields}))
    return only


def handed(values: tuple[Any, ...]) -> tuple[tuple[Kind, ...], bytes]:
    """Return the kinds of arguments, and them as they lie in memory.

    Equal kinds are the same object. The memory says where arrays are, and does not hold them.
    Raises InvalidState for what has no kind.
    """
    numbers: list[float] = []
    kinds = tuple([_hand(value, numbers) for value in values])
    try:
        return kinds, _packer(kinds).pack(*numbers)
    except struct.error as error:
        raise InvalidState("machine code takes whole numbers of 64 bits") from error


class Held:
    """An argument that is handed over again and again, and looked through once.

    Its arrays may be written, but not replaced: it holds them.
    """

    __slots__ = ("kind", "numbers", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.numbers: list[float] = []
        self.kind = _hand(value, self.numbers)


def _hand(value: Any, numbers: list[float]) -> Kind:
    of = type(value)
    if of is float:
        numbers.append(value)
        return FLOAT
    if of is Held:
        numbers += value.numbers
        held: Kind = value.kind
        return held
    if of is np.ndarray and value.ndim == 1:
        return _hand_column(value, numbers)
    if isinstance(value, tuple):
        return _hand_tuple(value, numbers)
    known = FLOAT if isinstance(value, float) else _OF_TYPES.get(of)
    if known is None:
        raise InvalidState(f"machine code takes numbers, tuples and columns of them: was {value!r}")
    if known is not NOTHING:
        numbers.append(value)
    return known


def _hand_tuple(values: tuple[Any, ...], numbers: list[float]) -> Kind:
    first = len(numbers)
    kinds = tuple([_hand(each, numbers) for each in values])
    kind = _record(cast(Hashable, type(values)), kinds)
    for place in kind.sinks:
        if not values[place].flags.writeable:
            may_be_written(values[place])
    if kind.even is None:
        return kind
    lengths = {numbers[first + slot] for slot in kind.lengths}
    # One of nothing may be longer: even of no blocks it has a place, by which it is known.
    is_even = len(lengths) == 1 and all(
        numbers[first + slot] >= min(lengths) for slot in kind.blanks
    )
    return kind.even if is_even else kind


def _hand_column(array: NDArray[Any], numbers: list[float]) -> Kind:
    length = len(array)
    numbers.append(length)
    apart = array.strides[0]
    if apart == 0 and _is_missing(array):
        return _MISSING
    at = address_of(array)
    if at % SLOT:
        raise InvalidState(f"machine code takes columns that are aligned: was at {at}")
    numbers.append(at)
    return _column(array.dtype, apart if length else SLOT)


def _is_missing(array: NDArray[Any]) -> bool:
    return array.strides[0] == 0 and len(array) > 0 and bool(array[0] != array[0])


@cache
def _column(dtype: np.dtype[Any], apart: int) -> Column:
    of = _NUMBERS.get(dtype)
    if of is None:
        raise InvalidState(f"machine code takes columns of floats or of whole numbers: was {dtype}")
    if apart % SLOT:
        raise InvalidState(f"machine code takes columns that are aligned: was {apart} bytes apart")
    only: Column = _ONLY.setdefault((of, apart), Column(of, apart))
    return only


@cache
def _record(of: Any, kinds: tuple[Kind, ...]) -> Record:
    names: tuple[str, ...] = getattr(of, "_fields", tuple(map(str, range(len(kinds)))))
    places, slot = {}, 0
    for name, kind in zip(names, kinds, strict=True):
        places[name] = slot
        slot += slots_of(kind)
    hints = get_type_hints(of) if hasattr(of, "_fields") else {}
    fields = dict(zip(names, kinds, strict=True))
    columns = {name: kind for name, kind in fields.items() if isinstance(kind, Column)}
    blanks = tuple(places[name] for name, kind in columns.items() if kind.is_missing)
    lengths = tuple(places[name] for name, kind in columns.items() if not kind.is_missing) or blanks
    sinks = tuple(
        names.index(name)
        for name, kind in columns.items()
        if not kind.is_missing and is_sink(hints.get(name))
    )
    even = Record(of, fields, places, lengths, blanks, sinks) if columns else None
    record = Record(of, fields, places, lengths, blanks, sinks, even)
    only: Record = _ONLY.setdefault((of, kinds), record)
    return only


def is_sink(hint: Any) -> bool:
    """Return whether an annotation is of a column that is written."""
    return hasattr(hint, "__setitem__")


def may_be_written(column: Any) -> None:
    """Raise InvalidState for a column that is read only; of one of nothing the compiler sees it."""
    if type(column) is Held:
        may_be_written(column.value)
    elif isinstance(column, np.ndarray) and not (column.flags.writeable or _is_missing(column)):
        raise InvalidState("machine code writes a column that is read only")


def slots_of(kind: Kind) -> int:
    """Return how many slots an argument takes."""
    return len(_letters(kind))


@cache
def _packer(kinds: tuple[Kind, ...]) -> struct.Struct:
    return struct.Struct("=" + "".join(map(_letters, kinds)))


def _letters(kind: Kind) -> str:
    match kind:
        case Number():
            return "d" if kind is FLOAT else "q"
        case Column():
            return "q" if kind.is_missing else "qq"
        case Record():
            return "".join(map(_letters, kind.fields.values()))
        case _:
            return ""


def address_of(array: NDArray[Any]) -> int:
    """Return where the numbers of an array are, a tenth as fast as `array.ctypes` says it."""
    return ctypes.c_void_p.from_address(id(array) + _HEAD).value or 0


def missing(length: int) -> NDArray[np.float64]:
    """Return a column of nan that takes no memory, and no time where it is read."""
    return np.broadcast_to(np.float64(np.nan), length)


def described(kind: Kind) -> str:
    """Return a kind as text; those of one text lie in memory alike and share their code."""
    match kind:
        case Number():
            return kind.name
        case Column():
            return f"[{kind.of.name} {'missing' if kind.is_missing else kind.apart}]"
        case Tuple() | Record():
            inside = ",".join(f"{name}:{described(each)}" for name, each in kind.fields.items())
            even = " even" if isinstance(kind, Record) and kind.is_even else ""
            return f"{kind.of.__module__}.{kind.of.__qualname__}({inside}){even}"
        case _:
            return "none"
