"""Once a night: months ahead are made, late rows filed, old months archived and then dropped."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from math import inf
from typing import BinaryIO, Final, Protocol, cast

from stopward.domain.journal import (
    ArchivedMonth,
    DropState,
    JournalMonth,
    JournalPage,
    JournalState,
)
from stopward.errors import ArchiveUnavailable, DatabaseRejected, DatabaseUnavailable, Rejected
from stopward.ports import Archive
from stopward.services.journal_archive import MonthReader, archive_month

MONTHS_AHEAD: Final = 2
LATE_ROWS: Final = 2_000_000
"""Most rows that one night moves out of the default partitions: some minutes of work."""
PORTION: Final = 2_000
"""Rows that are moved in one call, for which a tick may wait: a tenth of a second or two."""
MARGIN_SECONDS: Final = 120.0
"""Remaining time under which no further month is begun."""
LAST_SECONDS: Final = 45.0
"""Remaining time under which nothing goes on: what was begun is ended, and people are told."""
ATTEMPTS: Final = 2
"""A month that grew between archive and freezing is archived once more; then it cannot grow."""
GONE: Final = frozenset({"journal_month_unknown"})
"""Rules that say that another keeper was quicker."""


class Journal(MonthReader, Protocol):
    """The journal in the database, by month; each call is one transaction and may be repeated.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected with the rule's name:
    journal_busy when ticks hold the tables, journal_month_unknown when a month is not here.
    """

    def file_late_rows(self, *, most: int) -> int:
        """Move about so many rows out of the default partitions; return how many, 0 at the end."""

    def make_months(self, *, today: date, ahead: int) -> int:
        """Make the month of `today` and so many after it; return how many were missing."""

    def old_months(self, *, keep_months: int, today: date) -> tuple[JournalMonth, ...]:
        """Return the months that are older than the last so many whole ones, oldest first."""

    def note(self, archived: ArchivedMonth) -> None:
        """Note an archive that was read back."""

    def detach(self, month: JournalMonth) -> None:
        """Freeze a month, so that no row can come to it."""

    def drop(self, month: JournalMonth, *, location: str) -> DropState:
        """Compare a frozen month with the archive there, a portion a call, and then drop it.

        Raises DatabaseRejected, rule archive_differs, when it does not hold exactly its rows;
        nothing is dropped then.
        """

    def watch(self, *, today: date, failed: tuple[str, ...]) -> JournalState:
        """Return how the journal stands, and tell people when it is not in order."""


@dataclass(slots=True, kw_only=True)
class KeepingSummary:
    """What a night did. rows: of the months dropped; late: rows still without their month.

    ahead: months made ahead of the table that has fewest; left: months for want of time;
    failures: one sentence each, told to people.
    """

    filed: int = 0
    made: int = 0
    archived: int = 0
    dropped: int = 0
    rows: int = 0
    late: int = 0
    ahead: int = 0
    left: int = 0
    failures: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return the numbers, for the log and the metrics."""
        return {
            "journal_rows_filed": self.filed,
            "journal_rows_late": self.late,
            "journal_months_made": self.made,
            "journal_months_ahead": self.ahead,
            "journal_months_archived": self.archived,
            "journal_months_dropped": self.dropped,
            "journal_months_left": self.left,
            "journal_rows_dropped": self.rows,
            "journal_failures": len(self.failures),
        }


def file_in_portions(journal: Journal, *, most: int) -> Iterator[int]:
    """Move about so many late rows; yield how many each call moved. Between two, ticks go on."""
    while most > 0 and (moved := journal.file_late_rows(most=min(PORTION, most))):
        most -= moved
        yield moved


def open_spool() -> BinaryIO:
    """Return a file without a name, which ends with whoever holds it."""
    return cast("BinaryIO", tempfile.TemporaryFile())


