"""Fields of the broker's JSON, read strictly where we rely on them and tolerantly everywhere else.

A field that we need and cannot read raises BrokerUnavailable with its path and what was read: such
an answer is as good as none. Unknown fields are never looked at.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from stopward.errors import BrokerUnavailable


class Row:
    """One JSON object and where it stood, for messages."""

    __slots__ = ("_fields", "path")

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, Mapping):
            complain(path, value, "an object")
        self._fields: Mapping[str, object] = value
        self.path = path

    def get(self, name: str) -> object:
        """Return the raw value; None when it is absent or null."""
        return self._fields.get(name)

    def text(self, name: str) -> str:
        """Return a text that must be there and not be empty."""
        value = self._fields.get(name)
        if not isinstance(value, str) or not value:
            complain(f"{self.path}.{name}", value, "text")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None when it is absent, null or empty."""
        value = self._fields.get(name)
        if value is None or value == "":
            return None
        return self.text(name)

    def decimal(self, name: str) -> Decimal:
        """Return a finite number, written as text or as a number."""
        return decimal_of(self._fields.get(name), f"{self.path}.{name}")

    def optional_decimal(self, name: str) -> Decimal | None:
        """Return a finite number, or None when it is absent, null or empty."""
        value = self._fields.get(name)
        return None if value is None or value == "" else self.decimal(name)

    def number(self, name: str) -> float:
        """Return a finite number as float, for bars."""
        value = self._fields.get(name)
        if type(value) is float or type(value) is int:
            return float(value)
        return float(self.decimal(name))

    def moment(self, name: str) -> datetime:
        """Return an aware moment, in UTC, cut to microseconds."""
        return moment_of(self._fields.get(name), f"{self.path}.{name}")

    def optional_moment(self, name: str) -> datetime | None:
        """Return an aware moment, or None when it is absent, null or empty."""
        value = self._fields.get(name)
        return None if value is None or value == "" else self.moment(name)

    def flag(self, name: str) -> bool:
        """Return a truth value; absent and null are false."""
        value = self.optional_flag(name)
        return value is True

    def optional_flag(self, name: str) -> bool | None:
        """Return a truth value, or None when it is absent or null."""
        value = self._fields.get(name)
        if value is not None and not isinstance(value, bool):
            complain(f"{self.path}.{name}", value, "true or false")
        return value

    def rows(self, name: str) -> Iterator["Row"]:
        """Yield the objects of a list; none when it is absent or null."""
        value = self._fields.get(name)
        return iter(()) if value is None else rows_of(value, f"{self.path}.{name}")


def rows_of(value: object, path: str) -> Iterator[Row]:
    """Yield the objects of a list."""
    if not isinstance(value, list):
        complain(path, value, "a list")
    return (Row(item, f"{path}[{index}]") for index, item in enumerate(value))


def decimal_of(value: object, path: str) -> Decimal:
    """Return a finite Decimal of a text, a whole number or a Decimal; floats are refused."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        complain(path, value, "a decimal number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        complain(path, value, "a decimal number")
    if not number.is_finite():
        complain(path, value, "a finite number")
    return number


def moment_of(value: object, path: str) -> datetime:
    """Return an aware UTC moment of an ISO 8601 text; nanoseconds are cut to microseconds."""
    if not isinstance(value, str):
        complain(path, value, "a time")
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        complain(path, value, "a time")
    complain(path, value, "a time with its zone")


def complain(path: str, value: object, expected: str) -> NoReturn:
    """Raise what an answer means whose field cannot be read."""
    was = repr(value)
    shown = was if len(was) <= 60 else f"{was[:57]}..."
    raise BrokerUnavailable(f"{path}: was {shown}, expected {expected}")
