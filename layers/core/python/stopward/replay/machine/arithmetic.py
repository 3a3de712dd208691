"""What numbers come to, as instructions: what Python would raise at stops the code."""

import ast
import math
from typing import Any, Final

from stopward.errors import InvalidState
from stopward.replay.machine.kinds import FLOAT, TRUTH, WHOLE, Number
from stopward.replay.machine.stops import BEYOND, NO_WHOLE, NOUGHT, TOO_LARGE
from stopward.replay.machine.values import Code, Value, is_literal, literal

SUMS: Final[dict[type[ast.operator], str]] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul"}
BITS: Final[dict[type[ast.operator], str]] = {ast.RShift: "ashr", ast.BitAnd: "and"}
"""Of a whole number and a constant under WORD: as in Python, where bits of a sign never end."""
WORD: Final = 64
ORDERS: Final[dict[type[ast.cmpop], tuple[str, str]]] = {
    ast.Lt: ("olt", "slt"), ast.LtE: ("ole", "sle"), ast.Gt: ("ogt", "sgt"),
    ast.GtE: ("oge", "sge"), ast.Eq: ("oeq", "eq"), ast.NotEq: ("une", "ne"),
}  # fmt: skip
"""How floats are compared, and how whole numbers; nan is unequal to all, itself included."""
DECLARED: Final = (
    *(f"declare {{i64, i1}} @llvm.s{name}.with.overflow.i64(i64, i64)" for name in SUMS.values()),
    *(f"declare double @llvm.{name}.f64(double)" for name in ("floor", "ceil")),
)


def binary(code: Code, op: ast.operator, first: Value, second: Value) -> Value:
    """Return what an operation on two numbers comes to. Raises InvalidState beyond the subset."""
    name = SUMS.get(type(op))
    if first.kind is WHOLE and second.kind is WHOLE and name is not None:
        return _whole(code, name, first, second)
    bits = BITS.get(type(op))
    if bits is not None and first.kind is WHOLE and second.kind is WHOLE and _is_small(second):
        return Value(WHOLE, (code.put(f"{bits} i64 {first.leaves[0]}, {second.leaves[0]}"),))
    if name is None and not (isinstance(op, ast.Div) and FLOAT in {first.kind, second.kind}):
        raise InvalidState("machine code adds, subtracts and multiplies, and divides floats")
    one, other = code.as_float(first), code.as_float(second)
    if name is None:
        if not is_literal(other) or other == literal(0.0):
            nought = literal(0.0).leaves[0]
            code.demand(code.put(f"fcmp une double {other.leaves[0]}, {nought}"), NOUGHT)
        name = "div"
    return Value(FLOAT, (code.put(f"f{name} double {one.leaves[0]}, {other.leaves[0]}"),))


def _is_small(value: Value) -> bool:
    return is_literal(value) and 0 <= int(value.leaves[0]) < WORD


def negated(code: Code, value: Value) -> Value:
    """Return a number with the other sign."""
    if value.kind is WHOLE:
        return _whole(code, "sub", literal(0), value)
    return Value(FLOAT, (code.put(f"fneg double {code.as_kind(value, FLOAT).leaves[0]}"),))


def _whole(code: Code, name: str, first: Value, second: Value) -> Value:
    both = f"i64 {first.leaves[0]}, i64 {second.leaves[0]}"
    found = code.put(f"call {{i64, i1}} @llvm.s{name}.with.overflow.i64({both})")
    fits = code.put(f"xor i1 {code.put(f'extractvalue {{i64, i1}} {found}, 1')}, true")
    code.demand(fits, TOO_LARGE)
    return Value(WHOLE, (code.put(f"extractvalue {{i64, i1}} {found}, 0"),))


def compared(code: Code, op: ast.cmpop, first: Value, second: Value) -> str:
    """Return the truth of a comparison of two numbers.

    Raises InvalidState for two of unlike kinds: Python compares a whole number with a float as
    exactly as both are.
    """
    order = ORDERS.get(type(op))
    is_of_truths = first.kind is TRUTH and isinstance(op, ast.Eq | ast.NotEq)
    if order is None or first.kind is not second.kind or not isinstance(first.kind, Number):
        raise InvalidState("machine code compares two floats or two whole numbers")
    if first.kind is TRUTH and not is_of_truths:
        raise InvalidState("machine code does not say which of two truths is more")
    how = f"fcmp {order[0]}" if first.kind is FLOAT else f"icmp {order[1]}"
    return code.put(f"{how} {first.kind.name} {first.leaves[0]}, {second.leaves[0]}")


def chosen(code: Code, constants: Any, index: Value) -> Value:
    """Return one of some constants; LLVM makes a table of them. Raises InvalidState for others."""
    if type(constants) is not tuple or not constants:
        raise InvalidState(f"a table of constants is a tuple of floats: was {constants!r}")
    if not all(isinstance(each, float) for each in constants):
        raise InvalidState(f"a table of constants is a tuple of floats: was {constants!r}")
    (at,) = code.as_kind(index, WHOLE).leaves
    code.demand(code.put(f"icmp ult i64 {at}, {len(constants)}"), BEYOND)
    (found,) = literal(constants[-1]).leaves
    for place, constant in enumerate(constants[:-1]):
        test = code.put(f"icmp eq i64 {at}, {place}")
        (one,) = literal(constant).leaves
        found = code.put(f"select i1 {test}, double {one}, double {found}")
    return Value(FLOAT, (found,))


def cut(code: Code, value: Value) -> Value:
    """Return a float without what is behind its point, as a whole number."""
    if value.kind is WHOLE:
        return value
    (leaf,) = code.as_kind(value, FLOAT).leaves
    _demand_between(code, leaf, ("oge", -(2.0**63)), ("olt", 2.0**63))
    return Value(WHOLE, (code.put(f"fptosi double {leaf} to i64"),))


def rounded(code: Code, name: str, value: Value) -> Value:
    """Return a floor or a ceiling as a float; Python's is a whole number, which has no -0."""
    (leaf,) = code.as_kind(value, FLOAT).leaves
    _demand_between(code, leaf, ("ogt", -math.inf), ("olt", math.inf))
    whole = code.put(f"call double @llvm.{name}.f64(double {leaf})")
    return Value(FLOAT, (code.put(f"fadd double {whole}, {literal(0.0).leaves[0]}"),))


def _demand_between(code: Code, leaf: str, *edges: tuple[str, float]) -> None:
    one, other = (
        code.put(f"fcmp {how} double {leaf}, {literal(edge).leaves[0]}") for how, edge in edges
    )
    code.demand(code.put(f"and i1 {one}, {other}"), NO_WHOLE)
