"""Expressions of a kernel function, as instructions."""

import ast
import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final, Protocol

from stopward.errors import InvalidState
from stopward.replay.machine.kinds import FLOAT, NOTHING, TRUTH, WHOLE, Column, Kind, Tuple
from stopward.replay.machine.values import FALSE, NO_VALUE, TRUE, Code, Value, leaf_types, literal

SUMS: Final[dict[type[ast.operator], str]] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul"}
BITS: Final[dict[type[ast.operator], str]] = {ast.RShift: "ashr", ast.BitAnd: "and"}
"""Of whole numbers: as in Python, where they have bits of their sign without end."""
ORDERS: Final[dict[type[ast.cmpop], tuple[str, str]]] = {
    ast.Lt: ("olt", "slt"), ast.LtE: ("ole", "sle"), ast.Gt: ("ogt", "sgt"),
    ast.GtE: ("oge", "sge"), ast.Eq: ("oeq", "eq"), ast.NotEq: ("une", "ne"),
}  # fmt: skip
"""How floats are compared, and how whole numbers; nan is unequal to all, itself included."""


class Callee(Protocol):
    """A function as its callers know it."""

    @property
    def symbol(self) -> str:
        """Its name in the program."""

    @property
    def returns(self) -> Kind:
        """What it returns."""


Find = Callable[[Any, tuple[Kind, ...]], Callee]
"""Return the code of a kernel function for arguments of these kinds."""