class _NightIsOverError(Exception):
    """No time is left for what was begun; what is done so far stays done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalKeeper:
    """Keeps the journal's months.

    archive: where months go that are older than the last `keep_months` whole ones; without one,
    nothing is ever dropped. spool: opens the file that holds a month before it is sent.
    """

    journal: Journal
    archive: Archive | None
    keep_months: int
    spool: Callable[[], BinaryIO] = open_spool

    def keep(self, *, today: date, remaining_seconds: Callable[[], float]) -> KeepingSummary:
        """Do what the night has to do. A failure of one step is told; no row is lost by any.

        today: a date in UTC. Raises DatabaseUnavailable when nobody could be told.
        """
        summary = KeepingSummary()
        # Late rows first: a month that has rows in the default partition could not be made.
        with _told(summary, "late rows"):
            self._file(remaining_seconds, summary)
        with _told(summary, "partitions"):
            summary.made = self.journal.make_months(today=today, ahead=MONTHS_AHEAD)
        self._retire_old(today, remaining_seconds, summary)
        state = self.journal.watch(today=today, failed=tuple(summary.failures))
        summary.late = sum(state.late.values())
        summary.ahead = min(state.ahead.values(), default=0)
        return summary

    def retire(self, *, today: date) -> KeepingSummary:
        """Only archive and drop what is old, however long it takes; nobody else is told."""
        summary = KeepingSummary()
        self._retire_old(today, lambda: inf, summary)
        return summary

    def _file(self, remaining_seconds: Callable[[], float], summary: KeepingSummary) -> None:
        portions = file_in_portions(self.journal, most=LATE_ROWS)
        while remaining_seconds() >= MARGIN_SECONDS and (moved := next(portions, 0)):
            summary.filed += moved

    def _retire_old(
        self, today: date, remaining_seconds: Callable[[], float], summary: KeepingSummary
    ) -> None:
        if self.archive is None:
            return
        tried: set[str] = set()
        # The views of a month may go once its decisions went, so the list changes as we go.
        with _told(summary, "old months"):
            while waiting := self._waiting(today, tried):
                month = waiting[0]
                tried.add(month.name)
                if remaining_seconds() < MARGIN_SECONDS:
                    summary.left += 1
                elif not self._try(month, self.archive, remaining_seconds, summary):
                    summary.left += len(waiting) - 1
                    return

    def _try(
        self,
        month: JournalMonth,
        archive: Archive,
        remaining_seconds: Callable[[], float],
        summary: KeepingSummary,
    ) -> bool:
        # False where the next month would fare no better.
        archived_before = summary.archived
        try:
            self._retire(month, archive, remaining_seconds, summary)
        except _NightIsOverError:
            summary.left += 1
            if summary.archived == archived_before == 0:
                # The next night would not come further either.
                summary.failures.append(
                    f"{month.name}: one night is too short to archive it; run stopward db archive"
                )
        except (ArchiveUnavailable, DatabaseUnavailable) as error:
            summary.failures.append(f"{month.name}: {error}")
            return False
        except Rejected as error:
            if not (isinstance(error, DatabaseRejected) and error.rule in GONE):
                summary.failures.append(f"{month.name}: {error}")
        return True

    def _waiting(self, today: date, tried: set[str]) -> list[JournalMonth]:
        return [
            month
            for month in self.journal.old_months(keep_months=self.keep_months, today=today)
            if month.stays_because is None and month.name not in tried
        ]

    def _retire(
        self,
        month: JournalMonth,
        archive: Archive,
        remaining_seconds: Callable[[], float],
        summary: KeepingSummary,
    ) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            archived = archive_month(
                month,
                reader=_TimedReader(self.journal, remaining_seconds),
                archive=archive,
                spool=self.spool,
                last_migration=month.last_migration,
            )
            self.journal.note(archived)
            summary.archived += 1
            self.journal.detach(month)
            try:
                state = self._drop(month, archived, remaining_seconds)
            except DatabaseRejected as error:
                if error.rule != "archive_differs" or attempt == ATTEMPTS:
                    raise
                continue
            if state == "dropped":
                summary.dropped += 1
                summary.rows += archived.rows
            return

    def _drop(
        self, month: JournalMonth, archived: ArchivedMonth, remaining_seconds: Callable[[], float]
    ) -> DropState:
        # How far it is compared is kept: the next night goes on from there.
        while remaining_seconds() >= LAST_SECONDS:
            state = self.journal.drop(month, location=archived.location)
            if state != "comparing":
                return state
        raise _NightIsOverError


@dataclass(frozen=True, slots=True)
class _TimedReader:
    journal: MonthReader
    remaining_seconds: Callable[[], float]

    def read_month(self, month: JournalMonth, *, after: tuple[str, ...] | None) -> JournalPage:
        if self.remaining_seconds() < LAST_SECONDS:
            raise _NightIsOverError
        return self.journal.read_month(month, after=after)


@contextmanager
def _told(summary: KeepingSummary, subject: str) -> Iterator[None]:
    # A step that failed does not keep the next one, nor people from hearing of it.
    try:
        yield
    except (DatabaseRejected, DatabaseUnavailable) as error:
        summary.failures.append(f"{subject}: {error}")
