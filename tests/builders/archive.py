"""A journal and an archive in memory, which can fail at any call."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO

from stopward.domain.journal import (
    ArchivedMonth,
    DropState,
    JournalDigest,
    JournalMonth,
    JournalPage,
    JournalState,
)
from stopward.errors import ArchiveRejected, DatabaseRejected


class Crash(BaseException):
    """The process ended here: nothing in the program can catch it."""


@dataclass(slots=True, kw_only=True)
class Faults:
    """Counts calls by name, and does something before or after the n-th of them."""

    before: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    after: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def enter(self, name: str) -> None:
        """Say that a call begins."""
        self.calls.append(name)
        self.before.get(f"{name} {self.calls.count(name)}", lambda: None)()

    def leave(self, name: str) -> None:
        """Say that its effect is there, and its answer on the way."""
        self.after.get(f"{name} {self.calls.count(name)}", lambda: None)()


class MemoryArchive:
    """Objects in a dictionary; an object is whole or not there."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.objects: dict[str, bytes] = {}
        self.faults = faults or Faults()

    def location(self, key: str) -> str:
        """Return an address."""
        return f"memory://{key}"

    def put(self, key: str, source: BinaryIO) -> bool:
        """Write an object that is not there."""
        name = "manifest" if key.endswith(".json") else "put"
        self.faults.enter(name)
        if key in self.objects:
            return False
        source.seek(0)
        self.objects[key] = source.read()
        self.faults.leave(name)
        return True

    def open(self, key: str) -> BinaryIO:
        """Return an object."""
        self.faults.enter("open")
        if key not in self.objects:
            raise ArchiveRejected(f"{key} is not there")
        return io.BytesIO(self.objects[key])


@dataclass(slots=True, kw_only=True)
class MemoryMonth:
    """A month of lines in order; `noted` are the archives of it, by location."""

    lines: list[str]
    is_frozen: bool = False
    is_gone: bool = False
    noted: dict[str, str] = field(default_factory=dict)
    stays_because: str | None = None
    portions: int = 0
    """Calls of drop before the last."""


class MemoryJournal:
    """Months of decisions by first day, with the rules that the database has for them."""

    def __init__(
        self, months: Mapping[str, Sequence[str]], faults: Faults | None = None, *, page: int = 2
    ) -> None:
        self.months = {day: MemoryMonth(lines=list(lines)) for day, lines in months.items()}
        self.faults = faults or Faults()
        self.told: list[tuple[str, ...]] = []
        self.late = 0
        self.watched: Callable[[], None] = lambda: None
        self._page = page

    def file_late_rows(self, *, most: int) -> int:
        """Move late rows, which are only counted here."""
        self.faults.enter("file")
        moved = min(most, self.late)
        self.late -= moved
        return moved

    def make_months(self, *, today: date, ahead: int) -> int:
        """Make nothing."""
        self.faults.enter("make")
        return 0

    def old_months(self, *, keep_months: int, today: date) -> tuple[JournalMonth, ...]:
        """Return every month that is here."""
        return tuple(
            JournalMonth(
                table="decisions",
                first_day=day,
                rows_estimate=None,
                columns={"id": "text"},
                key=("id",),
                stays_because=month.stays_because,
            )
            for day, month in sorted(self.months.items())
            if not month.is_gone
        )

    def read_month(self, month: JournalMonth, *, after: tuple[str, ...] | None) -> JournalPage:
        """Return a page of a few lines."""
        self.faults.enter("read")
        lines = self._here(month).lines
        start = 0 if after is None else int(after[0])
        page = tuple(lines[start : start + self._page])
        end = start + len(page)
        return JournalPage(lines=page, after=(str(end),) if end < len(lines) else None)

    def note(self, archived: ArchivedMonth) -> None:
        """Note an archive."""
        self.faults.enter("note")
        self.months[archived.first_day].noted[archived.location] = archived.digest
        self.faults.leave("note")

    def detach(self, month: JournalMonth) -> None:
        """Freeze a month that has an archive."""
        self.faults.enter("detach")
        found = self.months[month.first_day]
        if not found.noted:
            raise DatabaseRejected("no archive", rule="archives_needed_first")
        found.is_frozen = True
        self.faults.leave("detach")

    def drop(self, month: JournalMonth, *, location: str) -> DropState:
        """Drop a frozen month that the archive holds, after some portions were compared."""
        self.faults.enter("drop")
        found = self.months[month.first_day]
        if found.is_gone:
            return "gone"
        if not found.is_frozen:
            raise DatabaseRejected("it takes rows still", rule="journal_month_attached")
        if found.noted.get(location) != digest_of(found.lines):
            raise DatabaseRejected("it holds other rows", rule="archive_differs")
        if found.portions:
            found.portions -= 1
            return "comparing"
        found.is_gone = True
        self.faults.leave("drop")
        return "dropped"

    def watch(self, *, today: date, failed: tuple[str, ...]) -> JournalState:
        """Remember what people were told."""
        self.watched()
        self.told.append(failed)
        return JournalState(late={}, ahead={"decisions": 2})

    def _here(self, month: JournalMonth) -> MemoryMonth:
        found = self.months[month.first_day]
        if found.is_gone:
            raise DatabaseRejected("it is not here", rule="journal_month_unknown")
        return found


def digest_of(lines: Sequence[str]) -> str:
    """Return the digest of lines."""
    digest = JournalDigest()
    for line in lines:
        digest.add(line.encode() + b"\n")
    return digest.hexdigest()


def some_lines(count: int, *, start: int = 0) -> list[str]:
    """Return rows as lines, in the order of their key."""
    return [json.dumps({"id": f"{number:06}"}) for number in range(start, start + count)]
