"""One kernel function, statement by statement, as a function of LLVM."""

import ast
from typing import Any

from stopward.errors import InvalidState
from stopward.replay.machine.expressions import Expressions, Find, returned
from stopward.replay.machine.kinds import NOTHING, WHOLE, Kind, Number, Record, Tuple
from stopward.replay.machine.stops import PARAMETER, jump
from stopward.replay.machine.subset import times_assigned
from stopward.replay.machine.values import NO_VALUE, Value, leaf_types, literal


class Function(Expressions):
    """Translates one function for arguments of some kinds."""

    def __init__(
        self, tree: ast.FunctionDef, around: dict[str, Any], kinds: tuple[Kind, ...], find: Find
    ) -> None:
        self._assigned = times_assigned(tree)
        super().__init__(tree, around, find, self._assigned)
        self._tree = tree
        self._loops: list[tuple[str, str] | None] = []
        self._returns: Kind = NOTHING
        self._parameters = [PARAMETER]
        if len(kinds) != len(tree.args.args):
            raise InvalidState(
                f"{tree.name} takes {len(tree.args.args)} arguments: {len(kinds)} given"
            )
        for argument, kind in zip(tree.args.args, kinds, strict=True):
            leaves = tuple(self.code.fresh() for _ in leaf_types(kind))
            pairs = zip(leaf_types(kind), leaves, strict=True)
            self._parameters += [f"{of} {leaf}" for of, leaf in pairs]
            given = Value(kind, leaves)
            if isinstance(kind, Number | Tuple):
                given = self._local(argument.arg, given)
            self.names[argument.arg] = given
            self.sure.add(argument.arg)

    def text(self, symbol: str, returns: Kind, linkage: str) -> str:
        """Return the function as LLVM reads it."""
        self._returns = returns
        if self._all(self._tree.body):
            if returns is not NOTHING:
                raise InvalidState(f"{self._tree.name} ends without a result")
            self.code.do("ret void")
        head = f"define {linkage} {returned(returns)} {symbol}({', '.join(self._parameters)})"
        ways_out = [line for stop in sorted(self.code.stops) for line in jump(stop)]
        return "\n".join(
            [f"{head} #0 {{", "entry:", *self.code.slots, *self.code.lines, *ways_out, "}", ""]
        )

    def _all(self, statements: list[ast.stmt]) -> bool:
        """Translate a block; return whether what comes after it is reached."""
        return all(self._one(each) for each in statements)

    def _one(self, node: ast.stmt) -> bool:
        self.node = node
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._assign(name, self.value(value))
            case ast.Assign(targets=[ast.Subscript() as place], value=value):
                self._store(place, value)
            case ast.If():
                return self._if(node)
            case ast.While(orelse=[]):
                self._while(node)
            case ast.For(target=ast.Name(id=name), iter=ast.Call() as counted, orelse=[]):
                self._for(node, name, counted)
            case ast.For(target=ast.Name(id=name), orelse=[]):
                return self._each(node, name)
            case ast.Return(value=value):
                return self._return(value)
            case ast.Break() | ast.Continue():
                if self._loops[-1] is None:
                    raise self.beyond(node, " in a loop over a tuple")
                after, again = self._loops[-1]
                self.code.go(after if isinstance(node, ast.Break) else again)
                return False
            case ast.Expr(value=ast.Constant()):
                pass
            case ast.Expr(value=value):
                self.value(value)
            case _:
                raise self.beyond(node)
        return True

    def _assign(self, name: str, value: Value) -> None:
        """Give a local variable a number, or a tuple of numbers; it keeps its kind.

        What is in memory, and None, only gets another name; which one that is must not depend on
        the way that led here.
        """
        known = self.names.get(name)
        if known is not None and known.in_slots:
            self.code.assign(known, value)
        elif isinstance(value.kind, Number | Tuple) and known is None:
            self.names[name] = self._local(name, value)
        elif isinstance(value.kind, Number | Tuple) or self._assigned[name] > 1:
            raise InvalidState(f"{name} is assigned at several places, and is of several kinds")
        else:
            self.names[name] = value
        self.sure.add(name)

    def _local(self, name: str, value: Value) -> Value:
        """Return what holds a number from now on: memory, where it is to change."""
        found = self.code.read(value)
        if self._assigned[name] == 1:
            return found
        variable = self.code.variable(found.kind)
        self.code.assign(variable, found)
        return variable

    def _store(self, place: ast.Subscript, value: ast.expr) -> None:
        number = self.number(value)
        of, address = self.code.element(self.value(place.value), self.number(place.slice))
        if address is None:
            raise self.beyond(place, ", for the column is of nothing")
        found = self.code.as_kind(number, of) if of is WHOLE else self.code.as_float(number)
        (leaf,) = found.leaves
        self.code.do(f"store {of.name} {leaf}, ptr {address}")

    def _return(self, value: ast.expr | None) -> bool:
        given = NO_VALUE if value is None else self.value(value)
        found = self.code.as_kind(given, self._returns)
        if self._returns is NOTHING:
            self.code.do("ret void")
            return False
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
        before = set(self.sure)
        self.code.start(then)
        goes_on = self._all(node.body)
        if goes_on:
            self.code.go(after)
        sure = self.sure if goes_on else None
        self.sure = before
        if node.orelse:
            self.code.start(other)
            if not self._all(node.orelse):
                if sure is None:
                    return False
                self.code.start(after)
                self.sure = sure
                return True
            self.code.go(after)
        self.code.start(after)
        if sure is not None:
            self.sure &= sure
        return True

    def _while(self, node: ast.While) -> None:
        test, body, after = (self.code.label() for _ in range(3))
        self.code.go(test)
        self.code.start(test)
        self.code.branch(self.truth(node.test), body, after)
        self.code.start(body)
        self._turn(node.body, again=test, after=after)
        self.code.start(after)

    def _turn(self, statements: list[ast.stmt], *, again: str, after: str) -> None:
        """Translate one turn of a loop; what is assigned in it may not be after it."""
        before = set(self.sure)
        self._loops.append((after, again))
        if self._all(statements):
            self.code.go(again)
        self._loops.pop()
        self.sure = before

    def _for(self, node: ast.For, name: str, counted: ast.Call) -> None:
        is_range = ast.unparse(counted.func) == "range" and not self.is_named("range")
        if not is_range or counted.keywords or len(counted.args) not in {1, 2}:
            raise self.beyond(counted)
        edges = [self.code.as_kind(self.value(each), WHOLE) for each in counted.args]
        first, last = edges if len(edges) == 2 else (literal(0), edges[0])
        counter = self.code.variable(WHOLE)
        self.code.assign(counter, first)
        test, body, step, after = (self.code.label() for _ in range(4))
        self.code.go(test)
        self.code.start(test)
        (now,) = self.code.read(counter).leaves
        self.code.branch(self.code.put(f"icmp slt i64 {now}, {last.leaves[0]}"), body, after)
        self.code.start(body)
        before = set(self.sure)
        self._assign(name, Value(WHOLE, (now,)))
        self._turn(node.body, again=step, after=after)
        self.sure = before
        self.code.start(step)
        (was,) = self.code.read(counter).leaves
        self.code.assign(counter, Value(WHOLE, (self.code.put(f"add nsw i64 {was}, 1"),)))
        self.code.go(test)
        self.code.start(after)

    def _each(self, node: ast.For, name: str) -> bool:
        """Translate a loop over a tuple, once for each of its parts."""
        whole = self.value(node.iter)
        if not isinstance(whole.kind, Record) or self._assigned[name] > 1:
            raise self.beyond(node.iter, f" as a tuple of which {name} is each part")
        self._loops.append(None)
        goes_on = True
        for place in whole.kind.fields:
            if not goes_on:
                break
            before = set(self.names)
            self.names[name] = self.code.attribute(whole, place)
            self.sure.add(name)
            goes_on = self._all(node.body)
            self._forget(before)
        self._loops.pop()
        return goes_on

    def _forget(self, before: set[str]) -> None:
        """Forget the names of one turn, but for what is in a variable's memory."""
        for name in self.names.keys() - before:
            if not self.names[name].in_slots:
                del self.names[name]
                self.sure.discard(name)
