"""A function starts without a walk through what it loads, and everything is as before after it."""

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from stopward.start import at_start

STARTS = """
import gc, sys
from stopward.start import at_start
if "more" in sys.argv:
    gc.freeze()
walks = []
gc.callbacks.append(lambda phase, told: walks.append(told["generation"]))
@at_start
def wire():
    return [[] for _ in range(100_000)]
kept = wire()
print(len(walks), gc.isenabled(), gc.get_freeze_count() > 100_000)
set_aside = gc.get_freeze_count()
again = wire()
print(gc.get_freeze_count() == set_aside)
"""


@pytest.fixture(autouse=True)
def _collecting() -> Iterator[None]:
    was_enabled = gc.isenabled()
    yield
    (gc.enable if was_enabled else gc.disable)()


@pytest.mark.parametrize("already", ["nothing", "more"])
def test_nothing_is_searched_for_garbage_while_a_function_starts_and_only_once_set_aside(
    already: str,
) -> None:
    # Python 3.12 sets something aside itself, before anything is loaded.
    done = subprocess.run(
        [sys.executable, "-c", STARTS, already],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["0", "True", "True", "True"]


@pytest.mark.parametrize("was_enabled", [True, False])
def test_a_start_that_fails_leaves_the_collector_as_it_was(was_enabled: bool) -> None:
    @at_start
    def wire() -> None:
        assert not gc.isenabled()
        raise KeyError("no secret")

    (gc.enable if was_enabled else gc.disable)()
    with pytest.raises(KeyError, match="no secret"):
        wire()
    assert gc.isenabled() is was_enabled


def test_arguments_and_answer_pass_through() -> None:
    @at_start
    def wire(first: int, *, second: int) -> tuple[int, int]:
        """Say so."""
        return first, second

    assert wire(1, second=2) == (1, 2)
    assert wire.__doc__ == "Say so."
