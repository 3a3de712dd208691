"""Every query that the code of Stopward holds, found in its source: nobody keeps a list of them."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from types import MappingProxyType
from typing import Final

from tests.docs.pages import ROOT

SOURCES: Final = (ROOT / "layers" / "core" / "python" / "stopward", ROOT / "functions")
QUERY: Final = re.compile(
    r"\s*(select|with|insert|update|delete)\b.*\b(from|join|into|update)\s+(api|stopward)\.[a-z_]+",
    re.DOTALL | re.IGNORECASE,
)
READERS: Final = ("select", "count")
"""Methods of `Views`; their first argument is a view."""


@cache
def product_queries() -> MappingProxyType[str, str]:
    """Return the queries by `file NAME`, or `file:line`; `%(name)s` is what they are given."""
    found: dict[str, str] = {}
    for source in SOURCES:
        for path in sorted(source.rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            name = path.relative_to(ROOT).as_posix().removeprefix("layers/core/python/stopward/")
            for place, query in _queries(tree):
                found[f"{name}{place}"] = query
    return MappingProxyType(found)


def _queries(tree: ast.Module) -> Iterator[tuple[str, str]]:
    known = _constants(tree)
    parts = _parts(tree)
    whole = {name: text for name, (_, text) in known.items()}
    for name, (_, text) in known.items():
        if name not in parts and QUERY.match(text):
            yield f" {name}", text
    inside = {id(node) for name, (line, _) in known.items() for node in _value_nodes(tree, line)}
    for node in ast.walk(tree):
        if id(node) in inside:
            continue
        if isinstance(node, ast.Call) and (view := _view(node)):
            yield f":{node.lineno}", f"select * from api.{view} limit 1000"  # noqa: S608
        text = _text(node, whole) if isinstance(node, ast.Constant) else None
        if text is not None and QUERY.match(text):
            yield f":{node.lineno}", text


def _constants(tree: ast.Module) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                pass
            case _:
                continue
        text = _text(value, {key: each for key, (_, each) in found.items()})
        if text is not None:
            found[name] = (node.lineno, text)
    return found


def _value_nodes(tree: ast.Module, line: int) -> Iterator[ast.AST]:
    for node in tree.body:
        if node.lineno == line:
            yield from ast.walk(node)


def _parts(tree: ast.Module) -> set[str]:
    # A constant that another one begins with is no query by itself.
    return {
        each.id
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp)
        for each in ast.walk(node)
        if isinstance(each, ast.Name)
    }


def _text(node: ast.AST, known: dict[str, str]) -> str | None:
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Name(id=name):
            return known.get(name)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = (_text(left, known), _text(right, known))
            return None if None in parts else "".join(map(str, parts))
        case _:
            return None


def _view(call: ast.Call) -> str | None:
    match call:
        case ast.Call(
            func=ast.Attribute(attr=method), args=[ast.Constant(value=str() as view), *_]
        ) if method in READERS and re.fullmatch(r"[a-z]+(_[a-z]+)+", view):
            return view
        case _:
            return None
