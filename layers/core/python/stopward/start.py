"""How a function of Lambda starts: what it loads is not searched for garbage."""

import gc
from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

Asked = ParamSpec("Asked")
Wired = TypeVar("Wired")


def at_start(wire: Callable[Asked, Wired]) -> Callable[Asked, Wired]:
    """Let what wires a function load and build without garbage being looked for meanwhile.

    What is loaded stays for good, yet the collector would walk through all of it several times. In
    a process that had nothing set aside it is, so that no tick waits for that walk either.
    """

    @wraps(wire)
    def wired(*args: Asked.args, **kwargs: Asked.kwargs) -> Wired:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            return wire(*args, **kwargs)
        finally:
            _set_aside()
            if was_enabled:
                gc.enable()

    return wired


@cache
def _set_aside() -> None:
    # Counting what is set aside walks through all of it: once a process, not at each wiring.
    if gc.get_freeze_count() == 0:
        gc.freeze()
