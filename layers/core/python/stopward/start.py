"""How a function of Lambda starts: what it loads is not searched for garbage."""

import gc
from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

Asked = ParamSpec("Asked")
Wired = TypeVar("Wired")


def at_start(wire: Callable[Asked, Wired]) -> Callable[Asked, Wired]:
    """Let what wires a function load and build without garbage being looked for meanwhile.

    What is loaded stays for good, yet the collector would walk through all of it several times. It
    is set aside, so that no tick waits for that walk either.
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
    # Once a process, not at each wiring. That Python set something aside itself, as 3.12 does while
    # it starts, says nothing of what we loaded.
    gc.freeze()
