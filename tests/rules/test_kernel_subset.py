"""The rules keep to what runs the same interpreted and compiled; this is the check that says so."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import stopward.rules

SOURCES = sorted(Path(stopward.rules.__file__).parent.glob("*.py"))
FOR_PEOPLE = {"fired_rules"}
"""Functions that the kernel never calls."""

FORBIDDEN_NODES: tuple[type[ast.AST], ...] = (
    ast.Try, ast.Raise, ast.Assert, ast.With, ast.Dict, ast.List, ast.Set, ast.ListComp,
    ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda, ast.Await, ast.Yield, ast.YieldFrom,
    ast.JoinedStr, ast.Global, ast.Nonlocal, ast.Starred, ast.Delete, ast.While, ast.In, ast.NotIn,
    ast.Pow, ast.FloorDiv, ast.Mod, ast.BitOr, ast.BitXor, ast.LShift,
    ast.MatMult, ast.NamedExpr, ast.AugAssign, ast.Slice,
)  # fmt: skip
"""Beyond the subset, or with another meaning for machine numbers; tuples are rebuilt."""
BUILTINS = {"range", "len", "float", "int"}
FLOORS = {"math.floor", "math.ceil"}
INDICES = {
    "end - 1", "len(values) + 1", "at + 1", "course.at + 1", "entries.end[row] - 1",
}  # fmt: skip
"""The only sums of whole numbers: places in a series."""
BITS = {"at & INSIDE", "at >> BLOCK_BITS", "number & INSIDE_LARGE", "number >> LARGE_BITS"}
"""The only bits that are looked at: which block a bar begins."""
DIVIDES = {"ratio", "tick_below", "tick_above"}
"""The functions that may divide by a variable, for they ask first whether they can."""
LOOPS = {"run", "passed", "passed_by_blocks"}
"""The functions that may loop on a condition, for each turn takes them a bar on."""


def named(tree: ast.Module) -> set[str]:
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


KERNEL = set().union(*(named(ast.parse(path.read_text())) for path in SOURCES))


def binary_fault(node: ast.BinOp, function: str) -> str | None:
    """Return what is wrong with an operation on two numbers, or None."""
    constant = isinstance(node.right, ast.Constant) and node.right.value != 0.0
    if isinstance(node.op, ast.Div) and not constant and function not in DIVIDES:
        return "divides by a variable"
    if isinstance(node.op, ast.BitAnd | ast.RShift) and ast.unparse(node) not in BITS:
        return "looks at bits"
    for side in (node.left, node.right):
        if isinstance(side, ast.Constant) and type(side.value) is int:
            return None if ast.unparse(node) in INDICES else "counts in whole numbers"
    return None


def faults(function: ast.FunctionDef) -> list[str]:
    """Return what a function does beyond the subset."""
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    found: list[str | None] = []
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.While) and function.name in LOOPS:
            continue
        if isinstance(node, FORBIDDEN_NODES):
            found.append(f"uses {type(node).__name__}")
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes | complex):
            found.append("uses text")
        if isinstance(node, ast.BinOp):
            found.append(binary_fault(node, function.name))
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name not in KERNEL | BUILTINS | FLOORS:
                found.append(f"calls {name}")
            guards = ("usable(", "countable(")
            if name in FLOORS and not any(g in ast.unparse(function) for g in guards):
                found.append("floors what may be no number")
    return [fault for fault in found if fault]


FUNCTIONS = [
    pytest.param(node, id=f"{path.stem}.{node.name}")
    for path in SOURCES
    for node in ast.parse(path.read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name not in FOR_PEOPLE
]
RULE_ARGUMENTS = ["state", "bar", "account", "params", "proposal"]
RULES = [
    case
    for case in FUNCTIONS
    if {"params", "proposal"} <= {argument.arg for argument in case.values[0].args.args}
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_keeps_to_the_subset(function: ast.FunctionDef) -> None:
    assert faults(function) == []


@pytest.mark.parametrize("function", RULES)
def test_a_rule_that_is_off_returns_the_proposal_first(function: ast.FunctionDef) -> None:
    assert [argument.arg for argument in function.args.args] == RULE_ARGUMENTS
    assert ast.unparse(function.body[1]) == "if params is None:\n    return proposal"


def test_every_rule_is_checked() -> None:
    from stopward.rules.parameters import Rules

    assert {case.values[0].name for case in RULES} == set(Rules._fields)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("return round(state.best)", "calls round"),
        ("return min(state.best, bar.low)", "calls min"),
        ("return bars.close.sum()", "calls bars.close.sum"),
        ("return state.best / state.risk", "divides by a variable"),
        ("return state.best / 0.0", "divides by a variable"),
        ("return state.best ** 2.0", "uses Pow"),
        ("return state.best // 2.0", "uses FloorDiv"),
        ("return count + 1", "counts in whole numbers"),
        ("return count & INSIDE", "looks at bits"),
        ("return count >> BLOCK_BITS", "looks at bits"),
        ("return math.floor(state.best)", "floors what may be no number"),
        ("raise ValueError", "uses Raise"),
        ("return {}", "uses Dict"),
        ("return 'stop'", "uses text"),
        ("count += 1.0", "uses AugAssign"),
    ],
)
def test_the_check_finds_what_it_should(statement: str, fault: str) -> None:
    function = ast.parse(f"def rule(state, bar, bars, count):\n    {statement}").body[0]
    assert isinstance(function, ast.FunctionDef)
    assert fault in faults(function)


def test_the_rules_import_the_standard_library_only() -> None:
    modules = "\n".join(f"import stopward.rules.{path.stem}" for path in SOURCES[1:])
    program = f"""
import sys
before = set(sys.modules)
{modules}
names = {{name.partition('.')[0] for name in set(sys.modules) - before}} - {{'stopward'}}
print(sorted(names - set(sys.stdlib_module_names)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
