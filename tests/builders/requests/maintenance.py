"""Requests of maintenance: months of the journal, from made to dropped, and the schema."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from tests.builders.requests.stage import Maker, Request, Stage, as_is

NOTED: Mapping[str, Any] = {
    "digest": "0" * 64,
    "location": "s3://bucket/key",
    "rows": 1,
    "bytes": 1,
    "sha256": "0" * 64,
    "format": "ndjson.gz",
    "format_version": 1,
}
"""What is said of an archive, but for its table and month."""

MONTHS: defaultdict[tuple[int, str], Iterator[int]] = defaultdict(lambda: count(12 * 2001, 2))
"""Months of the journal that nobody made yet in a database, counted from year 0; each maker takes
its own and the next one, which `keep_partitions` makes along."""


def a_month(stage: Stage) -> str:
    """Return the first day of a month that has no partition."""
    info = stage.connection.info
    number = next(MONTHS[info.port, info.dbname])
    return f"{number // 12:04}-{number % 12 + 1:02}-01"


def keep_partitions(stage: Stage) -> Request:
    return {"from": a_month(stage), "months": 1}


def file_late_rows(stage: Stage) -> Request:
    # What the stage wrote is late once its month is over.
    while stage.ask("file_late_rows", {"most": 1000})["moved"]:
        pass
    stage.run(
        "insert into stopward.decisions select (jsonb_populate_record(d, jsonb_build_object("
        "'tick_at', %(at)s::text, 'last_tick_at', %(at)s::text))).* from stopward.decisions as d"
        " where d.account_id = %(account)s limit 1",
        at=f"{a_month(stage)}T12:00:00Z",
    )
    return {"most": 10}


def detach_month(stage: Stage) -> Request:
    month = {"table": "decisions", "month": a_month(stage)}
    stage.ask("keep_partitions", {"from": month["month"], "months": 1})
    stage.ask("note_archive", {**NOTED, **month})
    return dict(month)


def drop_month(stage: Stage) -> Request:
    month = detach_month(stage)
    stage.ask("detach_month", month)
    digest = stage.find(
        "select (stopward.digest_journal_month(format('stopward.decisions_%%s',"
        " to_char(%(month)s::date, 'YYYY_MM'))::regclass)).digest",
        month=month["month"],
    )
    stage.ask("note_archive", {**NOTED, **month, "digest": digest, "rows": 0})
    return {**month, "location": NOTED["location"]}


MAINTENANCE: dict[str, Maker] = {
    "detach_month": detach_month,
    "drop_month": drop_month,
    "file_late_rows": file_late_rows,
    "keep_partitions": keep_partitions,
    "list_archivable": as_is(keep_months=3, today="2026-11-23"),
    "note_archive": lambda stage: {**NOTED, "table": "decisions", "month": a_month(stage)},
    "read_month": lambda stage: {
        "table": "decisions",
        "month": stage.find("select date_trunc('month', now())::date::text"),
        "limit": 10,
        "bytes": 100000,
    },
    "schema_version": as_is(),
    "watch_journal": as_is(today="2026-11-23", failed=["the disk was full"]),
}
