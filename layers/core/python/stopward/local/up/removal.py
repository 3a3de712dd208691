"""`stopward db remove`: the embedded server and its data, wherever they lie, and run records."""

from collections.abc import Iterator

from stopward.errors import InvalidInput, InvalidState
from stopward.local.postgres import servers_under
from stopward.local.screen.words import counted
from stopward.local.up.database import server_lock
from stopward.local.up.home import Home


def what_is_kept(home: Home) -> tuple[str, ...]:
    """Return what would be removed, in sentences; nothing when there is nothing."""
    servers = (
        f"{server.folder}: the database of {server.home}" for server in servers_under(home.folder)
    )
    runs = len(home.runs())
    records = (f"{home.folder}: the records and logs of {counted(runs, 'run')}",) if runs else ()
    return (*servers, *records)


def remove(home: Home) -> Iterator[str]:
    """Remove it, saying so step by step.

    Raises InvalidInput when a run is alive on it, InvalidState for what could not be deleted.
    """
    with server_lock(home):
        for run in home.runs():
            if home.is_alive(run.name):
                raise InvalidInput(f"run {run.name} is alive on it: end it first, with Ctrl-C")
        for server in servers_under(home.folder):
            server.remove()
            if server.folder.exists():
                raise InvalidState(f"{server.folder} could not be deleted: remove it by hand")
            yield f"removed {server.folder}"
        runs = home.runs()
        for run in runs:
            home.forget(run.name)
        if runs:
            yield f"removed the records and logs of {counted(len(runs), 'run')}"
