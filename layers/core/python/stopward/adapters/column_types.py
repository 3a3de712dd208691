"""Column types as PostgREST tells them, and the Python value of each: exact, as psycopg has it."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from stopward.adapters.views import Row
from stopward.errors import InvalidState

Columns = Mapping[str, str]
"""The columns of a view in their order, with the type of each as Postgres spells it."""

MODIFIER = re.compile(r"\(.*?\)")
EXACT = frozenset({"numeric"})
"""Types that cross as text, for JSON's numbers become floats on their way."""


def read_columns(document: object, view: str) -> Columns | None:
    """Return the columns of a view from PostgREST's OpenAPI document; None when it is not there.

    Raises KeyError, TypeError or AttributeError for a document of another form.
    """
    definitions = cast("Any", document)["definitions"]
    if view not in definitions:
        return None
    properties = definitions[view]["properties"]
    return {name: MODIFIER.sub("", each["format"]) for name, each in properties.items()}


def selection(columns: Columns) -> str:
    """Return what to ask for, exact numbers as text."""
    return ",".join(
        f"{name}::text" if of_type in EXACT else name for name, of_type in columns.items()
    )


def read_row(row: Mapping[str, Any], columns: Columns) -> Row:
    """Return a row with the Python value of each column's type.

    Raises InvalidState for a value that is none of its type.
    """
    try:
        return {name: _read(row[name], of_type) for name, of_type in columns.items()}
    except (ValueError, TypeError, ArithmeticError, KeyError) as error:
        raise InvalidState(f"a row does not fit its columns: {error!r}") from error


def in_utc(row: Row) -> Row:
    """Return a row of psycopg with its times in UTC, whatever the zone of the session."""
    return {
        name: value.astimezone(UTC) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _read(value: Any, of_type: str) -> object:
    return value if value is None else READERS.get(of_type, _same)(value)


def _same(value: Any) -> object:
    return value


def _time(value: str) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)


READERS: Mapping[str, Callable[[Any], object]] = {
    "numeric": Decimal,
    "double precision": float,
    "real": float,
    "timestamp with time zone": _time,
    "date": date.fromisoformat,
    "uuid": UUID,
}
"""Types whose value is not what JSON makes of it."""
