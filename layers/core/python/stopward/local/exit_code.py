"""Exit codes of the command line, which error ends with which, and how errors are told."""

import errno
from enum import IntEnum
from typing import Final

from stopward.errors import (
    ArchiveRejected,
    ArchiveUnavailable,
    BrokerRejected,
    BrokerUnavailable,
    DatabaseRejected,
    DatabaseUnavailable,
    InvalidInput,
    StopwardError,
)


class ExitCode(IntEnum):
    """What the process says when it ends."""

    OK = 0
    DEFECT = 1
    """Our own fault: an invariant was broken."""
    USAGE = 2
    CONFIGURATION = 3
    BROKER = 4
    DATABASE = 5
    """The database, or the archive of its months."""
    UNPROTECTED = 6
    """A guarded position without a full stop was found at the end."""
    INTERRUPTED = 130


def exit_code_of(error: StopwardError) -> ExitCode:
    """Return the code that an error ends the process with."""
    match error:
        case InvalidInput():
            return ExitCode.CONFIGURATION
        case BrokerUnavailable() | BrokerRejected():
            return ExitCode.BROKER
        case DatabaseUnavailable() | DatabaseRejected() | ArchiveUnavailable() | ArchiveRejected():
            return ExitCode.DATABASE
        case _:
            return ExitCode.DEFECT


REMEDIES: Final = {
    "unknown_account": "open it with `stopward account open NAME --account ID`, or check the id",
    "28000": "the key is not the secret key of this project",
    "3F000": "its migrations are missing: `stopward db migrate`",
    "42P01": "its migrations are missing: `stopward db migrate`",
    "42883": "its migrations are missing or old: `stopward db migrate`",
    "42704": "plain Postgres lacks the roles of a Supabase project: `stopward db migrate --plain`",
    "42501": "the user of the URL must be allowed to become stopward_worker",
}
"""What to do about a refusal of the database, by rule or SQLSTATE."""


def told(error: StopwardError) -> str:
    """Return an error as the command line says it; a refusal with its rule and the remedy."""
    match error:
        case InvalidInput():
            return str(error)
        case DatabaseRejected():
            remedy = f"; {REMEDIES[error.rule]}" if error.rule in REMEDIES else ""
            return f"DatabaseRejected: {error} (rule {error.rule}){remedy}"
        case _:
            return f"{type(error).__name__}: {error}"


NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def refusal_of_the_system(error: OSError) -> str | None:
    """Return what the system refused and the remedy; None for what is no fault of a folder."""
    place = str(error.filename or "a file")
    if error.errno in NO_ROOM:
        return f"{place}: {error.strerror}; make room, or choose another disk with --folder"
    if error.errno in FORBIDDEN and error.filename is not None:
        return f"{place}: {error.strerror}; make it writable, or choose another with --folder"
    return None
