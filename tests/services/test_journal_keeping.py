"""A night may end anywhere: no row is lost, and the next night finishes the work."""

import errno
import gzip
import io
import json
from collections.abc import Callable
from datetime import date
from typing import BinaryIO

import pytest

from stopward.domain.journal import JournalDigest, manifest_key
from stopward.errors import (
    ArchiveRejected,
    ArchiveUnavailable,
    DatabaseRejected,
    DatabaseUnavailable,
)
from stopward.services.journal_archive import lines_of, write_lines
from stopward.services.journal_keeping import (
    JournalKeeper,
    KeepingSummary,
    file_in_portions,
    open_spool,
)
from tests.builders.archive import (
    Crash,
    Faults,
    MemoryArchive,
    MemoryJournal,
    digest_of,
    some_lines,
)

TODAY = date(2026, 11, 23)
JANUARY, FEBRUARY = "2024-01-01", "2024-02-01"


def keep(
    journal: MemoryJournal,
    archive: MemoryArchive | None,
    *,
    spool: Callable[[], BinaryIO] = open_spool,
    remaining: float = 900.0,
) -> KeepingSummary:
    keeper = JournalKeeper(journal=journal, archive=archive, keep_months=24, spool=spool)
    return keeper.keep(today=TODAY, remaining_seconds=lambda: remaining)


def archived_lines(archive: MemoryArchive) -> set[str]:
    return {
        line
        for key, content in archive.objects.items()
        if key.endswith(".gz")
        for line in gzip.decompress(content).decode().splitlines()
    }


def crash() -> None:
    raise Crash


def test_a_night_without_an_archive_drops_nothing() -> None:
    journal = MemoryJournal({JANUARY: some_lines(3)})
    summary = keep(journal, None)
    assert (summary.dropped, summary.ahead) == (0, 2)
    assert journal.faults.calls == ["file", "make"]


def test_each_month_is_read_written_read_back_noted_frozen_and_dropped_in_this_order() -> None:
    faults = Faults()
    archive, journal = MemoryArchive(faults), MemoryJournal({JANUARY: some_lines(3)}, faults)
    summary = keep(journal, archive)
    assert faults.calls == [
        "file", "make", "read", "read", "put", "open", "manifest", "note", "detach", "drop"
    ]  # fmt: skip
    assert (summary.archived, summary.dropped, summary.rows) == (1, 1, 3)
    assert archived_lines(archive) == set(some_lines(3))


BOUNDARIES = [
    (when, f"{call} {number}")
    for call, numbers in {
        "file": 1, "make": 1, "read": 4, "put": 2, "open": 2, "manifest": 2, "note": 2, "detach": 2,
        "drop": 2,
    }.items()
    for number in range(1, numbers + 1)
    for when in ("before", "after")
    if when == "before" or call in {"put", "manifest", "note", "detach", "drop"}
]  # fmt: skip


@pytest.mark.parametrize(("when", "call"), BOUNDARIES)
def test_a_crash_at_any_boundary_loses_nothing_and_the_next_night_completes(
    when: str, call: str
) -> None:
    months = {JANUARY: some_lines(3), FEBRUARY: some_lines(4, start=3)}
    every = {line for lines in months.values() for line in lines}
    faults = Faults(before={call: crash}) if when == "before" else Faults(after={call: crash})
    archive, journal = MemoryArchive(faults), MemoryJournal(months, faults)
    with pytest.raises(Crash):
        keep(journal, archive)
    here = {line for month in journal.months.values() if not month.is_gone for line in month.lines}
    assert here | archived_lines(archive) == every
    journal.faults = archive.faults = Faults()
    assert keep(journal, archive).failures == []
    assert all(month.is_gone for month in journal.months.values())
    assert archived_lines(archive) == every
    assert len(archive.objects) == 4


@pytest.mark.parametrize(("when", "call"), BOUNDARIES)
def test_an_answer_that_is_lost_is_no_harm_either(when: str, call: str) -> None:
    def lose() -> None:
        raise DatabaseUnavailable("no answer")

    months = {JANUARY: some_lines(3), FEBRUARY: some_lines(4, start=3)}
    faults = Faults(before={call: lose}) if when == "before" else Faults(after={call: lose})
    archive, journal = MemoryArchive(faults), MemoryJournal(months, faults)
    (failure,) = keep(journal, archive).failures
    assert failure.endswith(": no answer")
    assert journal.told == [(failure,)]
    journal.faults = archive.faults = Faults()
    assert keep(journal, archive).failures == []
    assert archived_lines(archive) == {line for lines in months.values() for line in lines}


