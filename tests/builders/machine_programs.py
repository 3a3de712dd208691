"""Random programs of the subset that kernel functions are written in, as text.

A careful program is one that the compiler takes; a careless one may read what is not assigned, give
a name two kinds, or call another thing than it should, and then be refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import strategies as st

from tests.builders.machine_arguments import NUMBERS

PRELUDE: Final = """def more(x: float, y: float) -> float:
    if x < y:
        return y
    return x


def swapped(pair: Pair, x: float) -> Pair:
    if x == x:
        return Pair(pair.second, x)
    return pair


def is_between(x: float, y: float, at: int) -> bool:
    return x < y <= x + at or not y < x


def total(a: list, until: int) -> float:
    found = 0.0
    for at in range(until):
        if a[at] < 0.0:
            continue
        found = found + a[at]
    return found


"""
ARGUMENTS: Final = (
    "a: list, b: list, rows: list, box: Box, both: Columns, x: float, y: float, n: int, t: bool"
)
Pick = Callable[[int], int]
"""Return one of so many choices, from 0."""


@dataclass(slots=True)
class Writer:
    """Writes one program; names: what may be read now, by kind."""

    pick: Pick
    careless: bool
    lines: list[str] = field(default_factory=list)
    names: dict[str, list[str]] = field(
        default_factory=lambda: {
            "float": ["x", "y"], "int": ["n"], "bool": ["t"], "tuple": [],
            "record": ["box.pair", "box.other"], "column": ["a", "b", "both.one", "both.other"],
        }
    )  # fmt: skip
    count: int = 0
    loops: int = 0

    def one_of(self, *choices: Any) -> Any:
        return choices[self.pick(len(choices))]

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def expression(self, kind: str, deep: int = 2) -> str:
        """Return an expression of a kind."""
        if self.careless and self.pick(150) == 0:
            kind = self.one_of("float", "int", "bool")
        made: str = getattr(self, f"_{kind}")(deep)
        return made

    def _float(self, deep: int) -> str:  # noqa: PLR0912  one case an expression
        e = self.expression
        if deep == 0 or self.pick(4) == 0:
            return str(self.one_of(*self.names["float"], repr(self.one_of(*NUMBERS)), "NAN"))
        deep -= 1
        match self.pick(14):
            case 0 | 1 | 2:
                return f"({e('float', deep)} {self.one_of('+', '-', '*')} {e('float', deep)})"
            case 3:
                return f"({e('float', deep)} / {e('float', deep)})"
            case 4:
                mixed = [e("float", deep), e("int", deep)]
                one, other = mixed if self.pick(2) else mixed[::-1]
                return f"({one} {self.one_of('+', '-', '*', '/')} {other})"
            case 5:
                return f"-{e('float', deep)}"
            case 6:
                return f"({e('float', deep)} if {e('bool', deep)} else {e('float', deep)})"
            case 7:
                return f"{self._column(deep)}[{self._place(deep)}]"
            case 8:
                return f"TABLE[{self.one_of('0', '2', self._place(deep))}]"
            case 9:
                return f"float(math.{self.one_of('floor', 'ceil')}({e('float', deep)}))"
            case 10:
                return f"float({e(self.one_of('int', 'float'), deep)})"
            case 11:
                return f"{self._pair(deep)}.{self.one_of('first', 'second')}"
            case 12:
                return f"more({e('float', deep)}, {e('float', deep)})"
            case _:
                return self.one_of(
                    f"put(a, {self._place(deep)}, {e('float', deep)})",
                    f"total({self._column(deep)}, {self._place(deep)})",
                )

    def _int(self, deep: int) -> str:
        if deep == 0 or self.pick(3) == 0:
            return str(self.one_of(*self.names["int"], "0", "1", "2"))
        deep -= 1
        e = self.expression
        match self.pick(6):
            case 0:
                return f"({e('int', deep)} {self.one_of('+', '-', '*')} {e('int', deep)})"
            case 1:
                return f"-{e('int', deep)}"
            case 2:
                return f"rows[{self._place(deep)}]"
            case 3:
                return f"len({self._column(deep)})"
            case 4:
                return f"int({self.one_of('x', '2.5', e('float', deep))})"
            case _:
                return f"({e('int', deep)} if {e('bool', deep)} else {e('int', deep)})"

    def _place(self, deep: int) -> str:
        near = ["0", "1", "2", *(name for name in self.names["int"] if name != "n")]
        return str(self.one_of(*near)) if self.pick(4) else self.expression("int", deep)

    def _bool(self, deep: int) -> str:
        if deep == 0:
            return str(self.one_of(*self.names["bool"], "True", "False"))
        deep -= 1
        e, kind = self.expression, self.one_of("float", "float", "int")
        match self.pick(7):
            case 0:
                return f"({e(kind, deep)} {self._order()} {e(kind, deep)})"
            case 1:
                links = [f"{self._order()} {e(kind, deep)}" for _ in range(2)]
                return f"({e(kind, deep)} {' '.join(links)})"
            case 2:
                return f"({e('bool', deep)} {self.one_of('and', 'or')} {e('bool', deep)})"
            case 3:
                return f"(not {e('bool', deep)})"
            case 4:
                return f"({e('bool', deep)} {self.one_of('==', '!=')} {e('bool', deep)})"
            case 5:
                return f"is_between({e('float', deep)}, {e('float', deep)}, {e('int', deep)})"
            case _:
                known = self.one_of("is not None and", "is None or")
                return f"(box.more {known} box.more.first {self._order()} {e('float', 0)})"

    def _order(self) -> str:
        return str(self.one_of("<", "<=", ">", ">=", "==", "!="))

    def _pair(self, deep: int) -> str:
        records = [*self.names["record"], *self.names["tuple"]]
        match self.pick(4):
            case 0:
                return f"Pair({self.expression('float', deep)})"
            case 1:
                return f"swapped({self.one_of(*records)}, {self.expression('float', deep)})"
            case 2:
                one, other = (self.one_of(*self.names["record"]) for _ in range(2))
                return f"({one} if {self.expression('bool', deep)} else {other})"
            case _:
                return str(self.one_of(*records))

    def _column(self, deep: int) -> str:
        if deep and self.pick(4) == 0:
            return f"(both.one if {self.expression('bool', deep - 1)} else both.other)"
        return str(self.one_of(*self.names["column"]))

    def block(self, depth: int, *, most: int = 3) -> None:
        """Write some statements; what they name is forgotten after them, by the careful."""
        before = {kind: list(names) for kind, names in self.names.items()}
        for _ in range(1 + self.pick(most)):
            self.statement(depth)
        if not self.careless or self.pick(3):
            self.names = before

    def statement(self, depth: int) -> None:
        """Write one statement."""
        choice = self.pick(12 if depth < 4 else 7)
        match choice:
            case 0 | 1 | 2:
                self._assignment(depth)
            case 3:
                value = self.expression(self.one_of("float", "float", "int"))
                self.line(depth, f"{self._column(1)}[{self._place(1)}] = {value}")
            case 4:
                name = self.fresh("r")
                kind = self.one_of("record", "column")
                self.line(depth, f"{name} = {self.one_of(*self.names[kind])}")
                self.names[kind].append(name)
            case 5:
                self.line(depth, f"put(a, {self._place(1)}, {self.expression('float')})")
            case 6 if self.loops and depth > 1:
                self.line(depth, f"if {self.expression('bool')}:")
                self.line(depth + 1, self.one_of("break", "continue"))
            case 6 | 7 | 8:
                self._branches(depth)
            case 9:
                self._counted(depth)
            case 10:
                self._while(depth)
            case _:
                self._parts(depth)

    def _assignment(self, depth: int) -> None:
        kind = self.one_of("float", "float", "int", "bool", "tuple")
        value = self._made_tuple() if kind == "tuple" else self.expression(kind, 3)
        known = [name for name in self.names[kind] if name.startswith("v")] + ["x"] * (
            kind == "float"
        )
        if self.careless and self.pick(12) == 0:
            known = ["n", "y", "t"]
        name = self.one_of(*known) if known and self.pick(2) else self.fresh("v")
        self.line(depth, f"{name} = {value}")
        if name not in self.names[kind]:
            self.names[kind].append(name)

    def _made_tuple(self) -> str:
        return f"swapped({self._pair(1)}, {self.expression('float')})"

    def _branches(self, depth: int) -> None:
        self.line(depth, f"if {self.expression('bool')}:")
        self.block(depth + 1)
        if self.pick(4) == 0:
            self.line(depth + 1, f"return {self.expression('float')}")
        if self.pick(2):
            self.line(depth, "else:")
            self.block(depth + 1)

    def _counted(self, depth: int) -> None:
        name = self.fresh("i")
        first = self.one_of("", "1, ", "rows[0], ")
        last = self.one_of("3", "len(b)") if not first else self.one_of("4", "len(a)")
        self.line(depth, f"for {name} in range({first}{last}):")
        self._body(depth, name)

    def _while(self, depth: int) -> None:
        name = self.fresh("w")
        self.line(depth, f"{name} = 0")
        self.line(depth, f"while {name} < 3 and {self.expression('bool')}:")
        self.line(depth + 1, f"{name} = {name} + 1")
        self._body(depth, name)

    def _body(self, depth: int, counter: str) -> None:
        before = list(self.names["int"])
        self.names["int"].append(counter)
        self.loops += 1
        self.block(depth + 1)
        self.loops -= 1
        if not self.careless or self.pick(3):
            self.names["int"] = before

    def _parts(self, depth: int) -> None:
        name, loops = self.fresh("p"), self.loops
        self.line(depth, f"for {name} in {self.one_of('box.pair', 'box.other')}:")
        self.names["float"].append(name)
        self.loops = loops if self.careless else 0
        self.block(depth + 1, most=2)
        self.loops = loops
        self.names["float"].remove(name)


@st.composite
def programs(draw: st.DrawFn, *, careless: bool) -> str:
    """Return the text of a function `f` of ARGUMENTS."""
    writer = Writer(lambda many: draw(st.integers(0, many - 1)), careless)
    for _ in range(2 + writer.pick(4)):
        writer.statement(1)
    writer.line(1, f"return {writer.expression('float', 3)}")
    body = "\n".join(writer.lines)
    return f"{PRELUDE}def f({ARGUMENTS}) -> float:\n{body}\n"
