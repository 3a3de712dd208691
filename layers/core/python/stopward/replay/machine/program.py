"""All functions that one of them reaches, as one program of LLVM."""

import ast
import inspect
import sys
import types
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, get_type_hints

from stopward.replay.machine.expressions import returned
from stopward.replay.machine.kinds import NOTHING, SLOT, Kind, Number, made, slots_of
from stopward.replay.machine.statements import Function
from stopward.replay.machine.values import Code, Value

ENTRY: Final = "entered"
"""The function that a caller calls: it takes the address of the arguments, and of the result."""


@dataclass(frozen=True, slots=True)
class Callee:
    """A function for arguments of some kinds."""

    symbol: str
    returns: Kind


class Program:
    """The text of a program, made function by function, as they are reached."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, tuple[Kind, ...]], Callee] = {}
        self._texts: list[str] = []

    def text(self, function: types.FunctionType, kinds: tuple[Kind, ...]) -> str:
        """Return the program that calls a function. Raises InvalidState beyond the subset."""
        callee = self.find(function, kinds)
        entry = _entry(callee, kinds)
        rounding = [
            "declare double @llvm.floor.f64(double)",
            "declare double @llvm.ceil.f64(double)",
        ]
        return "\n".join(
            [
                *self._texts,
                entry,
                *rounding,
                "attributes #0 = { nounwind alwaysinline }",
                "!0 = !{}",
                "",
            ]
        )

    def find(self, function: types.FunctionType, kinds: tuple[Kind, ...]) -> Callee:
        """Return a function for arguments of these kinds; its code is made at the first time."""
        key = (function, kinds)
        known = self._known.get(key)
        if known is None:
            symbol = f"@{function.__name__}.{len(self._known)}"
            known = Callee(symbol, made(get_type_hints(function)["return"]))
            self._known[key] = known
            code = Function(tree_of(function), function.__globals__, kinds, self.find)
            self._texts.append(code.text(symbol, known.returns, "internal fastcc"))
        return known


def tree_of(function: types.FunctionType) -> ast.FunctionDef:
    """Return the source of a function as a tree."""
    return _trees(function.__module__)[function.__name__]


@cache
def _trees(module: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _entry(callee: Callee, kinds: tuple[Kind, ...]) -> str:
    code = Code()
    given: list[str] = []
    slot = 0
    for kind in kinds:
        place = Value(kind, ("%given",), offset=slot * SLOT)
        if isinstance(kind, Number):
            held = code.put(f"load {kind.name}, ptr {code.address(place)}")
            given.append(f"{kind.name} {held}")
        elif kind is not NOTHING:
            given.append(f"ptr {code.address(place)}")
        slot += slots_of(kind)
    call = f"call fastcc {returned(callee.returns)} {callee.symbol}({', '.join(given)})"
    if callee.returns is NOTHING:
        code.do(call)
    else:
        code.do(f"store {returned(callee.returns)} {code.put(call)}, ptr %found")
    code.do("ret void")
    head = f"define void @{ENTRY}(ptr %given, ptr %found) #0 {{"
    return "\n".join([head, "entry:", *code.lines, "}"])
