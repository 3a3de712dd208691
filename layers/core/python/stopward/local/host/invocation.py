"""One call of a function, and the ways it can end."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One event for one function; `deadline` is real time, for the context's remaining time."""

    request_id: str
    event: str
    deadline: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The handler returned; `payload` is its JSON text."""

    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The handler raised."""

    error_type: str
    message: str
    trace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashed:
    """The process ended under the invocation; `exit_code` is negative for a signal."""

    exit_code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """The handler ran (real time, waits not counted) longer than it may, and was killed."""

    seconds: float


Outcome = Answered | Failed | Crashed | TimedOut


def describe(outcome: Outcome) -> str:
    """Return one sentence for people."""
    match outcome:
        case Answered():
            return "answered"
        case Failed(error_type=kind, message=message):
            return f"raised {kind}: {message}"
        case Crashed(exit_code=code, message=message):
            return f"ended with exit code {code}" + (f": {message}" if message else "")
        case TimedOut(seconds=seconds):
            return f"ran for {seconds:.0f} s and was killed"
