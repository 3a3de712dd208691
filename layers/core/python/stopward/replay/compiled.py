"""The compiled twin of a kernel function: same source, same numbers to the bit.

Each function of `stopward.rules` that is reached gets a copy whose globals point at the compiled
copies of the functions it calls, and numba compiles that. Parameters that are None are typed so,
and their branches vanish; so that not every set of rules compiles anew, rules that are off are put
on and silent (`stopward.replay.silence`).
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
OUTERMOST: dict[str, Any] = {
    "error_model": "numpy",  # no checks for division by zero, which the rules make themselves
    "nogil": True,
    "_nrt": False,  # nothing is allocated, so that nobody has to count who holds which array
    "no_cfunc_wrapper": True,
}
INNER: dict[str, Any] = OUTERMOST | {
    "forceinline": True,
    "no_cpython_wrapper": True,  # compiled code alone calls it; wrappers are a third of the work
}


SELDOM = frozenset({"count", "keep", "opened", "resumed", "settled_inside", "write"})
"""Functions that run once a position or a fill: as calls they take less to compile."""


SMALL_WALK = 400_000
SMALL_SERIES = 20_000
"""Bars of positions, and of indicators, that take less interpreted than compiling takes."""
_folder: str | None = None
_is_patient = False


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


def compile_always(*, yes: bool = True) -> None:
    """Compile for however few steps: to keep machine code for others, and to test it."""
    global _is_patient  # noqa: PLW0603  as with the folder
    _is_patient = yes


def compiled(function: Callable[P, T]) -> Callable[P, T]:
    """Return the compiled twin of a function of `stopward.rules`; positional arguments only.

    It compiles at its first call for each set of argument types (seconds), unless it was kept.
    """
    return cast(Callable[P, T], _outermost(cast(types.FunctionType, function), _folder))


def soonest(function: Callable[P, T], *, steps: int, small: int) -> Callable[P, T]:
    """Return what is done first with so many steps: the compiled twin or, at first, the function.

    steps: bars to walk, of all positions or symbols. Up to `small` of them (SMALL_WALK or
    SMALL_SERIES) are interpreted rather than compiled for, unless the machine code is there
    already. Positional arguments only; the numbers are the same.
    """
    if _is_patient or steps > small or _is_ready(cast(types.FunctionType, function)):
        return compiled(function)
    return functools.partial(_interpreted, function)


def _is_ready(function: types.FunctionType) -> bool:
    """Return whether the twin was compiled by this process, or is kept by an earlier one."""
    if _outermost(function, _folder).signatures:
        return True
    kept = f"*.{function.__name__}-*.nbi"
    return _folder is not None and any(Path(_folder).rglob(kept))


def _interpreted(function: Callable[..., T], *arguments: Any) -> T:
    return function(*(_viewed(argument) for argument in arguments))


def _viewed(argument: Any) -> Any:
    """Return arrays as views, of which Python reads plain numbers; tuples with theirs so."""
    if isinstance(argument, numpy.ndarray):
        return memoryview(cast(Any, argument))
    if isinstance(argument, tuple) and hasattr(argument, "_make"):
        return argument._make(_viewed(value) for value in argument)
    return argument


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
