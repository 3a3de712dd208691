"""Expressions of a kernel function, as instructions."""

import ast
import math
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Final, Protocol

from stopward.errors import InvalidState
from stopward.replay.machine.arithmetic import binary, chosen, compared, cut, negated, rounded
from stopward.replay.machine.kinds import NOTHING, TRUTH, Column, Kind, Record, Tuple
from stopward.replay.machine.stops import PARAMETER
from stopward.replay.machine.values import FALSE, NO_VALUE, TRUE, Code, Value, leaf_types, literal

CONVERSIONS: Final = ("int", "float", "len")
ROUNDED: Final = {"math.floor": "floor", "math.ceil": "ceil"}


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
    """Translates expressions; `names` are the local variables.

    local: all that there are in the function. sure: those that were assigned by now, whichever way
    led here. node: what is translated.
    """

    def __init__(
        self, tree: ast.FunctionDef, around: Mapping[str, Any], find: Find, local: Collection[str]
    ) -> None:
        self.code = Code()
        self.names: dict[str, Value] = {}
        self.sure: set[str] = set()
        self.node: ast.AST = tree
        self._around, self._find, self._locals = around, find, local

    def value(self, node: ast.expr) -> Value:
        """Return what an expression comes to. Raises InvalidState beyond the subset."""
        around, self.node = self.node, node
        translate: Any = getattr(self, f"_{type(node).__name__.lower()}", None)
        if translate is None:
            raise self.beyond(node)
        found: Value = translate(node)
        self.node = around
        return found

    def beyond(self, node: ast.AST, why: str = "") -> InvalidState:
        """Return the error of what there is no machine code for."""
        self.node = node
        return InvalidState(f"no machine code is made for it{why}")

    def is_named(self, name: str) -> bool:
        """Return whether a name is this module's or function's own, and not Python's."""
        return name in self._locals or name in self._around

    def number(self, node: ast.expr) -> Value:
        """Return what an expression comes to, in registers."""
        return self.code.read(self.value(node))

    def truth(self, node: ast.expr) -> str:
        """Return the register or literal of a truth."""
        (leaf,) = self.code.as_kind(self.value(node), TRUTH).leaves
        return leaf

    def _constant(self, node: ast.Constant) -> Value:
        return literal(node.value)

    def _name(self, node: ast.Name) -> Value:
        if node.id not in self._locals:
            return literal(self._constant_named(node))
        if node.id not in self.sure:
            raise self.beyond(node, ", which may not be assigned yet")
        return self.names[node.id]

    def _constant_named(self, node: ast.Name) -> Any:
        """Return what a module calls by a name in capitals, for it never changes."""
        if node.id not in self._around:
            raise self.beyond(node, ", which nothing is called")
        if not node.id.isupper():
            raise self.beyond(node, ", for a constant is written in capitals")
        return self._around[node.id]

    def _attribute(self, node: ast.Attribute) -> Value:
        return self.code.attribute(self.value(node.value), node.attr)

    def _subscript(self, node: ast.Subscript) -> Value:
        if isinstance(node.value, ast.Name) and node.value.id not in self._locals:
            constants = self._constant_named(node.value)
            return chosen(self.code, constants, self.number(node.slice))
        column = self.value(node.value)
        of, place = self.code.element(column, self.number(node.slice))
        if place is None:
            return literal(math.nan)
        return Value(of, (self.code.put(f"load {of.name}, ptr {place}"),))

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            test = self.truth(node.operand)
            if test in ("true", "false"):
                return FALSE if test == "true" else TRUE
            return Value(TRUTH, (self.code.put(f"xor i1 {test}, true"),))
        if not isinstance(node.op, ast.USub):
            raise self.beyond(node)
        return negated(self.code, self.number(node.operand))

    def _binop(self, node: ast.BinOp) -> Value:
        first, second = self.number(node.left), self.number(node.right)
        return binary(self.code, node.op, first, second)

    def _compare(self, node: ast.Compare) -> Value:
        if isinstance(node.ops[0], ast.Is | ast.IsNot):
            if [ast.unparse(each) for each in node.comparators] != ["None"]:
                raise self.beyond(node)
            is_none = self.value(node.left).kind is NOTHING
            return TRUE if is_none == isinstance(node.ops[0], ast.Is) else FALSE
        operands = [self.number(node.left)]

        def link(op: ast.cmpop, other: ast.expr) -> str:
            operands.append(self.number(other))
            return compared(self.code, op, *operands[-2:])

        pairs = zip(node.ops, node.comparators, strict=True)
        return self._chain([partial(link, *pair) for pair in pairs], is_all=True)

    def _boolop(self, node: ast.BoolOp) -> Value:
        tests = [partial(self.truth, each) for each in node.values]
        return self._chain(tests, is_all=isinstance(node.op, ast.And))

    def _chain(self, tests: list[partial[str]], *, is_all: bool) -> Value:
        """Return the truth of a chain, of which the rest is not asked once one decides."""
        test = tests[0]()
        for each in tests[1:]:
            if test in ("true", "false"):
                if (test == "true") != is_all:
                    break
                test = each()
                continue
            asked, after, before = self.code.label(), self.code.label(), self.code.block
            self.code.branch(test, *((asked, after) if is_all else (after, asked)))
            self.code.start(asked)
            found = each()
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
            if isinstance(value.kind, Record | Column):
                value = Value(value.kind, (self.code.address(value),))
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
        if not isinstance(node.func, ast.Name) or node.keywords or node.func.id in self._locals:
            raise self.beyond(node)
        name = node.func.id
        if name in CONVERSIONS and len(node.args) == 1 and not self.is_named(name):
            return self._converted(name, node.args[0])
        if not self.is_named(name):
            raise self.beyond(node)
        called = self._around[name]
        arguments = [self.value(each) for each in node.args]
        if isinstance(called, type):
            defaults: Mapping[str, object] = getattr(called, "_field_defaults", {})
            names: tuple[str, ...] = getattr(called, "_fields", ())
            missing = [each for each in names[len(arguments) :] if each in defaults]
            return self.code.tuple_of(
                called, [*arguments, *(literal(defaults[each]) for each in missing)]
            )
        return self._called(called, arguments)

    def _called(self, called: Any, arguments: list[Value]) -> Value:
        callee = self._find(called, tuple(each.kind for each in arguments))
        given = [PARAMETER]
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

    def _converted(self, name: str, node: ast.expr) -> Value:
        if name == "float" and isinstance(node, ast.Call):
            rounding = ROUNDED.get(ast.unparse(node.func))
            if rounding is not None:
                return self._rounded(rounding, node)
        if name == "len":
            return self.code.length(self.value(node))
        found = self.number(node)
        return self.code.as_float(found) if name == "float" else cut(self.code, found)

    def _rounded(self, name: str, node: ast.Call) -> Value:
        """Return a floor or a ceiling that is made a float at once; left whole it is exacter."""
        is_module = self._around.get("math") is math and "math" not in self._locals
        if not is_module or node.keywords or len(node.args) != 1:
            raise self.beyond(node)
        return rounded(self.code, name, self.number(node.args[0]))


def returned(kind: Kind) -> str:
    """Return what LLVM calls what a function of a kind returns."""
    if kind is NOTHING:
        return "void"
    types = leaf_types(kind)
    return f"{{ {', '.join(types)} }}" if isinstance(kind, Tuple) else types[0]
