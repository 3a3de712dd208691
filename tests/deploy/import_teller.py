"""Run alone in a function's folder: call it, and tell at its first question what it has loaded.

The event and the top-level names that are not on Lambda come as JSON in two arguments; SIGUSR1
says that the question came. Prints one JSON object: each module that is not the standard
library's, and who imported it first.
"""

import json
import os
import signal
import sys
from collections.abc import Iterable
from importlib.abc import MetaPathFinder
from types import SimpleNamespace

STANDARD_TOO = "_sysconfigdata_"
"""Its whole name tells the platform."""
MACHINERY = ("importlib", "_frozen_importlib")


class Watcher(MetaPathFinder):
    """Finds nothing; notes who looks for what, and hides what Lambda does not have."""

    def __init__(self, hidden: Iterable[str]) -> None:
        self._hidden = frozenset(hidden)
        self.importers: dict[str, str] = {}

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Raise ModuleNotFoundError for what is hidden; leave all else to the usual finders."""
        self.importers.setdefault(fullname, _importer())
        if fullname.partition(".")[0] in self._hidden:
            raise ModuleNotFoundError(f"{fullname} is not on Lambda", name=fullname)


def _importer() -> str:
    frame = sys._getframe(2)
    while (name := str(frame.f_globals.get("__name__"))).startswith(MACHINERY):
        if frame.f_back is None:
            break
        frame = frame.f_back
    return name


def main() -> None:
    """Load and call the function; end at its first question."""
    event, hidden = map(json.loads, sys.argv[1:])
    before = set(sys.modules)
    watcher = Watcher(hidden)
    sys.meta_path.insert(0, watcher)

    def tell(*_: object) -> None:
        # What no finder was asked for is an alias, or was made in memory by what was.
        found = (set(sys.modules) - before - {"app"}) & watcher.importers.keys()
        ours = {
            name: watcher.importers[name]
            for name in found
            if name.partition(".")[0] not in sys.stdlib_module_names
            and not name.startswith(STANDARD_TOO)
        }
        os.write(1, json.dumps(ours).encode())
        os._exit(0)

    signal.signal(signal.SIGUSR1, tell)
    sys.path.insert(0, os.getcwd())
    import app  # noqa: F401 - of the folder that this runs in

    context = SimpleNamespace(
        function_name="start",
        memory_limit_in_mb=512,
        invoked_function_arn="arn",
        aws_request_id="start",
        get_remaining_time_in_millis=lambda: 60_000,
    )
    sys.modules["app"].handler(event, context)


if __name__ == "__main__":
    main()
