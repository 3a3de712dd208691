"""What the commands about the journal's months do."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from stopward.adapters.archive_location import archive_at
from stopward.adapters.journal import FunctionJournal
from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.views import Order
from stopward.services.journal_keeping import (
    MONTHS_AHEAD,
    JournalKeeper,
    KeepingSummary,
    file_in_portions,
)

PATIENCE_SECONDS: Final = 900.0
"""A call takes seconds; one that looks for late rows among millions may take minutes."""
UNKNOWN: Final = "-"


def month_lines(database: PostgresDatabase) -> Iterator[str]:
    """Yield the months of the journal as a table, a header first."""
    yield f"{'table':<14}{'month':<9}{'state':<10}{'rows':>12}{'bytes':>14}  archive"
    by_month = [Order("table_name"), Order("month")]
    for row in database.select("journal_months", order=by_month):
        month = UNKNOWN if row["month"] is None else str(row["month"])[:7]
        yield (
            f"{row['table_name']!s:<14}{month:<9}{row['state']!s:<10}"
            f"{_number(row['rows_estimate']):>12}{_number(row['bytes']):>14}"
            f"  {row['location'] or ''}"
        ).rstrip()


def old_month_lines(database: PostgresDatabase, *, keep_months: int, today: date) -> Iterator[str]:
    """Yield a line for each month that is old enough to go, with the reason when it stays."""
    for month in FunctionJournal(database).old_months(keep_months=keep_months, today=today):
        stays = month.stays_because
        yield f"{month.name:<22}{'goes' if stays is None else f'stays: {stays}'}"


def tidy(database: PostgresDatabase, *, most: int, today: date) -> tuple[int, int]:
    """Move late rows and make the months ahead; return how many of each."""
    journal = FunctionJournal(database)
    filed = sum(file_in_portions(journal, most=most))
    return filed, journal.make_months(today=today, ahead=MONTHS_AHEAD)


def archive_old(
    database: PostgresDatabase, *, place: str, keep_months: int, today: date
) -> KeepingSummary:
    """Archive and drop what is old, with an archive at `place`; late rows stay where they are."""
    keeper = JournalKeeper(
        journal=FunctionJournal(database), archive=archive_at(place), keep_months=keep_months
    )
    return keeper.retire(today=today)


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else UNKNOWN
