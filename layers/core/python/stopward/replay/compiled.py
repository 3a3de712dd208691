"""The compiled twin of a kernel function: same source, same numbers to the bit.

Each function of `stopward.rules` that is reached gets a copy whose globals point at the compiled
copies of the functions it calls, and numba compiles that. Parameters that are None are typed so,
and their branches vanish, so each set of enabled rules gets machine code of its own (short walks
do without: `stopward.replay.silence`).
"""

import dis
import functools
import hashlib
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy

import stopward.rules

P = ParamSpec("P")
T = TypeVar("T")

RULES = Path(stopward.rules.__file__).parent
PACKAGE = "stopward.rules."
DIGEST_CHARACTERS = 16
OUTERMOST: dict[str, Any] = {"error_model": "numpy", "nogil": True}
"""The error model leaves out checks for division by zero, which the rules make themselves."""
INNER: dict[str, Any] = OUTERMOST | {
    "forceinline": True,
    "no_cpython_wrapper": True,  # compiled code alone calls it; wrappers are a third of the work
    "no_cfunc_wrapper": True,
}


SELDOM = frozenset({"count", "keep", "opened", "resumed", "settled_inside", "write"})
"""Functions that run once a position or a fill: as calls they take less to compile."""


_folder: str | None = None


@functools.cache
def sources_digest() -> str:
    """Return a digest of all rule sources and of numba's and numpy's versions.

    numba's disk cache watches the outermost function's file only; a folder so named the rest.
    """
    digest = hashlib.sha256(f"{numba.__version__} {numpy.__version__}".encode())
    for path in sorted(RULES.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:DIGEST_CHARACTERS]


def keep_in(folder: Path | None) -> None:
    """Keep machine code in a subfolder named by `sources_digest`; later processes load it.

    None, as it is from the start, keeps none. What was compiled before is not kept.
    """
    global _folder  # noqa: PLW0603  one folder a process, as numba has it
    _folder = None if folder is None else str(folder / sources_digest())


def compiled(function: Callable[P, T]) -> Callable[P, T]:
    """Return the compiled twin of a function of `stopward.rules`; positional arguments only.

    It compiles at its first call for each set of argument types (seconds), unless it was kept.
    """
    return cast(Callable[P, T], _outermost(cast(types.FunctionType, function), _folder))


def _rebuilt(function: types.FunctionType) -> types.FunctionType:
    """Return a copy of `function` that calls the compiled twins of the rule functions it names."""
    names = dict(function.__globals__)
    # co_names would not do: it also holds attributes, and `state.target` is not the rule `target`
    for instruction in dis.get_instructions(function):
        if instruction.opname != "LOAD_GLOBAL":
            continue
        name = instruction.argval
        value = names.get(name)
        if isinstance(value, types.FunctionType) and value.__module__.startswith(PACKAGE):
            names[name] = _twin(value)
    copy = types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, None
    )
    copy.__module__ = function.__module__
    copy.__qualname__ = function.__qualname__
    return copy


@functools.cache
def _twin(function: types.FunctionType) -> Any:
    is_inlined = function.__name__ not in SELDOM
    return numba.njit(_rebuilt(function), **INNER | {"forceinline": is_inlined})


@functools.cache
def _outermost(function: types.FunctionType, folder: str | None) -> Any:
    if folder is None:
        return numba.njit(_rebuilt(function), **OUTERMOST)
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = folder  # read while decorating, and by nothing later
    try:
        return numba.njit(_rebuilt(function), cache=True, **OUTERMOST)
    finally:
        config.CACHE_DIR = before
