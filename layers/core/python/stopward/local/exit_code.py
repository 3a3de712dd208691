"""Exit codes of the command line, and which error ends with which."""

from enum import IntEnum

from stopward.errors import (
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
        case DatabaseUnavailable() | DatabaseRejected():
            return ExitCode.DATABASE
        case _:
            return ExitCode.DEFECT