def unavailable() -> None:
    raise DatabaseUnavailable("canceling statement due to statement timeout")


def test_a_database_that_cannot_even_be_told_through_ends_the_night_with_its_error() -> None:
    journal = MemoryJournal({JANUARY: some_lines(1)})
    journal.watched = unavailable
    with pytest.raises(DatabaseUnavailable):
        keep(journal, MemoryArchive())


def test_a_month_that_times_out_ends_the_retiring_and_people_hear_of_it() -> None:
    faults = Faults(before={"drop 1": unavailable})
    journal = MemoryJournal({JANUARY: some_lines(1), FEBRUARY: some_lines(1)}, faults)
    summary = keep(journal, MemoryArchive())
    assert (summary.dropped, summary.left) == (0, 1)
    assert journal.told == [("decisions 2024-01: canceling statement due to statement timeout",)]


def test_late_rows_that_cannot_be_filed_do_not_keep_months_from_being_made() -> None:
    journal = MemoryJournal({}, Faults(before={"file 1": unavailable}))
    assert keep(journal, None).failures == [
        "late rows: canceling statement due to statement timeout"
    ]
    assert journal.faults.calls == ["file", "make"]


def test_late_rows_are_filed_in_portions_until_none_is_left_or_the_time_is_over() -> None:
    journal = MemoryJournal({})
    journal.late = 5_000
    assert keep(journal, None).filed == 5_000
    assert journal.faults.calls == ["file"] * 4 + ["make"]
    journal.late, journal.faults = 5_000, Faults()
    assert keep(journal, None, remaining=100.0).filed == 0
    assert journal.faults.calls == ["make"]


@pytest.mark.parametrize(
    ("late", "most", "portions"),
    [
        (5_000, 50_000, [2_000, 2_000, 1_000]),
        (5_000, 3_000, [2_000, 1_000]),  # what is beyond waits
        (5_000, 2_000, [2_000]),
        (0, 50_000, []),
    ],
)
def test_no_portion_is_so_large_that_a_tick_waits_long(
    late: int, most: int, portions: list[int]
) -> None:
    journal = MemoryJournal({})
    journal.late = late
    assert list(file_in_portions(journal, most=most)) == portions
    assert journal.late == late - sum(portions)


def clock(*readings: float) -> Callable[[], float]:
    """Return a count of seconds left that falls with each look, and stays at the last."""
    left = list(readings)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def keeper_of(journal: MemoryJournal, archive: MemoryArchive) -> JournalKeeper:
    return JournalKeeper(journal=journal, archive=archive, keep_months=24)


def test_a_month_is_compared_in_portions_and_the_next_night_goes_on() -> None:
    archive, journal = MemoryArchive(), MemoryJournal({JANUARY: some_lines(2)}, page=2)
    journal.months[JANUARY].portions = 3
    # Looks: late rows, the month, its one page, and two portions; then the night is over.
    seconds = clock(900.0, 900.0, 900.0, 900.0, 900.0, 44.0)
    summary = keeper_of(journal, archive).keep(today=TODAY, remaining_seconds=seconds)
    assert (summary.left, summary.dropped, summary.failures) == (1, 0, [])
    assert journal.faults.calls.count("drop") == 2
    assert keep(journal, archive).dropped == 1
    assert journal.faults.calls.count("drop") == 4


def test_a_month_that_one_night_is_too_short_for_is_said() -> None:
    archive, journal = MemoryArchive(), MemoryJournal({JANUARY: some_lines(9)}, page=1)
    seconds = clock(900.0, 900.0, 900.0, 44.0)
    summary = keeper_of(journal, archive).keep(today=TODAY, remaining_seconds=seconds)
    assert summary.left == 1
    (failure,) = summary.failures
    assert "one night is too short" in failure
    assert journal.told == [(failure,)]


def test_a_command_that_archives_does_nothing_else() -> None:
    journal = MemoryJournal({JANUARY: some_lines(1)})
    journal.late = 1
    summary = keeper_of(journal, MemoryArchive()).retire(today=TODAY)
    assert (summary.dropped, journal.late, journal.told) == (1, 1, [])
    assert not {"file", "make"} & set(journal.faults.calls)


def test_a_row_that_comes_while_it_is_read_is_not_lost() -> None:
    faults = Faults()
    archive, journal = MemoryArchive(faults), MemoryJournal({JANUARY: some_lines(4)}, faults)
    lines = journal.months[JANUARY].lines
    faults.before = {"note 1": lambda: lines.insert(0, '{"id": "-late"}')}
    summary = keep(journal, archive)
    assert (summary.archived, summary.dropped, summary.rows) == (2, 1, 5)
    assert archived_lines(archive) == {*some_lines(4), '{"id": "-late"}'}


