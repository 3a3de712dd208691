"""Random programs do, compiled, what they do interpreted, to the bit; or they are refused."""

import copy
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from stopward.errors import InvalidState
from stopward.replay import compiled as subject
from stopward.replay.machine.subset import Beyond
from tests.builders.machine import function_of
from tests.builders.machine_arguments import Strict, arguments
from tests.builders.machine_programs import programs

MANY = settings(
    max_examples=4_000,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=set(Phase) - {Phase.explain},
)
FEW = settings(MANY, max_examples=40, derandomize=True)
TO_LARGE = ("beyond 64 bits", "no whole number")
"""Why a program may stop that Python would go on with: its whole numbers know no end."""


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile anew, whatever was kept."""
    monkeypatch.setattr(subject, "_folder", None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder for the programs, whose modules are forgotten after it."""
    known = set(sys.modules)
    yield tmp_path_factory.mktemp("programs")
    for name in set(sys.modules) - known:
        if name.startswith("kernel_"):
            del sys.modules[name]


def called(function: Any, given: dict[str, Any], *, plain: bool) -> tuple[list[str], str]:
    """Return what a function left in its columns, and what it returned, or how it ended."""
    around, given = function.__globals__, copy.deepcopy(given)
    pair, numbers = around["Pair"], given["box"]
    more = pair(numbers[4]) if given["has_more"] else None
    arrays = [given[name] for name in ("a", "b", "rows", "one", "other")]
    a, b, rows, one, other = map(Strict, arrays) if plain else arrays
    box = around["Box"](pair(*numbers[:2]), pair(*numbers[2:4]), more)
    both = around["Columns"](one, other)
    if plain:
        around["TABLE"] = Strict(np.array(around["TABLE"]))
    call = function if plain else subject.compiled(function)
    try:
        end = repr(call(a, b, rows, box, both, given["x"], given["y"], given["n"], given["t"]))
    except (ArithmeticError, IndexError, ValueError):
        end = "stopped"
    except Beyond:
        raise
    except InvalidState as error:
        end = next((reason for reason in TO_LARGE if reason in str(error)), "stopped")
    return [repr(each.tolist()) for each in arrays], end


def held(text: str, given: dict[str, Any], folder: Path) -> None:
    """Hold a program, compiled, to what it does interpreted."""
    function = function_of(text, folder)
    fast = called(function, given, plain=False)
    if fast[1] in TO_LARGE:
        return
    assert fast == called(function, given, plain=True)


def held_or_refused(text: str, given: dict[str, Any], folder: Path) -> None:
    """Do so for a program that may be refused."""
    with suppress(Beyond):
        held(text, given, folder)


@FEW
@given(text=programs(careless=False), given=arguments())
def test_a_program_does_what_python_does(text: str, given: dict[str, Any], folder: Path) -> None:
    held(text, given, folder)


@FEW
@given(text=programs(careless=True), given=arguments())
def test_a_careless_program_does_so_or_is_refused(
    text: str, given: dict[str, Any], folder: Path
) -> None:
    held_or_refused(text, given, folder)


@pytest.mark.nightly
@MANY
@given(text=programs(careless=False), given=arguments())
def test_many_programs_do_what_python_does(text: str, given: dict[str, Any], folder: Path) -> None:
    held(text, given, folder)


@pytest.mark.nightly
@MANY
@given(text=programs(careless=True), given=arguments())
def test_many_careless_programs_do_so_or_are_refused(
    text: str, given: dict[str, Any], folder: Path
) -> None:
    held_or_refused(text, given, folder)
