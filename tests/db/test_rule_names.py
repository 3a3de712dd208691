"""The names that code reads and writes are names of rules: a rule that is renamed breaks a test."""

import ast
import re
from collections.abc import Iterator, Mapping

import psycopg
import pytest

from tests.builders.access import Connection
from tests.builders.rules.catalogue import SOURCES, rules_of
from tests.conftest import ROOT

FOLDERS = (ROOT / "layers/core/python/stopward", ROOT / "functions")
SQLSTATE = re.compile(r"[0-9A-Z]{5}")
OF_PYTHON: Mapping[str, str] = {
    "schema_version": "an adapter says so itself, of a database that is older than it is",
}
"""Names that no rule of the database has, and why."""
RAISERS: Mapping[str, int] = {"refuse_if": 1, "refusal": 0}
"""Functions of the memory store that refuse, and which argument names the rule."""
ON_CONSTRAINT = re.compile(r"on conflict on constraint (\w+)")


def branches(tree: ast.Module) -> Iterator[str]:
    """Yield the names that `error.rule` is compared with, looked for in or a key of."""
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and node.value is not None
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and ast.unparse(node.left) == "error.rule":
            for other in node.comparators:
                known = constants.get(other.id, other) if isinstance(other, ast.Name) else other
                if isinstance(known, ast.Dict):
                    yield from (word for key in known.keys if key for word in words(key))
                else:
                    yield from words(known)


def words(node: ast.expr) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def refusals(tree: ast.Module) -> Iterator[str]:
    """Yield the names that Python itself refuses by, in place of the database."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id in RAISERS and len(node.args) > RAISERS[node.func.id]:
            yield from words(node.args[RAISERS[node.func.id]])
        if node.func.id == "DatabaseRejected":
            yield from (w for k in node.keywords if k.arg == "rule" for w in words(k.value))


def trees() -> Iterator[ast.Module]:
    for folder in FOLDERS:
        for path in folder.rglob("*.py"):
            yield ast.parse(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as found:
        yield found


def test_code_branches_on_names_of_rules(connection: Connection) -> None:
    found = {name for tree in trees() for name in branches(tree) if not SQLSTATE.fullmatch(name)}
    assert found >= {"stale_fence", "unknown_account", "archive_differs", "journal_month_unknown"}
    assert found - {rule.name for rule in rules_of(connection).values()} == set()


def test_memory_refuses_by_the_names_of_the_database(connection: Connection) -> None:
    found = {name for tree in trees() for name in refusals(tree)}
    assert len(found) > 20
    assert found - {rule.name for rule in rules_of(connection).values()} == set(OF_PYTHON)


def test_functions_insert_past_constraints_that_are_there(connection: Connection) -> None:
    found = {
        name
        for _function, source, _first in connection.execute(SOURCES.encode()).fetchall()
        for name in ON_CONSTRAINT.findall(source)
    }
    assert len(found) > 10
    assert found - set(rules_of(connection)) == set()
