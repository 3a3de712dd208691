"""What the compiler holds of a value, and the code of one function as it grows."""

import struct
from dataclasses import dataclass, field
from typing import Final

from stopward.errors import InvalidState
from stopward.replay.machine.kinds import (
    FLOAT,
    NOTHING,
    SLOT,
    TRUTH,
    WHOLE,
    Column,
    Kind,
    Nothing,
    Number,
    Record,
    Tuple,
    described,
    made,
)
from stopward.replay.machine.stops import BEYOND

KNOWN: Final = ", !invariant.load !0"
"""What a caller handed over does not change during the call, but for the numbers in columns."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value as the code knows it.

    leaves: of a number its register or literal, of a tuple those of all its fields, of what is in
    memory one, its address. in_slots: leaves are addresses of local variables, not yet read.
    offset: bytes from the address of what is in memory. extent: those to the length that a
    column's places are held to, where it is another column's.
    """

    kind: Kind
    leaves: tuple[str, ...]
    in_slots: bool = False
    offset: int = 0
    extent: int | None = None


NO_VALUE: Final = Value(NOTHING, ())
TRUE, FALSE = Value(TRUTH, ("true",)), Value(TRUTH, ("false",))


def literal(constant: object) -> Value:
    """Return a constant of Python. Raises InvalidState for what is no number of 64 bits or None."""
    match constant:
        case None:
            return NO_VALUE
        case bool():
            return TRUE if constant else FALSE
        case float():
            bits = struct.unpack("=Q", struct.pack("=d", constant))[0]
            return Value(FLOAT, (f"0x{bits:016X}",))
        case int() if type(constant) is int and -(2**63) <= constant < 2**63:
            return Value(WHOLE, (str(constant),))
        case _:
            raise InvalidState(f"a constant of machine code is a number of 64 bits: {constant!r}")


def is_literal(value: Value) -> bool:
    """Return whether a number is known while it is compiled."""
    return not value.leaves[0].startswith("%")


def width(kind: Kind) -> int:
    """Return how many leaves a value of a kind has."""
    match kind:
        case Tuple():
            return sum(width(each) for each in kind.fields.values())
        case Nothing():
            return 0
        case _:
            return 1


def leaf_types(kind: Kind) -> tuple[str, ...]:
    """Return what LLVM calls the leaves."""
    match kind:
        case Number():
            return (kind.name,)
        case Tuple():
            return tuple(name for each in kind.fields.values() for name in leaf_types(each))
        case Nothing():
            return ()
        case _:
            return ("ptr",)