class Expressions:
    """Translates expressions; `names` are the local variables."""

    def __init__(self, around: Mapping[str, Any], find: Find) -> None:
        self.code = Code()
        self.names: dict[str, Value] = {}
        self._around, self._find = around, find

    def value(self, node: ast.expr) -> Value:
        """Return what an expression comes to. Raises InvalidState beyond the subset."""
        translate: Any = getattr(self, f"_{type(node).__name__.lower()}", None)
        if translate is None:
            raise InvalidState(f"no machine code is made for {ast.unparse(node)}")
        found: Value = translate(node)
        return found

    def number(self, node: ast.expr) -> Value:
        """Return what an expression comes to, in registers."""
        return self.code.read(self.value(node))

    def truth(self, node: ast.expr) -> str:
        """Return the register or literal of a truth."""
        (leaf,) = self.code.as_kind(self.value(node), TRUTH).leaves
        return leaf

    def _constant(self, node: ast.Constant) -> Value:
        return NO_VALUE if node.value is None else literal(node.value)  # type: ignore[arg-type]

    def _name(self, node: ast.Name) -> Value:
        if node.id in self.names:
            return self.names[node.id]
        return literal(self._around[node.id])

    def _attribute(self, node: ast.Attribute) -> Value:
        return self.code.attribute(self.value(node.value), node.attr)

    def _subscript(self, node: ast.Subscript) -> Value:
        if isinstance(node.value, ast.Name) and node.value.id not in self.names:
            return self._chosen(self._around[node.value.id], self.number(node.slice))
        column = self.value(node.value)
        if isinstance(column.kind, Column) and column.kind.is_missing:
            return literal(math.nan)
        of, place = self.code.element(column, self.number(node.slice))
        return Value(of, (self.code.put(f"load {of.name}, ptr {place}"),))

    def _chosen(self, constants: tuple[float, ...], index: Value) -> Value:
        """Return one of some constants; they lie on the stack, and LLVM makes a table of them."""
        found = literal(constants[-1])
        for place, constant in enumerate(constants[:-1]):
            test = self.code.put(f"icmp eq i64 {index.leaves[0]}, {place}")
            one, other = literal(constant).leaves[0], found.leaves[0]
            found = Value(
                FLOAT, (self.code.put(f"select i1 {test}, double {one}, double {other}"),)
            )
        return found

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            test = self.truth(node.operand)
            if test in ("true", "false"):
                return FALSE if test == "true" else TRUE
            return Value(TRUTH, (self.code.put(f"xor i1 {test}, true"),))
        number = self.number(node.operand)
        (leaf,) = number.leaves
        if not isinstance(node.op, ast.USub):
            raise InvalidState(f"no machine code is made for {ast.unparse(node)}")
        if number.kind is WHOLE:
            return Value(WHOLE, (self.code.put(f"sub nsw i64 0, {leaf}"),))
        return Value(FLOAT, (self.code.put(f"fneg double {leaf}"),))

    def _binop(self, node: ast.BinOp) -> Value:
        first, second = self.number(node.left), self.number(node.right)
        name = SUMS.get(type(node.op))
        if first.kind is WHOLE and second.kind is WHOLE:
            of_wholes = BITS.get(type(node.op), f"{name} nsw" if name else None)
            if of_wholes is not None:
                one, other = first.leaves[0], second.leaves[0]
                return Value(WHOLE, (self.code.put(f"{of_wholes} i64 {one}, {other}"),))
        if isinstance(node.op, ast.Div):
            name = "div"
        if name is None:
            raise InvalidState(f"no machine code is made for {ast.unparse(node)}")
        one, other = (self.code.as_kind(each, FLOAT).leaves[0] for each in (first, second))
        return Value(FLOAT, (self.code.put(f"f{name} double {one}, {other}"),))

    def _compare(self, node: ast.Compare) -> Value:
        if isinstance(node.ops[0], ast.Is | ast.IsNot):
            is_none = self.value(node.left).kind is NOTHING
            return TRUE if is_none == isinstance(node.ops[0], ast.Is) else FALSE
        operands = [self.number(each) for each in (node.left, *node.comparators)]
        tests = [
            self._compared(op, *pair) for op, pair in zip(node.ops, pairwise(operands), strict=True)
        ]
        found = tests[0]
        for test in tests[1:]:
            found = self.code.put(f"and i1 {found}, {test}")
        return Value(TRUTH, (found,))

    def _compared(self, op: ast.cmpop, first: Value, second: Value) -> str:
        of_floats, of_wholes = ORDERS[type(op)]
        if first.kind is second.kind and first.kind in (WHOLE, TRUTH):
            of = leaf_types(first.kind)[0]
            return self.code.put(f"icmp {of_wholes} {of} {first.leaves[0]}, {second.leaves[0]}")
        one, other = (self.code.as_kind(each, FLOAT).leaves[0] for each in (first, second))
        return self.code.put(f"fcmp {of_floats} double {one}, {other}")

    def _boolop(self, node: ast.BoolOp) -> Value:
        """Return the truth of a chain, of which the rest is not asked once one decides."""
        is_all = isinstance(node.op, ast.And)
        first, *rest = node.values
        test = self.truth(first)
        for each in rest:
            if test in ("true", "false"):
                if (test == "true") != is_all:
                    break
                test = self.truth(each)
                continue
            asked, after, before = self.code.label(), self.code.label(), self.code.block
            self.code.branch(test, *((asked, after) if is_all else (after, asked)))
            self.code.start(asked)
            found, end = self.truth(each), self.code.block
            end = self.code.block
            self.code.go(after)
            self.code.start(after)
            decided = "false" if is_all else "true"
            test = self.code.put(f"phi i1 [ {decided}, %{before} ], [ {found}, %{end} ]")
        return Value(TRUTH, (test,))

    def _ifexp(self, node: ast.IfExp) -> Value:
        test = self.truth(node.test)
        if test in ("true", "false"):
            return self.value(node.body if test == "true" else node.orelse)
        one, other, after = (self.code.label() for _ in range(3))
        self.code.branch(test, one, other)
        found: list[tuple[Value, str]] = []
        for label, part in ((one, node.body), (other, node.orelse)):
            self.code.start(label)
            value = self.number(part)
            if found:
                value = self.code.as_kind(value, found[0][0].kind)
            found.append((value, self.code.block))
            self.code.go(after)
        self.code.start(after)
        kind = found[0][0].kind
        leaves = tuple(
            self.code.put(
                f"phi {of} " + ", ".join(f"[ {v.leaves[place]}, %{end} ]" for v, end in found)
            )
            for place, of in enumerate(leaf_types(kind))
        )
        return Value(kind, leaves)

    def _call(self, node: ast.Call) -> Value:
        if isinstance(node.func, ast.Attribute):
            return self._rounded(node)
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise InvalidState(f"no machine code is made for {ast.unparse(node)}")
        name = node.func.id
        called = self._around.get(name)
        if called is None and name in ("int", "float", "len"):
            return self._converted(name, self.value(node.args[0]))
        arguments = [self.value(each) for each in node.args]
        if isinstance(called, type):
            defaults: Mapping[str, float] = getattr(called, "_field_defaults", {})
            names: tuple[str, ...] = getattr(called, "_fields", ())
            missing = names[len(arguments) :]
            return self.code.tuple_of(
                called, [*arguments, *(literal(defaults[each]) for each in missing)]
            )
        return self._called(called, arguments)

    def _called(self, called: Any, arguments: list[Value]) -> Value:
        callee = self._find(called, tuple(each.kind for each in arguments))
        given: list[str] = []
        for each in arguments:
            if isinstance(each.kind, Column) or leaf_types(each.kind) == ("ptr",):
                given.append(f"ptr {self.code.address(each)}")
                continue
            known = self.code.read(each)
            types = leaf_types(known.kind)
            given += [f"{of} {leaf}" for of, leaf in zip(types, known.leaves, strict=True)]
        call = f"call fastcc {returned(callee.returns)} {callee.symbol}({', '.join(given)})"
        match callee.returns:
            case Tuple():
                whole = self.code.put(call)
                of = returned(callee.returns)
                leaves = (
                    self.code.put(f"extractvalue {of} {whole}, {place}")
                    for place in range(len(leaf_types(callee.returns)))
                )
                return Value(callee.returns, tuple(leaves))
            case kind if kind is NOTHING:
                self.code.do(call)
                return NO_VALUE
            case kind:
                return Value(kind, (self.code.put(call),))

    def _converted(self, name: str, value: Value) -> Value:
        if name == "len":
            return self.code.length(value)
        found = self.code.read(value)
        if name == "float":
            return self.code.as_kind(found, FLOAT)
        return Value(WHOLE, (self.code.put(f"fptosi double {found.leaves[0]} to i64"),))

    def _rounded(self, node: ast.Call) -> Value:
        """Return a floor or a ceiling as a float; Python's is a whole number, which has no -0."""
        name = {"math.floor": "floor", "math.ceil": "ceil"}.get(ast.unparse(node.func))
        if name is None or self._around.get("math") is not math:
            raise InvalidState(f"no machine code is made for {ast.unparse(node)}")
        (leaf,) = self.code.as_kind(self.value(node.args[0]), FLOAT).leaves
        whole = self.code.put(f"call double @llvm.{name}.f64(double {leaf})")
        return Value(FLOAT, (self.code.put(f"fadd double {whole}, {literal(0.0).leaves[0]}"),))


def returned(kind: Kind) -> str:
    """Return what LLVM calls what a function of a kind returns."""
    if kind is NOTHING:
        return "void"
    types = leaf_types(kind)
    return f"{{ {', '.join(types)} }}" if isinstance(kind, Tuple) else types[0]
