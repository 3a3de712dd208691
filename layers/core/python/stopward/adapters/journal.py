"""The journal's months over functions of schema api, whoever carries the calls."""

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.domain.journal import (
    FORMAT,
    FORMAT_VERSION,
    ArchivedMonth,
    DropState,
    JournalMonth,
    JournalPage,
    JournalState,
)

PAGE_ROWS = 1000
PAGE_BYTES = 4_000_000
COMPARED_ROWS = 50_000
"""Rows that a call compares at most: two seconds; a slow database stops earlier by itself."""


class FunctionJournal:
    """The Journal over api functions; each call is one transaction of a few seconds at most.

    It may be repeated. What looks at a whole month does so in portions, a call each.
    """

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def file_late_rows(self, *, most: int) -> int:
        """Move about so many rows out of the default partitions; return how many, 0 at the end."""
        return int(self._call("file_late_rows", most=most)["moved"])

    def make_months(self, *, today: date, ahead: int) -> int:
        """Make the month of `today` and so many after it; return how many were missing."""
        first = today.replace(day=1).isoformat()
        return int(self._call("keep_partitions", months=ahead + 1, **{"from": first})["made"])

    def old_months(self, *, keep_months: int, today: date) -> tuple[JournalMonth, ...]:
        """Return the months that are older than the last so many whole ones, oldest first."""
        found = self._call("list_archivable", keep_months=keep_months, today=today.isoformat())
        version = found["last_migration"]
        return tuple(_month(each, last_migration=version) for each in found["months"])

    def read_month(self, month: JournalMonth, *, after: tuple[str, ...] | None) -> JournalPage:
        """Return the page after a key, the first one after None."""
        found = self._call(
            "read_month",
            **_named(month),
            after=None if after is None else list(after),
            limit=PAGE_ROWS,
            bytes=PAGE_BYTES,
        )
        last = found["after"]
        return JournalPage(lines=tuple(found["lines"]), after=None if last is None else tuple(last))

    def note(self, archived: ArchivedMonth) -> None:
        """Note an archive that was read back."""
        self._call(
            "note_archive",
            table=archived.table,
            month=archived.first_day,
            digest=archived.digest,
            location=archived.location,
            rows=archived.rows,
            bytes=archived.bytes,
            sha256=archived.sha256,
            format=FORMAT,
            format_version=FORMAT_VERSION,
        )

    def detach(self, month: JournalMonth) -> None:
        """Freeze a month, so that no row can come to it."""
        self._call("detach_month", **_named(month))

    def drop(self, month: JournalMonth, *, location: str) -> DropState:
        """Compare a frozen month with the archive there, a portion a call, and then drop it."""
        found = self._call("drop_month", **_named(month), location=location, most=COMPARED_ROWS)
        return cast("DropState", found["state"])

    def watch(self, *, today: date, failed: tuple[str, ...]) -> JournalState:
        """Return how the journal stands, and tell people when it is not in order."""
        found = self._call("watch_journal", today=today.isoformat(), failed=list(failed))
        return JournalState(late=_counts(found["late"]), ahead=_counts(found["ahead"]))

    def _call(self, function: str, **request: JsonValue) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", self._functions.call(function, "request", request))


def _named(month: JournalMonth) -> dict[str, JsonValue]:
    return {"table": month.table, "month": month.first_day}


def _month(found: Mapping[str, Any], *, last_migration: str | None) -> JournalMonth:
    return JournalMonth(
        table=found["table"],
        first_day=found["month"],
        rows_estimate=found["rows_estimate"],
        columns=found["columns"],
        key=tuple(found["key"]),
        stays_because=found["stays_because"],
        last_migration=last_migration,
    )


def _counts(found: Mapping[str, Any]) -> dict[str, int]:
    return {table: int(number) for table, number in found.items()}
