"""One month of the journal as an object: written, read back, read for good."""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

from stopward.domain.journal import (
    ArchivedMonth,
    JournalDigest,
    JournalMonth,
    JournalPage,
    manifest,
    manifest_key,
    object_key,
)
from stopward.errors import ArchiveRejected, ArchiveUnavailable
from stopward.ports import Archive

CHUNK = 1 << 20


class MonthReader(Protocol):
    """Who reads a month of the journal page by page."""

    def read_month(self, month: JournalMonth, *, after: tuple[str, ...] | None) -> JournalPage:
        """Return the page after a key, the first one after None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """A month on its way: what was written, and its first and last line (None without rows)."""

    digest: str
    rows: int
    ends: tuple[str, str] | None


def archive_month(
    month: JournalMonth,
    *,
    reader: MonthReader,
    archive: Archive,
    spool: Callable[[], BinaryIO],
    last_migration: str | None,
) -> ArchivedMonth:
    """Write a month as an object with its manifest, read it back and return what lies there.

    Memory holds one page. An object that is there already is taken if it holds the same rows.
    Raises ArchiveRejected when it holds others, ArchiveUnavailable when there is no room.
    """
    try:
        with closing(spool()) as file:
            spooled = write_lines(month, reader=reader, file=file)
            key = object_key(table=month.table, first_day=month.first_day, digest=spooled.digest)
            file.seek(0)
            archive.put(key, file)
    except OSError as error:
        raise ArchiveUnavailable(f"it could not be written: {error.strerror or error}") from error
    archived = read_back(month, key=key, archive=archive, expected=spooled.digest)
    described = manifest(
        month=month, archived=archived, ends=spooled.ends, last_migration=last_migration
    )
    beside = manifest_key(key)
    if not archive.put(beside, io.BytesIO(described)):
        _check_manifest(archive, beside, archived)
    return archived


def write_lines(month: JournalMonth, *, reader: MonthReader, file: BinaryIO) -> Spooled:
    """Write all rows of a month, compressed; the same rows give the same bytes."""
    digest = JournalDigest()
    first = last = ""
    after: tuple[str, ...] | None = None
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed:
        while True:
            page = reader.read_month(month, after=after)
            for text in page.lines:
                line = text.encode() + b"\n"
                packed.write(line)
                digest.add(line)
            if page.lines:
                first, last = first or page.lines[0], page.lines[-1]
            if page.after is None:
                break
            after = page.after
    ends = (first, last) if digest.rows else None
    return Spooled(digest=digest.hexdigest(), rows=digest.rows, ends=ends)


def read_back(month: JournalMonth, *, key: str, archive: Archive, expected: str) -> ArchivedMonth:
    """Read an object whole; ArchiveRejected when it does not hold the digest expected."""
    digest = JournalDigest()
    with closing(archive.open(key)) as source:
        measured = _Measured(source)
        for line in lines_of(cast("BinaryIO", measured), name=archive.location(key)):
            digest.add(line)
    if digest.hexdigest() != expected:
        raise ArchiveRejected(
            f"{archive.location(key)} holds other rows than {month.name}: move it away, it is kept"
        )
    return ArchivedMonth(
        table=month.table,
        first_day=month.first_day,
        digest=expected,
        rows=digest.rows,
        bytes=measured.bytes,
        sha256=measured.sha256(),
        location=archive.location(key),
    )


def lines_of(source: BinaryIO, *, name: str) -> Iterator[bytes]:
    """Yield the lines of a compressed archive, each with its newline: one row in JSON.

    Raises ArchiveRejected where it is cut off or damaged; what came before is as it was written.
    """
    try:
        with gzip.GzipFile(fileobj=source, mode="rb") as packed:
            for line in packed:
                if not line.endswith(b"\n"):
                    raise ArchiveRejected(f"{name} is cut off in its last line")
                yield line
        while source.read(CHUNK):
            pass  # what is measured, is measured whole
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveRejected(f"{name} is damaged: {error}") from error


def _check_manifest(archive: Archive, key: str, archived: ArchivedMonth) -> None:
    # One of an earlier night may name an earlier schema; what it says of the rows must be true.
    with closing(archive.open(key)) as source:
        try:
            said = json.loads(source.read())
        except ValueError:
            said = None
    expected = {"digest": archived.digest, "rows": archived.rows, "sha256": archived.sha256}
    if not isinstance(said, dict) or any(said.get(name) != expected[name] for name in expected):
        raise ArchiveRejected(f"{archive.location(key)} describes another archive: move it away")


class _Measured:
    """Passes on what is read, and knows its size and SHA-256."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self.bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes of the source."""
        found = self._source.read(size)
        self._hash.update(found)
        self.bytes += len(found)
        return found

    def sha256(self) -> str:
        """Return the digest of what was read, in hex."""
        return self._hash.hexdigest()
