"""The shapes by which the database judges a tick are those that the program writes."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, NewType, get_args, get_origin, get_type_hints

import psycopg
import pytest

from stopward.domain.decision import Circumstances
from stopward.domain.orders import Order
from stopward.domain.position import Position
from stopward.domain.rule_set import RuleSet
from stopward.domain.snapshot import (
    Acknowledgement,
    Alarm,
    DayRow,
    DecisionRow,
    Observation,
    SymbolState,
    TickRecord,
    TradeRow,
    ViewRow,
)
from stopward.local.migrate import SUPABASE, read_migrations

ROWS: dict[str, type] = {
    "positions": Position,
    "symbols": SymbolState,
    "views": ViewRow,
    "rule_sets": RuleSet,
    "decisions": DecisionRow,
    "circumstances": Circumstances,
    "orders": Order,
    "trades": TradeRow,
    "observations": Observation,
    "alarms": Alarm,
    "day": DayRow,
}
TEXT = {"text", "prose", "date"}
TYPES: dict[Any, set[str]] = {
    str: TEXT,
    bool: {"boolean"},
    int: {"integer", "bigint"},
    float: {"double precision"},
    Decimal: {"numeric(18,6)", "numeric(24,9)"},
    datetime: {"timestamptz"},
}


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as found:
        yield found


def shape_of(connection: psycopg.Connection[Any], statement: str, name: str) -> dict[str, str]:
    row = connection.execute(statement.encode(), (name,)).fetchone()
    assert row is not None
    return dict(row[0])


def bare(hint: Any) -> tuple[Any, bool]:
    """Return a type without its names, and whether it may be None."""
    optional = False
    if get_origin(hint) is UnionType:
        arguments = [each for each in get_args(hint) if each is not NoneType]
        optional = len(arguments) < len(get_args(hint))
        hint = arguments[0] if len(arguments) == 1 else hint
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint, optional


@pytest.mark.parametrize("name", sorted(ROWS))
def test_rows_are_judged_as_they_are_written(
    connection: psycopg.Connection[Any], name: str
) -> None:
    shape = shape_of(connection, "select stopward.row_shape(%s)", name)
    hints = get_type_hints(ROWS[name])
    assert set(shape) == {field.name for field in fields(ROWS[name])}
    for field in fields(ROWS[name]):
        hint, optional = bare(hints[field.name])
        wanted = shape[field.name]
        if optional:
            assert wanted.endswith("?"), field.name
        if hint in TYPES:
            assert wanted.rstrip("?") in TYPES[hint], field.name


@pytest.mark.parametrize(
    ("function", "of_type"), [("record_tick", TickRecord), ("acknowledge", Acknowledgement)]
)
def test_a_tick_is_judged_as_it_is_written(
    connection: psycopg.Connection[Any], function: str, of_type: type
) -> None:
    shape = shape_of(connection, "select stopward.tick_shape(%s)", function)
    assert set(shape) == {field.name for field in fields(of_type)}
    lists = {key for key, wanted in shape.items() if wanted == "rows?"}
    judged = {*ROWS, "settled"} - {"circumstances", "day"}
    assert lists == judged & {field.name for field in fields(of_type)}


def test_whoever_replaces_a_shape_replaces_its_path() -> None:
    # A session keeps what it worked out once, until the function itself is another one.
    texts = [each.text for each in read_migrations(SUPABASE / "migrations")]
    shapes = [" function stopward.row_shape(" in text for text in texts]
    assert any(shapes)
    assert shapes == [" function stopward.row_path(" in text for text in texts]


@pytest.mark.parametrize(
    ("value", "wanted", "fits"),
    [
        ("null", "text", False),
        ("null", "text?", True),
        ("null", "rows?", False),
        ('"x"', "text", True),
        ('""', "text", False),
        ('""', "prose", True),
        ("1", "text", False),
        ('"1.50"', "numeric(18,6)", True),
        ("1.5", "numeric(18,6)", True),
        ('"1e13"', "numeric(18,6)", False),
        ('"NaN"', "numeric", False),
        ('"Infinity"', "numeric", False),
        ("1.5", "integer", False),
        ("3000000000", "integer", False),
        ("3000000000", "bigint", True),
        ('"1"', "bigint", False),
        ("1e400", "double precision", False),
        ('"2026-11-23T17:00:00Z"', "timestamptz", True),
        ('"2026-11-23T17:00:00.123456+00:00"', "timestamptz", True),
        ('"2026-11-23 17:00:00-05"', "timestamptz", True),
        ('"2026-11-23T17:00:00"', "timestamptz", False),
        ('"infinity"', "timestamptz", False),
        ('"2026-02-30"', "date", False),
        ('"2026-02-28"', "date", True),
        ('["2026-02-28"]', "date[]", True),
        ('["2026-02-28", 5]', "date[]", False),
        ("[1, 2]", "bigint[]", True),
        ("[1, null]", "double precision[]", True),
        ('["NaN"]', "double precision[]", False),
        ('["a"]', "text[]", True),
        ("[1]", "text[]", False),
        ('"a"', "text[]", False),
        ('{"a": 1, "b": null}', "numbers", True),
        ('{"a": "1"}', "numbers", False),
        ("true", "boolean", True),
        ('"true"', "boolean", False),
        ("{}", "object", True),
        ("[]", "object", False),
        ('"7a6f3a52-8a4b-4f0e-9a5c-0f2f3c1d2e3f"', "uuid", True),
        ('"somebody"', "uuid", False),
    ],
)
def test_a_value_is_of_a_type_or_not(
    connection: psycopg.Connection[Any], value: str, wanted: str, fits: bool
) -> None:
    # One statement judges values of several types: each by its own.
    row = connection.execute(
        "select stopward.fits('true', 'boolean') and not stopward.fits('1.5', 'integer'),"
        " stopward.fits(g.value::jsonb, g.wanted) from (values (%s, %s)) as g (value, wanted)",
        (value, wanted),
    ).fetchone()
    assert row == (True, fits)
