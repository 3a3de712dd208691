"""What one row of an export is: an execution, or left out; and reading the values it has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from stopward.domain.history import Effect, ExecutionSide
from stopward.domain.history.execution import PRICE_PLACES, QUANTITY_PLACES
from stopward.domain.identity import Symbol
from stopward.domain.money import SIXTH_PLACE, plain
from stopward.local.data.csv_reading import LARGEST, Fault, decimal

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""No older time is stored."""
LONGEST_WORD: Final = 16

_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_EQUITY = re.compile(r"[A-Z]{1,5}(?:[.-][A-Z]{1,2})?")
_TIME = re.compile(r"([0-9]{1,2}):?([0-9]{2}):?([0-9]{2})(?:\.([0-9]{1,9}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a file is read with. zone: of its times; None: each has its offset from UTC.

    now: nothing was executed later. broker_account: rows of other accounts are left out.
    """

    zone: ZoneInfo | None
    now: datetime
    broker_account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An execution as a row tells it.

    id: the broker's; None when the row gives none. account: the broker's own, empty when the file
    has none. written_at: the time as the row has it, whatever zone it was read in. fees: None where
    the file has no column of them.
    """

    id: str | None
    account: str = ""
    symbol: Symbol
    side: ExecutionSide
    quantity: Decimal
    price: Decimal
    at: datetime
    written_at: str
    fees: Decimal | None
    effect: Effect | None = None
    initial_stop: Decimal | None = None

    @property
    def content(self) -> str:
        """What a derived id is made of; without fees, which a later export may add."""
        return "|".join(
            (self.written_at, self.symbol, self.side, plain(self.quantity), plain(self.price))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A row that is no execution of a US equity, and why."""

    why: str


Seen = Found | LeftOut


def equity(text: str) -> Symbol | None:
    """Return a symbol of a US equity, BRK-B as BRK.B; None for what looks like anything else."""
    upper = text.upper()
    return Symbol(upper.replace("-", ".")) if _EQUITY.fullmatch(upper) else None


def number(column: str, text: str) -> Decimal:
    """Return a number; 1,000 is a thousand. Raises Fault for anything else."""
    return decimal(column, text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)


def quantity_of(column: str, text: str) -> Decimal:
    """Return a quantity that is not 0, with its sign."""
    found = number(column, text)
    if found == 0:
        raise Fault(column, text, "must not be 0")
    return _placed(column, text, found, places=QUANTITY_PLACES)


def price_of(column: str, text: str) -> Decimal:
    """Return a price above 0, dollars a share."""
    found = number(column, text)
    if found <= 0:
        raise Fault(column, text, "must be above 0")
    return _placed(column, text, found, places=PRICE_PLACES)


def fees_of(row: Mapping[str, str], columns: tuple[str, ...]) -> Decimal | None:
    """Return the sum of the columns that there are, in dollars to the sixth place; None of none."""
    there = [column for column in columns if column in row]
    if not there:
        return None
    charges = (number(name, row[name]) for name in there if row[name])
    total = sum(charges, Decimal(0)).quantize(SIXTH_PLACE)
    # What is a hair under the limit is rounded up to it.
    if abs(total) >= LARGEST:
        raise Fault(there[0], row[there[0]], f"fees must be under {LARGEST:,} together")
    return total


def clock_time(column: str, text: str) -> tuple[int, int, int, int]:
    """Return hour, minute, second and microsecond of HH:MM:SS or HHMMSS, in 24 hours."""
    match = _TIME.fullmatch(text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3]) > 59:
        raise Fault(column, text, "write the time with its seconds, in 24 hours, such as 09:31:05")
    fraction = (match[4] or "").ljust(6, "0")[:6]
    return int(match[1]), int(match[2]), int(match[3]), int(fraction)


def instant(column: str, text: str, local: datetime, question: Question) -> datetime:
    """Return a local time in UTC. Raises Fault for one that came never or twice in its zone."""
    zone = question.zone
    if zone is None:
        raise Fault(column, text, "has no offset from UTC: add it, or say --timezone")
    early = local.replace(tzinfo=zone, fold=0)
    at = possible(column, text, early, question)
    if early.utcoffset() != local.replace(tzinfo=zone, fold=1).utcoffset():
        there = at.astimezone(zone).replace(tzinfo=None) == local
        why = "came twice" if there else "never came"
        raise Fault(
            column, text, f"{why} in {zone.key}: clocks were changed; write it with another zone"
        )
    return at


def possible(column: str, text: str, at: datetime, question: Question) -> datetime:
    """Return an aware time in UTC. Raises Fault for the future, and for what is too long ago."""
    if at > question.now:
        raise Fault(column, text, "lies in the future: is it the right time zone?")
    if at < EARLIEST:
        raise Fault(column, text, "must not be before 2000")
    return at.astimezone(UTC)


def word(text: str) -> str:
    """Return a code of an export as a note repeats it; what is none is `?`."""
    is_code = text.isascii() and text.replace("_", "").isalnum() and len(text) <= LONGEST_WORD
    return text if is_code else "?"


def _placed(column: str, text: str, found: Decimal, *, places: int) -> Decimal:
    shortest = Decimal(plain(found))
    exponent = shortest.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -places:
        raise Fault(column, text, f"has more than {places} decimal places")
    return shortest
