"""The compiled twin of a kernel function: same source, same numbers to the bit.

A function of `stopward.rules` and all that it calls are translated to machine code for the kinds of
its arguments (`stopward.replay.machine`). What is None in them is typed so, and its branches
vanish; so that not every set of rules compiles anew, rules that are off are put on and silent
(`stopward.replay.silence`).
"""

import ctypes
import functools
import hashlib
import struct
import types
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, ParamSpec, TypeVar, cast, get_type_hints

import numpy

import stopward.rules
from stopward.errors import InvalidState
from stopward.replay.machine import native
from stopward.replay.machine.kinds import Held, Kind, described, handed, is_sink, may_be_written
from stopward.replay.machine.program import Program
from stopward.replay.machine.stops import WHY

P = ParamSpec("P")
T = TypeVar("T")

KEPT = f"{stopward.rules.__name__}."
"""Modules whose code is kept: those that `sources_digest` covers."""
RULES = Path(stopward.rules.__file__).parent
COMPILER = Path(native.__file__).parent
DIGEST_CHARACTERS = 16
RESULTS = {float: "=d", int: "=q", bool: "=?", type(None): ""}
"""What a function may return to Python, as it lies in memory."""
SMALL_WALK = 40_000
SMALL_SERIES = 2_000
"""Bars of positions, and of indicators, that take less interpreted than compiling takes."""
_folder: Path | None = None
_processor: str | None = None
_is_patient = False


@functools.cache
def sources_digest(processor: str | None = None) -> str:
    """Return a digest of all that machine code depends on: rules, compiler, processor."""
    digest = hashlib.sha256(native.versions(processor).encode())
    for path in sorted((*RULES.glob("*.py"), *COMPILER.glob("*.py"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:DIGEST_CHARACTERS]


def is_as_imported(folder: Path) -> bool:
    """Return whether a folder's name is still that of the sources, which may be replaced any time.

    Constants that were imported before are no longer those of the new sources.
    """
    return folder.name == sources_digest.__wrapped__(_processor)


def keep_in(folder: Path | None, *, processor: str | None = None) -> None:
    """Keep machine code in a subfolder named by `sources_digest`; later processes load it.

    None, as it is from the start, keeps none. What was compiled before is not kept. processor:
    `native.GENERIC` for code that other machines run too; else it is made for this one.
    """
    global _folder, _processor  # noqa: PLW0603  one folder a process
    _folder = None if folder is None else folder / sources_digest(processor)
    _processor = processor


def compile_always(*, yes: bool = True) -> None:
    """Compile for however few steps: to keep machine code for others, and to test it."""
    global _is_patient  # noqa: PLW0603  as with the folder
    _is_patient = yes


class Twin:
    """The compiled twin of a function, and the machine code there is of it.

    code: by the kinds of the arguments. loaded: how many of these were kept by an earlier process.
    """

    def __init__(self, function: types.FunctionType, folder: Path | None) -> None:
        self.code: dict[tuple[Kind, ...], native.Entered] = {}
        self.loaded = 0
        self._function, self._lock = function, Lock()
        self._folder = folder if function.__module__.startswith(KEPT) else None
        try:
            hints = get_type_hints(function)
        except NameError as error:
            raise InvalidState(f"{function.__name__} has hints of no meaning: {error}") from error
        self._result = RESULTS.get(hints.pop("return", object))
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        self._sinks = [place for place, name in enumerate(names) if is_sink(hints.get(name))]

    @property
    def is_ready(self) -> bool:
        """Whether it was compiled by this process, or is kept by an earlier one."""
        if self.code:
            return True
        return self._folder is not None and any(self._folder.glob(self._name("*")))

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function does.

        Raises InvalidState for arguments it has no kind of, and where the function itself would
        raise, or read from the end of a column; what was written by then stays.
        """
        if self._result is None:
            raise InvalidState(f"{self._function.__name__} returns what Python cannot be handed")
        for place in self._sinks:
            may_be_written(arguments[place] if place < len(arguments) else None)
        kinds, given = handed(arguments)
        entered = self.code.get(kinds) or self._made(kinds)
        found = ctypes.create_string_buffer(struct.calcsize(self._result)) if self._result else None
        why = entered(given, found)
        if why:
            raise InvalidState(f"machine code of {self._function.__name__} stopped {WHY[why]}")
        return None if found is None else struct.unpack_from(self._result, found)[0]

    def _made(self, kinds: tuple[Kind, ...]) -> native.Entered:
        with self._lock:
            if kinds not in self.code:
                self.code[kinds] = native.loaded(self._object(kinds), _processor)
            return self.code[kinds]

    def _object(self, kinds: tuple[Kind, ...]) -> bytes:
        said = ";".join((self._function.__module__, *map(described, kinds)))
        name = self._name(hashlib.sha256(said.encode()).hexdigest()[:DIGEST_CHARACTERS])
        path = None if self._folder is None else self._folder / name
        kept = None if path is None else native.kept(path)
        if kept is not None:
            self.loaded += 1
            return kept
        made = native.object_of(Program().text(self._function, kinds), _processor)
        if path is not None and is_as_imported(path.parent):
            native.keep(made, path)
        return made

    def _name(self, kinds: str) -> str:
        return f"{self._function.__name__}-{kinds}.o"


def compiled(function: Callable[P, T]) -> Callable[P, T]:
    """Return the compiled twin of a function of `stopward.rules`; positional arguments only.

    It compiles at its first call for each set of argument kinds, unless it was kept.
    """
    return cast(Callable[P, T], twin_of(cast(types.FunctionType, function), _folder))


@functools.cache
def twin_of(function: types.FunctionType, folder: Path | None) -> Twin:
    """Return the twin whose machine code is kept in a folder."""
    return Twin(function, folder)


def held(value: T) -> T:
    """Return an argument to hand to `compiled` or `soonest` often; nothing else may be done to it.

    Looking through a hundred columns takes longer than walking some dozen positions.
    """
    return cast(T, Held(value))


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
    return twin_of(function, _folder).is_ready


def _interpreted(function: Callable[..., T], *arguments: Any) -> T:
    return function(*(_viewed(argument) for argument in arguments))


def _viewed(argument: Any) -> Any:
    """Return arrays as views, of which Python reads plain numbers; tuples with theirs so."""
    if isinstance(argument, numpy.ndarray):
        return memoryview(cast(Any, argument))
    if isinstance(argument, Held):
        return _viewed(argument.value)
    if isinstance(argument, tuple) and hasattr(argument, "_make"):
        return argument._make(_viewed(value) for value in argument)
    return argument