def test_a_month_that_never_stops_growing_stays_and_is_told() -> None:
    faults = Faults()
    archive, journal = MemoryArchive(faults), MemoryJournal({JANUARY: some_lines(1)}, faults)
    lines = journal.months[JANUARY].lines
    faults.before = {f"note {n}": lambda: lines.append('{"id": "z"}') for n in (1, 2)}
    summary = keep(journal, archive)
    assert summary.failures == ["decisions 2024-01: it holds other rows"]
    assert journal.told == [("decisions 2024-01: it holds other rows",)]
    assert not journal.months[JANUARY].is_gone


def test_an_archive_that_gives_no_answer_ends_the_night_and_is_told() -> None:
    def refuse() -> None:
        raise ArchiveUnavailable("s3://b/k: SlowDown")

    faults = Faults(before={"put 1": refuse})
    journal = MemoryJournal({JANUARY: some_lines(1), FEBRUARY: some_lines(1)})
    summary = keep(journal, MemoryArchive(faults))
    assert summary.failures == ["decisions 2024-01: s3://b/k: SlowDown"]
    assert faults.calls == ["put"]
    assert summary.left == 1
    assert not any(month.is_gone for month in journal.months.values())


def test_a_month_that_is_refused_does_not_keep_the_next_one() -> None:
    def refuse() -> None:
        raise DatabaseRejected("in use for longer than two seconds", rule="journal_busy")

    faults = Faults(before={"detach 1": refuse})
    archive = MemoryArchive()
    journal = MemoryJournal({JANUARY: some_lines(1), FEBRUARY: some_lines(2)}, faults)
    summary = keep(journal, archive)
    assert summary.failures == ["decisions 2024-01: in use for longer than two seconds"]
    assert [month.is_gone for month in journal.months.values()] == [False, True]
    journal.faults = Faults()
    assert keep(journal, archive).dropped == 1


def test_months_that_cannot_be_made_are_told_and_old_ones_go_all_the_same() -> None:
    def refuse() -> None:
        raise DatabaseRejected("in use for longer than two seconds", rule="journal_busy")

    journal = MemoryJournal({JANUARY: some_lines(1)}, Faults(before={"file 1": refuse}))
    summary = keep(journal, MemoryArchive())
    assert summary.failures == ["late rows: in use for longer than two seconds"]
    assert summary.dropped == 1


