"""`stopward sessions load`: the days on which the exchange trades, as rows of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from stopward.adapters.administration import Administration
from stopward.adapters.alpaca import AlpacaBroker, Keys, Transport
from stopward.domain.market import Session
from stopward.domain.session_claims import SessionSource, SessionsPut, SessionStretch
from stopward.domain.sessions import check_sessions
from stopward.errors import BrokerUnavailable, InvalidInput, InvalidState
from stopward.local.data.calendar import EXCHANGE, sessions_between
from stopward.local.screen.words import counted
from stopward.local.session_file import WrittenSessions
from stopward.ports import Clock

PAST: Final = timedelta(days=7)
"""Also loaded: between sessions the day is that of the last one."""
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
    today: date
    last: date

    @classmethod
    def around(cls, today: date, *, days: int) -> "Stretch":
        """Return the days from a week before today to `days` after it."""
        return cls(first=today - PAST, today=today, last=today + timedelta(days=days))

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
    keys = keys_from(
        environment,
        instead="--nyse to take the exchange's published rules instead of the broker's calendar",
    )
    transport = Transport(url, keys=keys, clock=clock)
    try:
        found = AlpacaBroker(transport).sessions(
            first=stretch.first.isoformat(), last=stretch.last.isoformat()
        )
        check_sessions(found)
        if not found:
            raise InvalidState(f"it has no session from {stretch.first} to {stretch.last}")
    except InvalidState as error:
        raise BrokerUnavailable(f"the broker's calendar cannot be right: {error}") from error
    finally:
        transport.close()
    return found


def sessions_of_rules(stretch: Stretch) -> tuple[Session, ...]:
    """Return what the exchange's published rules say; closures called at short notice are not."""
    return sessions_between(stretch.first, stretch.last)


def keys_from(environment: Mapping[str, str], *, instead: str) -> Keys:
    """Return the broker's keys; InvalidInput when no pair is complete.

    instead: the option to say where there are no keys, and what it does.
    """
    for names in KEY_NAMES:
        key_id, secret = (environment.get(name, "").strip() for name in names)
        if key_id and secret:
            return Keys(key_id=key_id, secret=secret)
    pairs = ", or ".join(" and ".join(names) for names in KEY_NAMES)
    raise InvalidInput(f"environment: the broker's keys are missing; set {pairs}, or say {instead}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What came of loading: one sentence, and a note for each day that the sources disagree on."""

    sentence: str
    notes: tuple[str, ...]


def load(
    administration: Administration,
    sessions: Sequence[Session],
    *,
    stretch: Stretch,
    source: SessionSource,
    whose: str,
) -> Loaded:
    """Store what a source says, and make the journal's partitions of those months.

    From today to the last session of the list a day that is not in it has no session.
    whose: the source in words, for the sentence.
    """
    complete = None
    if sessions and sessions[-1].day >= stretch.today.isoformat():
        last = sessions[-1]
        complete = SessionStretch(
            exchange=last.exchange, first=stretch.today.isoformat(), last=last.day
        )
    put = administration.put_sessions(sessions, source=source, complete=complete)
    administration.keep_partitions(first_day=stretch.first.isoformat(), months=stretch.months)
    early = [session.day for session in sessions if _is_short(session)]
    closes = f"; closing early on {', '.join(early)}" if early else ""
    return Loaded(
        sentence=(
            f"{counted(len(sessions), 'session')} from {stretch.first} to {stretch.last} stored, "
            f"by {whose}, {put.changed} changed{closes}"
        ),
        notes=_notes(put),
    )


def load_written(administration: Administration, written: WrittenSessions) -> Loaded:
    """Store what a person wrote; it counts, whatever the calendars say."""
    put = administration.put_sessions(written.sessions)
    changed, notes = put.changed, _notes(put)
    for day in written.closed:
        one_day = SessionStretch(exchange=EXCHANGE, first=day, last=day)
        put = administration.put_sessions((), source="person", complete=one_day)
        changed, notes = changed + put.changed, notes + _notes(put)
    days = len(written.sessions) + len(written.closed)
    return Loaded(
        sentence=(
            f"{counted(days, 'day')} stored by your word, {changed} changed; "
            "`stopward sessions forget DAY` takes a day back"
        ),
        notes=notes,
    )


def _notes(put: SessionsPut) -> tuple[str, ...]:
    return tuple(f"the sources disagree on {each.sentence()}" for each in put.disagreements)


def _is_short(session: Session) -> bool:
    return session.closes_at - session.opens_at < timedelta(hours=6)
