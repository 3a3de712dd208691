"""Once a night: months ahead are made, late rows filed, old months archived and then dropped."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO, Final, Protocol, cast

from stopward.domain.journal import ArchivedMonth, JournalMonth, JournalState
from stopward.errors import ArchiveUnavailable, DatabaseRejected, Rejected
from stopward.services.journal_archive import Archive, MonthReader, archive_month

MONTHS_AHEAD: Final = 2
LATE_ROWS: Final = 2_000_000
"""Most rows that one night moves out of the default partitions: a minute of work."""
MARGIN_SECONDS: Final = 120.0
"""Remaining time under which no further month is begun."""
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
        """Move rows out of the default partitions into their months; return how many."""

    def make_months(self, *, today: date, ahead: int) -> int:
        """Make the month of `today` and so many after it; return how many were missing."""

    def old_months(self, *, keep_months: int, today: date) -> tuple[JournalMonth, ...]:
        """Return the months that are older than the last so many whole ones, oldest first."""

    def last_migration(self) -> str | None:
        """Return the version of the last migration, None when the database does not know."""

    def note(self, archived: ArchivedMonth) -> None:
        """Note an archive that was read back."""

    def detach(self, month: JournalMonth) -> None:
        """Freeze a month, so that no row can come to it."""

    def drop(self, month: JournalMonth, *, location: str) -> bool:
        """Drop a frozen month if the archive there holds exactly its rows; False when it is gone.

        Raises DatabaseRejected, rule archive_differs, when it does not; nothing is dropped then.
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


def open_spool() -> BinaryIO:
    """Return a file without a name, which ends with whoever holds it."""
    return cast("BinaryIO", tempfile.TemporaryFile())


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
        """Do what the night has to do. A failure of one month is told; no row is lost by any.

        today: a date in UTC. Raises DatabaseUnavailable when the database gives no answer.
        """
        summary = KeepingSummary()
        # Late rows first: a month that has rows in the default partition could not be made.
        try:
            summary.filed = self.journal.file_late_rows(most=LATE_ROWS)
            summary.made = self.journal.make_months(today=today, ahead=MONTHS_AHEAD)
        except DatabaseRejected as error:
            summary.failures.append(f"partitions: {error}")
        if self.archive is not None:
            self._retire_old(self.archive, today, remaining_seconds, summary)
        state = self.journal.watch(today=today, failed=tuple(summary.failures))
        summary.late = sum(state.late.values())
        summary.ahead = min(state.ahead.values(), default=0)
        return summary

    def _retire_old(
        self,
        archive: Archive,
        today: date,
        remaining_seconds: Callable[[], float],
        summary: KeepingSummary,
    ) -> None:
        tried: set[str] = set()
        last_migration = self.journal.last_migration()
        # The views of a month may go once its decisions went, so the list changes as we go.
        while month := self._next(today, tried):
            tried.add(month.name)
            if remaining_seconds() < MARGIN_SECONDS:
                summary.left += 1
                continue
            try:
                self._retire(month, archive, last_migration, summary)
            except ArchiveUnavailable as error:
                # It will not answer for the next month either.
                summary.failures.append(f"{month.name}: {error}")
                return
            except Rejected as error:
                if not (isinstance(error, DatabaseRejected) and error.rule in GONE):
                    summary.failures.append(f"{month.name}: {error}")

    def _next(self, today: date, tried: set[str]) -> JournalMonth | None:
        for month in self.journal.old_months(keep_months=self.keep_months, today=today):
            if month.stays_because is None and month.name not in tried:
                return month
        return None

    def _retire(
        self,
        month: JournalMonth,
        archive: Archive,
        last_migration: str | None,
        summary: KeepingSummary,
    ) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            archived = archive_month(
                month,
                reader=self.journal,
                archive=archive,
                spool=self.spool,
                last_migration=last_migration,
            )
            self.journal.note(archived)
            summary.archived += 1
            self.journal.detach(month)
            try:
                is_dropped = self.journal.drop(month, location=archived.location)
            except DatabaseRejected as error:
                if error.rule != "archive_differs" or attempt == ATTEMPTS:
                    raise
                continue
            if is_dropped:
                summary.dropped += 1
                summary.rows += archived.rows
            return
