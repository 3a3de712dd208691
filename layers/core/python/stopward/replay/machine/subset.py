"""What a function must be before any of it is translated: plain, and what its source says."""

import ast
import inspect
import sys
import types
from collections import Counter
from functools import cache

from stopward.errors import InvalidState


class Beyond(InvalidState):
    """A kernel function goes beyond the subset; the message begins with its file and line."""


def tree_of(function: types.FunctionType) -> ast.FunctionDef:
    """Return the source of a function as a tree.

    Raises InvalidState for what is no function of a module, for one whose source has changed since
    it was imported, and for one that takes arguments in another way than one after the other.
    """
    if function.__closure__:
        raise InvalidState(f"a kernel function is a function of a module: was {function!r}")
    trees, codes = _sources(function.__module__)
    tree, code = trees.get(function.__name__), codes.get(function.__name__)
    if tree is None or code != function.__code__:
        raise InvalidState(
            f"{function.__name__} is not what {function.__code__.co_filename} says now: "
            "it was decorated, replaced, or its source changed after it was imported"
        )
    asked = tree.args
    if asked.posonlyargs or asked.kwonlyargs or asked.vararg or asked.kwarg:
        raise InvalidState(f"{function.__name__} takes more than arguments one after the other")
    return tree


def times_assigned(tree: ast.FunctionDef) -> Counter[str]:
    """Return the local names, and at how many places each is assigned; an argument's is one."""
    found = Counter(argument.arg for argument in tree.args.args)
    found.update(
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    return found


@cache
def _sources(module: str) -> tuple[dict[str, ast.FunctionDef], dict[str, types.CodeType]]:
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError, SyntaxError) as error:
        raise InvalidState(f"the source of {module} cannot be read") from error
    code = compile(tree, module, "exec", dont_inherit=True)
    codes = {each.co_name: each for each in code.co_consts if isinstance(each, types.CodeType)}
    trees = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    return trees, codes
