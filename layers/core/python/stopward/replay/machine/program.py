"""All functions that one of them reaches, as one program of LLVM."""

import ast
import itertools
import types
from dataclasses import dataclass
from typing import Any, Final, get_type_hints

from stopward.errors import InvalidState
from stopward.replay.machine import arithmetic, stops
from stopward.replay.machine.expressions import returned
from stopward.replay.machine.kinds import NOTHING, SLOT, Kind, Number, made, slots_of
from stopward.replay.machine.statements import Function
from stopward.replay.machine.subset import Beyond, tree_of
from stopward.replay.machine.values import Code, Value

ENTRY: Final = "entered"
"""The function that a caller calls: it takes the address of the arguments, and of the result.

It returns 0, or why it stopped (`stops.WHY`).
"""


@dataclass(frozen=True, slots=True)
class Callee:
    """A function for arguments of some kinds."""

    symbol: str
    returns: Kind


class Program:
    """The text of a program, made function by function, as they are reached."""

    def __init__(self) -> None:
        self._known: dict[tuple[types.FunctionType, tuple[Kind, ...]], Callee] = {}
        self._texts: list[str] = []
        self._within: list[types.FunctionType] = []
        self._numbers = itertools.count()

    def text(self, function: Any, kinds: tuple[Kind, ...]) -> str:
        """Return the program that calls a function. Raises Beyond the subset."""
        callee = self.find(function, kinds)
        return "\n".join(
            [
                *self._texts,
                _inside(callee, kinds),
                ENTERED,
                *arithmetic.DECLARED,
                *stops.DECLARED,
                "attributes #0 = { nounwind alwaysinline }",
                "!0 = !{}",
                "",
            ]
        )

    def find(self, function: Any, kinds: tuple[Kind, ...]) -> Callee:
        """Return a function for arguments of these kinds; its code is made at the first time."""
        if not isinstance(function, types.FunctionType):
            raise InvalidState(f"a kernel function is a function of a module: was {function!r}")
        key = (function, kinds)
        if function in self._within:
            raise InvalidState(f"{function.__name__} calls itself, maybe through others")
        known = self._known.get(key)
        if known is None:
            self._within.append(function)
            known = self._known[key] = self._made(function, kinds)
            self._within.pop()
        return known

    def _made(self, function: types.FunctionType, kinds: tuple[Kind, ...]) -> Callee:
        tree = tree_of(function)
        symbol = f"@{function.__name__}.{next(self._numbers)}"
        node: ast.AST = tree
        try:
            callee = Callee(symbol, _returned(function))
            code = Function(tree, function.__globals__, kinds, self.find)
            try:
                self._texts.append(code.text(symbol, callee.returns, "internal fastcc"))
            finally:
                node = code.node
        except Beyond:
            raise
        except InvalidState as error:
            at = f"{function.__code__.co_filename}:{getattr(node, 'lineno', tree.lineno)}"
            raise Beyond(f"{at}: {ast.unparse(node).splitlines()[0]}: {error}") from error
        return callee


def _returned(function: types.FunctionType) -> Kind:
    try:
        return made(get_type_hints(function)["return"])
    except (NameError, TypeError, KeyError) as error:
        raise InvalidState(f"{function.__name__} does not say what it returns") from error


ENTERED: Final = f"""
define i32 @{ENTRY}(ptr %given, ptr %found) nounwind {{
entry:
  %out = alloca [{stops.PLACE_BYTES} x i8], align 64
  %why = call i32 @_setjmp(ptr %out) returns_twice
  %begins = icmp eq i32 %why, 0
  br i1 %begins, label %goes, label %stopped
goes:
  call fastcc void @inside({stops.PARAMETER}, ptr %given, ptr %found)
  br label %stopped
stopped:
  ret i32 %why
}}
"""


def _inside(callee: Callee, kinds: tuple[Kind, ...]) -> str:
    """Return the function of which a stop gets out; all others become one with it.

    What was handed over may be read before it is asked for, as before a loop.
    """
    code = Code()
    given = [stops.PARAMETER]
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
    held = f"ptr align {SLOT} dereferenceable({max(slot, 1) * SLOT}) %given"
    head = f"define internal fastcc void @inside({stops.PARAMETER}, {held}, ptr %found)"
    return "\n".join([f"{head} nounwind noinline {{", "entry:", *code.lines, "}"])
