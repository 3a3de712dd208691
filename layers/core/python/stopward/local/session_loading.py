"""`stopward sessions load`: the days on which the exchange trades, as rows of the database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from stopward.adapters.administration import Administration
from stopward.adapters.alpaca import AlpacaBroker, Keys, Transport
from stopward.domain.market import Session
from stopward.domain.sessions import check_sessions
from stopward.errors import BrokerUnavailable, InvalidInput, InvalidState
from stopward.local.data.calendar import sessions_between
from stopward.local.screen.words import counted
from stopward.ports import Clock

PAST: Final = timedelta(days=7)
"""Also loaded: between sessions the day is that of the last one."""
PAPER_URL: Final = "https://paper-api.alpaca.markets"
KEY_NAMES: Final = (
    ("STOPWARD_BROKER_KEY_ID", "STOPWARD_BROKER_SECRET_KEY"),
    ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY"),
)
"""Where the broker's keys are looked for, the first complete pair counts."""
MONTH_DAYS: Final = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Days from `first` to `last`, both included, at the exchange."""

    first: date
    last: date

    @classmethod
    def around(cls, today: date, *, days: int) -> "Stretch":
        """Return the days from a week before today to `days` after it."""
        return cls(first=today - PAST, last=today + timedelta(days=days))

    @property
    def months(self) -> int:
        """How many calendar months it touches, at most one more than it does."""
        return (self.last - self.first).days // MONTH_DAYS + 2


def sessions_of_broker(
    stretch: Stretch, *, url: str, environment: Mapping[str, str], clock: Clock
) -> tuple[Session, ...]:
    """Return what the broker's calendar says, keys from the environment.

    Raises InvalidInput without keys, BrokerUnavailable or BrokerRejected when it does not tell, and
    BrokerUnavailable for a calendar that cannot be right.
    """
    transport = Transport(url, keys=keys_from(environment), clock=clock)
    try:
        found = AlpacaBroker(transport).sessions(
            first=stretch.first.isoformat(), last=stretch.last.isoformat()
        )
        check_sessions(found)
    except InvalidState as error:
        raise BrokerUnavailable(f"the broker's calendar cannot be right: {error}") from error
    finally:
        transport.close()
    return found


def sessions_of_rules(stretch: Stretch) -> tuple[Session, ...]:
    """Return what the exchange's published rules say; closures called at short notice are not."""
    return sessions_between(stretch.first, stretch.last)


def keys_from(environment: Mapping[str, str]) -> Keys:
    """Return the broker's keys; InvalidInput when no pair is complete."""
    for names in KEY_NAMES:
        key_id, secret = (environment.get(name, "").strip() for name in names)
        if key_id and secret:
            return Keys(key_id=key_id, secret=secret)
    pairs = ", or ".join(" and ".join(names) for names in KEY_NAMES)
    raise InvalidInput(
        f"environment: the broker's keys are missing; set {pairs}, or say --nyse to take the "
        "exchange's published rules instead of the broker's calendar"
    )


def load(
    administration: Administration, sessions: Sequence[Session], *, stretch: Stretch, source: str
) -> str:
    """Store sessions, and the journal's partitions of their months; say so in a sentence."""
    administration.put_sessions(sessions)
    administration.keep_partitions(first_day=stretch.first.isoformat(), months=stretch.months)
    early = [session.day for session in sessions if _is_short(session)]
    closes = f"; closing early on {', '.join(early)}" if early else ""
    return (
        f"{counted(len(sessions), 'session')} from {stretch.first} to {stretch.last} stored, "
        f"by {source}{closes}"
    )


def contradicted(stored_days: Iterable[str], sessions: Sequence[Session]) -> tuple[str, ...]:
    """Return the stored days on which there is no session after all, each as a sentence."""
    trading = {session.day for session in sessions}
    return tuple(
        f"{day} is stored as a session and is none: the guard would take the market for open. "
        "As the owner of the database, delete its row from stopward.market_sessions"
        for day in stored_days
        if day not in trading
    )


def _is_short(session: Session) -> bool:
    return session.closes_at - session.opens_at < timedelta(hours=6)
