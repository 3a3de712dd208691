"""Months of the journal: what leaves the database, and how its content is named."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

FORMAT: Final = "ndjson.gz"
FORMAT_VERSION: Final = 1
BLOCK_LINES: Final = 1000
"""Lines that are digested together; the database does the same."""
_NAMED_BY: Final = 12
DropState = Literal["comparing", "dropped", "gone"]
"""What came of a call that compares a frozen month with its archive: call again, or all is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalMonth:
    """A month of a table, old enough to go.

    first_day: YYYY-MM-01; rows_estimate: None when nobody counted; columns: type by name;
    key: columns of the primary key, in its order; stays_because: None when it may go;
    last_migration: version of the last migration, None when the database does not know.
    """

    table: str
    first_day: str
    rows_estimate: int | None
    columns: Mapping[str, str]
    key: tuple[str, ...]
    stays_because: str | None
    last_migration: str | None = None

    @property
    def name(self) -> str:
        """The month as people say it: `decisions 2024-01`."""
        return f"{self.table} {self.first_day[:7]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPage:
    """Rows as lines of JSON in the order of their key; `after` is None on the last page."""

    lines: tuple[str, ...]
    after: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedMonth:
    """An archive that was read back. sha256 and bytes are of the object as it lies there."""

    table: str
    first_day: str
    digest: str
    rows: int
    bytes: int
    sha256: str
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalState:
    """Rows that lie in a default partition, and months made ahead, by table."""

    late: Mapping[str, int]
    ahead: Mapping[str, int]


class JournalDigest:
    """Digest lines one by one: SHA-256 over the SHA-256 of each 1,000 lines, newlines counted.

    It needs no memory, and api.drop_month computes the same from the rows themselves.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._blocks = hashlib.sha256()
        self._block = hashlib.sha256()

    def add(self, line: bytes) -> None:
        """Take one line, with its newline."""
        self._block.update(line)
        self.rows += 1
        if self.rows % BLOCK_LINES == 0:
            self._blocks.update(self._block.digest())
            self._block = hashlib.sha256()

    def hexdigest(self) -> str:
        """Return the digest of the lines so far."""
        blocks = self._blocks.copy()
        if self.rows % BLOCK_LINES:
            blocks.update(self._block.digest())
        return blocks.hexdigest()


def object_key(*, table: str, first_day: str, digest: str) -> str:
    """Return where an archive lies: named after its content, so that no two ever compete."""
    return f"journal/{table}/{first_day[:7]}.{digest[:_NAMED_BY]}.{FORMAT}"


def manifest_key(key: str) -> str:
    """Return where the manifest of an archive lies: beside it."""
    return f"{key.removesuffix(FORMAT)}json"


def manifest(
    *,
    month: JournalMonth,
    archived: ArchivedMonth,
    ends: tuple[str, str] | None,
    last_migration: str | None,
) -> bytes:
    """Return what describes an archive to whoever finds it: JSON with sorted keys.

    ends: first and last line, None without rows; last_migration: its version, None when unknown.
    """
    first, last = (None, None) if ends is None else (json.loads(line) for line in ends)
    described = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "table": month.table,
        "month": month.first_day[:7],
        "rows": archived.rows,
        "digest": archived.digest,
        "bytes": archived.bytes,
        "sha256": archived.sha256,
        "key": list(month.key),
        "first": first and {name: first[name] for name in month.key},
        "last": last and {name: last[name] for name in month.key},
        "columns": dict(month.columns),
        "last_migration": last_migration,
    }
    return json.dumps(described, indent=2, sort_keys=True).encode() + b"\n"