@dataclass(slots=True)
class Code:
    """The instructions of one function, in blocks; `block` is the one that is being written."""

    lines: list[str] = field(default_factory=list)
    slots: list[str] = field(default_factory=list)
    block: str = "entry"
    count: int = 0
    stops: set[int] = field(default_factory=set)
    inside: set[tuple[str, int, str]] = field(default_factory=set)
    """Places that were looked for in this block: of which column, and which."""

    def fresh(self) -> str:
        """Return a name that is not taken yet."""
        self.count += 1
        return f"%v{self.count}"

    def put(self, instruction: str) -> str:
        """Add an instruction that has a result, and return its name."""
        name = self.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def do(self, instruction: str) -> None:
        """Add an instruction without a result."""
        self.lines.append(f"  {instruction}")

    def label(self) -> str:
        """Return the name of a block to come."""
        return self.fresh()[1:]

    def start(self, label: str) -> None:
        """Write on in another block."""
        self.lines.append(f"{label}:")
        self.block = label
        self.inside = set()

    def branch(self, test: str, then: str, other: str) -> None:
        """End the block, to go on in one of two."""
        self.do(f"br i1 {test}, label %{then}, label %{other}")

    def demand(self, test: str, stop: int) -> None:
        """Stop the whole program unless a truth holds (`stops`)."""
        after = self.label()
        self.branch(test, after, f"stop{stop}")
        self.stops.add(stop)
        inside = self.inside
        self.start(after)
        self.inside = inside

    def go(self, label: str) -> None:
        """End the block, to go on in another."""
        self.do(f"br label %{label}")

    def slot(self, of: str) -> str:
        """Return the address of a new local variable."""
        name = self.fresh()
        self.slots.append(f"  {name} = alloca {of}")
        return name

    def variable(self, kind: Kind) -> Value:
        """Return a new local variable."""
        return Value(kind, tuple(self.slot(of) for of in leaf_types(kind)), in_slots=True)

    def assign(self, variable: Value, value: Value) -> None:
        """Write a value into a local variable."""
        wanted = self.as_kind(value, variable.kind)
        for of, leaf, place in zip(
            leaf_types(variable.kind), wanted.leaves, variable.leaves, strict=True
        ):
            self.do(f"store {of} {leaf}, ptr {place}")

    def read(self, value: Value) -> Value:
        """Return the value with its leaves in registers."""
        if not value.in_slots:
            return value
        types = zip(leaf_types(value.kind), value.leaves, strict=True)
        return Value(value.kind, tuple(self.put(f"load {of}, ptr {at}") for of, at in types))

    def address(self, value: Value) -> str:
        """Return the address of what is in memory."""
        (at,) = value.leaves
        if value.offset == 0:
            return at
        return self.put(f"getelementptr i8, ptr {at}, i64 {value.offset}")

    def attribute(self, value: Value, name: str) -> Value:
        """Return a field of a tuple; one in memory is read when it is a number."""
        match value.kind:
            case Tuple(fields=fields):
                before = 0
                for each, kind in fields.items():
                    if each == name:
                        leaves = value.leaves[before : before + width(kind)]
                        return Value(kind, leaves, in_slots=value.in_slots)
                    before += width(kind)
            case Record(fields=fields, places=places) as record if name in fields:
                kind, extent = fields[name], None
                if isinstance(kind, Column) and record.is_even:
                    extent = value.offset + record.lengths[0] * SLOT
                at = value.offset + places[name] * SLOT
                inside = Value(kind, value.leaves, offset=at, extent=extent)
                if isinstance(inside.kind, Number):
                    known = self.put(f"load {inside.kind.name}, ptr {self.address(inside)}{KNOWN}")
                    return Value(inside.kind, (known,))
                return NO_VALUE if inside.kind is NOTHING else inside
            case _:
                pass
        raise InvalidState(
            f"a kernel function reads {name} of what has none: {described(value.kind)}"
        )

    def length(self, column: Value) -> Value:
        """Return how many numbers a column has."""
        if not isinstance(column.kind, Column):
            raise InvalidState(
                f"machine code takes the length of a column: was {described(column.kind)}"
            )
        return Value(WHOLE, (self._of_column(column, 0, "i64"),))

    def element(self, column: Value, index: Value) -> tuple[Number, str | None]:
        """Return what a column holds, and the address of one of its numbers; None of no memory."""
        kind = column.kind
        if not isinstance(kind, Column):
            raise InvalidState(
                f"a kernel function reads a number of what is no column: {described(kind)}"
            )
        (at,) = self.as_kind(index, WHOLE).leaves
        self._demand_place(column, at)
        if kind.is_missing:
            return kind.of, None
        first = self._of_column(column, 1, "ptr")
        bytes_on = self.put(f"mul nsw i64 {at}, {kind.apart}")
        return kind.of, self.put(f"getelementptr i8, ptr {first}, i64 {bytes_on}")

    def _demand_place(self, column: Value, at: str) -> None:
        extent = column.offset if column.extent is None else column.extent
        looked_for = (column.leaves[0], extent, at)
        if looked_for in self.inside:
            return
        (length,) = self.length(Value(column.kind, column.leaves, offset=extent)).leaves
        self.demand(self.put(f"icmp ult i64 {at}, {length}"), BEYOND)
        self.inside.add(looked_for)

    def _of_column(self, column: Value, slot: int, of: str) -> str:
        place = Value(column.kind, column.leaves, offset=column.offset + slot * SLOT)
        return self.put(f"load {of}, ptr {self.address(place)}{KNOWN}")

    def as_kind(self, value: Value, kind: Kind) -> Value:
        """Return the value in registers, a tuple out of memory; nothing else changes its kind.

        For a whole number is more exact than a float, and its nought has no sign.
        """
        found = self.read(value)
        if found.kind is kind:
            return found
        if isinstance(found.kind, Record) and kind is made(found.kind.of):
            parts = (self.attribute(found, name) for name in found.kind.fields)
            return self.tuple_of(found.kind.of, list(parts))
        raise InvalidState(
            f"a kernel function takes a {described(found.kind)} for a {described(kind)}"
        )

    def as_float(self, value: Value) -> Value:
        """Return a number as a float, as Python does for a sum of both kinds."""
        found = self.read(value)
        if found.kind is not WHOLE:
            return self.as_kind(found, FLOAT)
        return Value(FLOAT, (self.put(f"sitofp i64 {found.leaves[0]} to double"),))

    def tuple_of(self, of: type, parts: list[Value]) -> Value:
        """Return a tuple that is made of these."""
        kind = made(of)
        if not isinstance(kind, Tuple):
            raise InvalidState(f"a kernel function makes a {of}")
        if len(parts) != len(kind.fields):
            raise InvalidState(f"{of.__name__} has {len(kind.fields)} fields: {len(parts)} given")
        leaves = [
            leaf
            for part, wanted in zip(parts, kind.fields.values(), strict=True)
            for leaf in self.as_kind(part, wanted).leaves
        ]
        return Value(kind, tuple(leaves))
