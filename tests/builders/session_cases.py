"""Cases of the one rule by which sources of sessions are merged; memory and Postgres run them all.

Hours are of the day DAY, in UTC; None is "no session", a source that is absent says nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from stopward.domain.market import Session
from stopward.domain.session_claims import SessionSource

DAY = "2101-01-05"
DAY_BEFORE = "2101-01-04"
DAY_AFTER = "2101-01-06"
Hours = tuple[str, str] | None

FULL: Hours = ("14:30", "21:00")
SHORT: Hours = ("14:30", "18:00")
LATE: Hours = ("17:00", "21:00")
EVENING: Hours = ("18:00", "21:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCase:
    """What is said of one day, in the order of saying, and what counts then."""

    name: str
    said: dict[SessionSource, Hours]
    counts: Hours
    disagrees: bool


CASES = (
    SessionCase(name="calendar alone", said={"calendar": FULL}, counts=FULL, disagrees=False),
    SessionCase(name="broker alone", said={"broker": SHORT}, counts=SHORT, disagrees=False),
    SessionCase(name="person alone", said={"person": LATE}, counts=LATE, disagrees=False),
    SessionCase(
        name="both agree", said={"calendar": SHORT, "broker": SHORT}, counts=SHORT, disagrees=False
    ),
    SessionCase(
        name="broker closes earlier",
        said={"calendar": FULL, "broker": SHORT},
        counts=SHORT,
        disagrees=True,
    ),
    SessionCase(
        name="calendar closes earlier",
        said={"broker": FULL, "calendar": SHORT},
        counts=SHORT,
        disagrees=True,
    ),
    SessionCase(
        name="broker opens later",
        said={"calendar": FULL, "broker": LATE},
        counts=LATE,
        disagrees=True,
    ),
    SessionCase(
        name="calendar opens later",
        said={"calendar": LATE, "broker": FULL},
        counts=LATE,
        disagrees=True,
    ),
    SessionCase(
        name="one opens later and the other closes earlier",
        said={"calendar": LATE, "broker": SHORT},
        counts=("17:00", "18:00"),
        disagrees=True,
    ),
    SessionCase(
        name="broker has the whole early part",
        said={"calendar": EVENING, "broker": SHORT},
        counts=SHORT,
        disagrees=True,
    ),
    SessionCase(
        name="calendar has the whole early part",
        said={"calendar": SHORT, "broker": EVENING},
        counts=SHORT,
        disagrees=True,
    ),
    SessionCase(
        name="broker knows of a closure",
        said={"calendar": FULL, "broker": None},
        counts=None,
        disagrees=True,
    ),
    SessionCase(
        name="broker trades on a holiday",
        said={"calendar": None, "broker": SHORT},
        counts=SHORT,
        disagrees=True,
    ),
    SessionCase(
        name="both are closed",
        said={"calendar": None, "broker": None},
        counts=None,
        disagrees=False,
    ),
    SessionCase(
        name="person overrides a closure",
        said={"calendar": FULL, "broker": None, "person": SHORT},
        counts=SHORT,
        disagrees=True,
    ),
    SessionCase(
        name="person closes a day",
        said={"person": None, "calendar": FULL, "broker": FULL},
        counts=None,
        disagrees=True,
    ),
    SessionCase(
        name="person stays later than both",
        said={"calendar": SHORT, "person": FULL, "broker": SHORT},
        counts=FULL,
        disagrees=True,
    ),
    SessionCase(
        name="all three agree",
        said={"calendar": FULL, "broker": FULL, "person": FULL},
        counts=FULL,
        disagrees=False,
    ),
)


def a_session(
    exchange: str, hours: tuple[str, str] = ("14:30", "21:00"), *, day: str = DAY
) -> Session:
    """Return a session with hours in UTC."""
    opens, closes = (datetime.fromisoformat(f"{day}T{each}:00+00:00") for each in hours)
    return Session(exchange=exchange, day=day, opens_at=opens, closes_at=closes)
