"""Reading a CSV file that a person wrote: every fault with its line, column and remedy."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, TextIO

from stopward.errors import InvalidInput

MOST: Final = 20
"""Faults after which reading stops; by then the file has one cause, not many."""
LONGEST: Final = 40
"""Characters of a value that are repeated to its writer."""
LARGEST: Final = Decimal(1_000_000_000)
"""Prices and quantities are stored as numeric(18, 6)."""
PLACES: Final = 9
"""Decimal places that a quantity may have; a fractional share has no more at the broker."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")


class Fault(Exception):
    """One value cannot be used; `remedy` says what to write. Caught by the reader of its file."""

    def __init__(self, column: str, read: str, remedy: str) -> None:
        super().__init__(remedy)
        self.column = column
        self.read = read
        self.remedy = remedy


class Faults:
    """The faults of one file, gathered; reading goes on until there are MOST of them.

    place: what is counted: lines, or the rows or items of another kind of file.
    """

    def __init__(self, path: Path, *, place: str = "line") -> None:
        self._path = path
        self._place = place
        self._lines: list[str] = []

    @property
    def are_many(self) -> bool:
        """Whether reading on would help nobody."""
        return len(self._lines) >= MOST

    @property
    def told(self) -> tuple[str, ...]:
        """What was noted, a sentence a fault."""
        return tuple(self._lines)

    def add(self, line: int, fault: Fault) -> None:
        """Note a fault at a line of the file, counted from 1."""
        self._lines.append(
            f"{self._place} {line}, column {fault.column}: was {shown(fault.read)}; {fault.remedy}"
        )

    def raise_if_any(self) -> None:
        """Raise InvalidInput with every fault, one a line, when there is one."""
        if not self._lines:
            return
        more = f" (the first {MOST})" if self.are_many else ""
        count = len(self._lines)
        head = f"{self._path}: {count} problem{'s' if count > 1 else ''}{more}; nothing was loaded"
        raise InvalidInput("\n  ".join((head, *self._lines)))


def check_no_pipe(path: Path) -> None:
    """Raise InvalidInput for a pipe, where a file is read more than once."""
    if path.is_fifo():
        raise InvalidInput(f"{path}: is a pipe, and it is read twice; write it to a file first")


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a file as UTF-8, with or without a byte order mark.

    Raises InvalidInput when it cannot be read, or is not UTF-8 where it is read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{path}: not UTF-8 (a byte was {error.object[error.start]:#04x}); save it as UTF-8"
        ) from error
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from error


def rows(
    path: Path, *, columns: Sequence[str], faults: Faults
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row with its line number, by column; the file is read as it is consumed.

    UTF-8, with or without a byte order mark. The header must name exactly `columns`, in any order.
    Raises InvalidInput when the file cannot be read, is empty or has another header.
    """
    with opened(path) as lines:
        reader = csv.reader(lines, strict=True)
        try:
            header = next(reader, None)
            check_header(path, header, columns)
            names = [name.strip() for name in header or ()]
            found = False
            for cells in reader:
                if not cells:
                    continue
                found = True
                if len(cells) != len(names):
                    fault = Fault(
                        "(row)",
                        ",".join(cells),
                        f"a row has {len(names)} values; it has {len(cells)}",
                    )
                    faults.add(reader.line_num, fault)
                else:
                    values = (cell.strip() for cell in cells)
                    yield reader.line_num, dict(zip(names, values, strict=True))
                if faults.are_many:
                    return
        except csv.Error as error:
            raise InvalidInput(f"{path}: line {reader.line_num}: not valid CSV: {error}") from error
    if not found:
        raise InvalidInput(f"{path}: has a header and no rows; add rows, or leave the option out")


def header_of(path: Path) -> tuple[str, ...]:
    """Return the names of a file's first line; none where it is empty.

    Raises InvalidInput when it cannot be read.
    """
    with opened(path) as lines:
        try:
            header = next(csv.reader(lines, strict=True), None)
        except csv.Error as error:
            raise InvalidInput(f"{path}: line 1: not valid CSV: {error}") from error
    return tuple(name.strip() for name in header or ())


def check_header(path: Path, header: Sequence[str] | None, columns: Sequence[str]) -> None:
    """Raise InvalidInput unless the header names exactly `columns`, in any order; None: no line."""
    wanted = ",".join(columns)
    if header is None:
        raise InvalidInput(f"{path}: is empty; its first line must be {wanted}")
    names = [name.strip() for name in header]
    missing = [name for name in columns if name not in names]
    extra = [name for name in names if name not in columns]
    twice = sorted({name for name in names if names.count(name) > 1 and name in columns})
    wrong = [
        f"{word} {', '.join(shown(name) for name in found)}"
        for word, found in (("missing", missing), ("unknown", extra), ("twice", twice))
        if found
    ]
    if wrong:
        raise InvalidInput(f"{path}: line 1: {'; '.join(wrong)}. The columns are {wanted}")


def decimal(column: str, text: str, *, largest: Decimal = LARGEST) -> Decimal:
    """Return a number as written; raises Fault for anything else, nan and infinity included.

    largest: what its size must be under.
    """
    if not _NUMBER.fullmatch(text):
        raise Fault(column, text, "write a plain number such as 101.25")
    number = Decimal(text)
    if abs(number) >= largest:
        raise Fault(column, text, f"must be under {largest:,}")
    return number


def positive(column: str, text: str) -> Decimal:
    """Return a number above zero."""
    number = decimal(column, text)
    if number <= 0:
        raise Fault(column, text, "must be above 0")
    return number


def moment(column: str, text: str) -> datetime:
    """Return an aware time in UTC; a time without its offset from UTC is refused."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Fault(
            column, text, "write an ISO 8601 time such as 2013-09-03T09:31:00-04:00"
        ) from None
    if read.tzinfo is None:
        raise Fault(column, text, "add the offset from UTC, such as -04:00 or Z")
    try:
        return read.astimezone(UTC)
    except OverflowError:
        raise Fault(column, text, "write a time that UTC has a year for, 1 to 9999") from None


def shown(text: str) -> str:
    """Return a value between quotes, cut to LONGEST characters, control characters escaped."""
    cut = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
    escaped = cut.encode("unicode_escape").decode("ascii") if not cut.isprintable() else cut
    return f'"{escaped}"'