class FullDisk(io.BytesIO):
    """A file on a disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def write(self, given: object) -> int:
        """Take what fits."""
        part = bytes(given)  # type: ignore[arg-type]
        self._room -= len(part)
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(part)


@pytest.mark.parametrize("room", [0, 15, 40])
def test_a_full_disk_is_said_and_nothing_is_dropped(room: int) -> None:
    archive = MemoryArchive()
    journal = MemoryJournal({JANUARY: some_lines(500)})
    summary = keep(journal, archive, spool=lambda: FullDisk(room))
    assert summary.failures == [
        "decisions 2024-01: it could not be written: No space left on device"
    ]
    assert archive.objects == {}
    assert not journal.months[JANUARY].is_gone


def test_a_month_that_another_keeper_dropped_is_no_failure() -> None:
    def drop_it() -> None:
        journal.months[JANUARY].is_gone = True

    for call in ("read 2", "drop 1"):
        faults = Faults(before={call: drop_it})
        journal = MemoryJournal({JANUARY: some_lines(3)}, faults)
        summary = keep(journal, MemoryArchive(faults))
        assert (summary.failures, summary.dropped) == ([], 0)


def test_months_for_which_no_time_is_left_wait_for_the_next_night() -> None:
    journal = MemoryJournal({JANUARY: some_lines(1), FEBRUARY: some_lines(1)})
    archive = MemoryArchive()
    summary = keep(journal, archive, remaining=119.0)
    assert (summary.left, summary.dropped, archive.objects) == (2, 0, {})


def test_a_month_that_must_stay_is_not_even_read() -> None:
    journal = MemoryJournal({JANUARY: some_lines(1)})
    journal.months[JANUARY].stays_because = "position p1 is still open"
    assert keep(journal, MemoryArchive()).counts()["journal_months_archived"] == 0
    assert "read" not in journal.faults.calls


def test_what_lies_there_already_is_taken_if_it_holds_the_same_rows() -> None:
    lines = some_lines(5)
    archive, journal = MemoryArchive(), MemoryJournal({JANUARY: lines})
    key = f"journal/decisions/2024-01.{digest_of(lines)[:12]}.ndjson.gz"
    # Another zlib may pack the same rows in other bytes.
    other = gzip.compress("".join(f"{line}\n" for line in lines).encode(), 1)
    archive.objects[key] = other
    assert keep(journal, archive).dropped == 1
    assert archive.objects[key] == other
    assert json.loads(archive.objects[manifest_key(key)])["bytes"] == len(other)


@pytest.mark.parametrize(
    ("there", "says"),
    [
        pytest.param(gzip.compress(b'{"id": "other"}\n'), "holds other rows", id="other rows"),
        pytest.param(gzip.compress(b'{"id": "000000"}\n')[:-9], "is damaged", id="half of it"),
        pytest.param(b"", "holds other rows", id="nothing"),
        pytest.param(b"not gzip at all", "is damaged", id="no gzip"),
        pytest.param(gzip.compress(b'{"id": "000000"}'), "is cut off", id="no last line end"),
    ],
)
def test_what_lies_there_and_is_not_the_month_is_neither_overwritten_nor_trusted(
    there: bytes, says: str
) -> None:
    lines = some_lines(1)
    archive, journal = MemoryArchive(), MemoryJournal({JANUARY: lines})
    key = f"journal/decisions/2024-01.{digest_of(lines)[:12]}.ndjson.gz"
    archive.objects[key] = there
    (failure,) = keep(journal, archive).failures
    assert says in failure
    assert archive.objects[key] == there
    assert not journal.months[JANUARY].is_gone


def test_a_manifest_of_another_archive_is_not_overwritten() -> None:
    lines = some_lines(1)
    archive, journal = MemoryArchive(), MemoryJournal({JANUARY: lines})
    key = f"journal/decisions/2024-01.{digest_of(lines)[:12]}.json"
    archive.objects[key] = b'{"digest": "other"}'
    (failure,) = keep(journal, archive).failures
    assert "describes another archive" in failure
    assert not journal.months[JANUARY].is_gone


def test_the_same_rows_give_the_same_bytes_whatever_the_pages() -> None:
    packed = []
    for page in (1, 7, 5000):
        journal = MemoryJournal({JANUARY: some_lines(2500)}, page=page)
        file = io.BytesIO()
        (month,) = journal.old_months(keep_months=24, today=TODAY)
        spooled = write_lines(month, reader=journal, file=file)
        assert (spooled.rows, spooled.digest) == (2500, digest_of(some_lines(2500)))
        packed.append(file.getvalue())
    assert packed[0] == packed[1] == packed[2]


def test_the_manifest_tells_what_a_finder_needs() -> None:
    archive = MemoryArchive()
    keep(MemoryJournal({JANUARY: some_lines(3)}), archive)
    (key,) = [key for key in archive.objects if key.endswith(".json")]
    said = json.loads(archive.objects[key])
    assert (said["table"], said["month"], said["rows"]) == ("decisions", "2024-01", 3)
    assert (said["first"], said["last"]) == ({"id": "000000"}, {"id": "000002"})
    assert (said["columns"], said["format_version"]) == ({"id": "text"}, 1)
    assert said["digest"] == digest_of(some_lines(3))


def test_a_month_without_rows_is_archived_as_such() -> None:
    archive, journal = MemoryArchive(), MemoryJournal({JANUARY: []})
    assert (keep(journal, archive).dropped, archived_lines(archive)) == (1, set())
    assert journal.months[JANUARY].is_gone


def test_a_digest_depends_on_every_line_and_on_their_order() -> None:
    lines = [f"{number}\n".encode() for number in range(2001)]

    def hexdigest(given: list[bytes]) -> str:
        digest = JournalDigest()
        for line in given:
            digest.add(line)
        return digest.hexdigest()

    whole = hexdigest(lines)
    assert hexdigest(list(lines)) == whole
    for changed in (
        lines[:-1], lines[1:], [*lines, b"\n"], [lines[1], lines[0], *lines[2:]],
        [*lines[:1000], b"x\n", *lines[1001:]],
    ):  # fmt: skip
        assert hexdigest(changed) != whole


def test_lines_before_a_break_are_as_they_were_written() -> None:
    packed = gzip.compress(b"".join(b"%d\n" % number for number in range(100_000)))
    found: list[bytes] = []
    with pytest.raises(ArchiveRejected, match="here is damaged"):
        found.extend(lines_of(io.BytesIO(packed[: len(packed) // 2]), name="here"))
    assert found == [b"%d\n" % number for number in range(len(found))]
    assert len(found) > 1000
