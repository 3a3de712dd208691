"""Kernel functions out of text, as modules of their own, for the compiler of kernel functions."""

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HEAD = """import math
from typing import NamedTuple

NAN = float("nan")
TABLE = (2.0, -0.0, 5.5)
SIZES = (1, 2)
LIST = [1.0, 2.0]
HUGE = 2**63
TEXT = "one"
lower = 3.0


class Pair(NamedTuple):
    first: float
    second: float = 7.0


class Box(NamedTuple):
    pair: Pair
    other: Pair
    more: Pair | None = None


class Columns(NamedTuple):
    one: list
    other: list


def twice(x: float) -> float:
    return x + x


def put(a: list, at: int, x: float) -> float:
    a[at] = x
    return x


def nothing(a: list) -> None:
    a[0] = 9.0


"""
FIRST_LINE = HEAD.count("\n") + 1
"""The line on which the text of a function begins."""


def function_of(text: str, folder: Path, name: str = "f") -> Callable[..., Any]:
    """Return a function of a new module that holds HEAD and a text."""
    source = HEAD + text
    module_name = f"kernel_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    path = folder / f"{module_name}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    made: Callable[..., Any] = getattr(module, name)
    return made
