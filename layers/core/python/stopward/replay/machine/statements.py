"""One kernel function, statement by statement, as a function of LLVM."""

import ast
from typing import Any

from stopward.errors import InvalidState
from stopward.replay.machine.expressions import Expressions, Find, returned
from stopward.replay.machine.kinds import NOTHING, WHOLE, Column, Kind, Record
from stopward.replay.machine.values import Value, leaf_types, literal


class Function(Expressions):
    """Translates one function for arguments of some kinds."""

    def __init__(
        self, tree: ast.FunctionDef, around: dict[str, Any], kinds: tuple[Kind, ...], find: Find
    ) -> None:
        super().__init__(around, find)
        self._tree = tree
        self._loops: list[tuple[str, str]] = []
        self._returns: Kind = NOTHING
        self._parameters: list[str] = []
        changed = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        for argument, kind in zip(tree.args.args, kinds, strict=True):
            leaves = tuple(self.code.fresh() for _ in leaf_types(kind))
            pairs = zip(leaf_types(kind), leaves, strict=True)
            self._parameters += [f"{of} {leaf}" for of, leaf in pairs]
            given = Value(kind, leaves)
            if argument.arg in changed:
                variable = self.code.variable(kind)
                self.code.assign(variable, given)
                given = variable
            self.names[argument.arg] = given

    def text(self, symbol: str, returns: Kind, linkage: str) -> str:
        """Return the function as LLVM reads it."""
        self._returns = returns
        if self._all(self._tree.body):
            if returns is not NOTHING:
                raise InvalidState(f"{self._tree.name} ends without a result")
            self.code.do("ret void")
        head = f"define {linkage} {returned(returns)} {symbol}({', '.join(self._parameters)})"
        return "\n".join([f"{head} #0 {{", "entry:", *self.code.slots, *self.code.lines, "}", ""])

    def _all(self, statements: list[ast.stmt]) -> bool:
        """Translate a block; return whether what comes after it is reached."""
        return all(self._one(each) for each in statements)

    def _one(self, node: ast.stmt) -> bool:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._assign(name, self.value(value))
            case ast.Assign(targets=[ast.Subscript() as place], value=value):
                self._store(place, value)
            case ast.If():
                return self._if(node)
            case ast.While():
                self._while(node)
            case ast.For():
                self._for(node)
            case ast.Return(value=value):
                return self._return(value)
            case ast.Break() | ast.Continue():
                after, again = self._loops[-1]
                self.code.go(after if isinstance(node, ast.Break) else again)
                return False
            case ast.Expr(value=ast.Constant()):
                pass
            case ast.Expr(value=value):
                self.value(value)
            case _:
                raise InvalidState(f"no machine code is made for {ast.unparse(node)}")
        return True

    def _assign(self, name: str, value: Value) -> None:
        known = self.names.get(name)
        if isinstance(value.kind, Record | Column) or value.kind is NOTHING:
            if known is not None and known.in_slots:
                self.code.assign(known, value)
                return
            self.names[name] = value
            return
        if known is None or not known.in_slots:
            known = self.code.variable(value.kind)
            self.names[name] = known
        self.code.assign(known, value)

    def _store(self, place: ast.Subscript, value: ast.expr) -> None:
        number = self.number(value)
        of, address = self.code.element(self.value(place.value), self.number(place.slice))
        (leaf,) = self.code.as_kind(number, of).leaves
        self.code.do(f"store {of.name} {leaf}, ptr {address}")

    def _return(self, value: ast.expr | None) -> bool:
        if value is None or self._returns is NOTHING:
            self.code.do("ret void")
            return False
        found = self.code.as_kind(self.value(value), self._returns)
        of = returned(self._returns)
        if of == leaf_types(self._returns)[0]:
            self.code.do(f"ret {of} {found.leaves[0]}")
            return False
        whole = "poison"
        for place, (each, leaf) in enumerate(
            zip(leaf_types(self._returns), found.leaves, strict=True)
        ):
            whole = self.code.put(f"insertvalue {of} {whole}, {each} {leaf}, {place}")
        self.code.do(f"ret {of} {whole}")
        return False

    def _if(self, node: ast.If) -> bool:
        test = self.truth(node.test)
        if test in ("true", "false"):
            return self._all(node.body if test == "true" else node.orelse)
        then, after = self.code.label(), self.code.label()
        other = self.code.label() if node.orelse else after
        self.code.branch(test, then, other)
        self.code.start(then)
        goes_on = self._all(node.body)
        if goes_on:
            self.code.go(after)
        if node.orelse:
            self.code.start(other)
            if self._all(node.orelse):
                self.code.go(after)
                goes_on = True
        if not node.orelse or goes_on:
            self.code.start(after)
            return True
        return False

    def _while(self, node: ast.While) -> None:
        test, body, after = (self.code.label() for _ in range(3))
        self.code.go(test)
        self.code.start(test)
        self.code.branch(self.truth(node.test), body, after)
        self._body(node.body, body, again=test, after=after)

    def _body(self, statements: list[ast.stmt], body: str, *, again: str, after: str) -> None:
        self._loops.append((after, again))
        self.code.start(body)
        if self._all(statements):
            self.code.go(again)
        self._loops.pop()
        self.code.start(after)

    def _for(self, node: ast.For) -> None:
        if not isinstance(node.target, ast.Name):
            raise InvalidState(f"no machine code is made for {ast.unparse(node)}")
        if not isinstance(node.iter, ast.Call):
            self._each(node, node.target.id)
            return
        edges = [self.code.as_kind(self.value(each), WHOLE) for each in node.iter.args]
        first, last = edges if len(edges) == 2 else (literal(0), edges[0])
        counter = self.code.variable(WHOLE)
        self.code.assign(counter, first)
        test, body, step, after = (self.code.label() for _ in range(4))
        self.code.go(test)
        self.code.start(test)
        (now,) = self.code.read(counter).leaves
        self.code.branch(self.code.put(f"icmp slt i64 {now}, {last.leaves[0]}"), body, after)
        self._assign_in(body, node.target.id, Value(WHOLE, (now,)))
        self._loops.append((after, step))
        if self._all(node.body):
            self.code.go(step)
        self._loops.pop()
        self.code.start(step)
        (before,) = self.code.read(counter).leaves
        self.code.assign(counter, Value(WHOLE, (self.code.put(f"add nsw i64 {before}, 1"),)))
        self.code.go(test)
        self.code.start(after)

    def _assign_in(self, block: str, name: str, value: Value) -> None:
        self.code.start(block)
        self._assign(name, value)

    def _each(self, node: ast.For, name: str) -> None:
        """Translate a loop over a tuple, once for each of its parts."""
        whole = self.value(node.iter)
        if not isinstance(whole.kind, Record) or not isinstance(node.target, ast.Name):
            raise InvalidState(f"no machine code is made for {ast.unparse(node)}")
        for place in whole.kind.fields:
            self.names[name] = self.code.attribute(whole, place)
            self._all(node.body)
