"""What Postgres holds of one account, as the same book that the store in memory keeps."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from psycopg import sql

from stopward.adapters import rows
from stopward.adapters.administration import Administration
from stopward.adapters.memory_book import Book
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.orders import Order
from stopward.domain.position import Position
from stopward.domain.snapshot import AccountRow, DayRow, TradeRow
from tests.faults.stack.connections import Connections

Row = TypeVar("Row")
TABLES: Mapping[type, str] = {
    Position: "positions",
    Order: "orders",
    TradeRow: "trades",
    DayRow: "day_results",
}
COLUMNS = {"on": "acts_on"}
OF_ACCOUNT = sql.SQL(" where t.account_id = %(account)s")
TAGS = sql.SQL(
    "(select coalesce(jsonb_agg(jsonb_build_array(t.symbol, t.tag)), '[]')"
    " from stopward.symbol_tags as t{})"
).format(OF_ACCOUNT)
CLOSED = sql.SQL(
    "(select coalesce(jsonb_agg(jsonb_build_array(t.id, t.closed_at)), '[]')"
    " from stopward.positions as t{} and t.closed_at is not null)"
).format(OF_ACCOUNT)


class PostgresState(Administration):
    """The tables of one account, read by a superuser; people write through schema api.

    A book is read anew after `forget`: call it whenever something may have been written.
    """

    def __init__(self, connections: Connections, account_id: AccountId) -> None:
        self._connections = connections
        self._database = connections.take()
        super().__init__(self._database)
        self.account_id = account_id
        self._eyes = connections.eyes
        self._book: Book | None = None

    def close(self) -> None:
        """Give the connection back."""
        self._connections.give_back(self._database)

    def forget(self) -> None:
        """Read the tables anew when they are asked for next."""
        self._book = None

    def book(self, _: AccountId | None = None) -> Book:
        """Return the account's rows: positions, orders, trades, days and tags."""
        if self._book is None:
            found = self._eyes.execute(_statement(), {"account": self.account_id}, prepare=True)
            positions, orders, trades, days, tags, closed = next(iter(found))
            self._book = Book(
                account=AccountRow(id=self.account_id, name="test"),
                exchange="XNYS",
                positions={each.id: each for each in _read(Position, positions)},
                closed={PositionId(name): datetime.fromisoformat(at) for name, at in closed},
                orders={each.id: each for each in _read(Order, orders)},
                trades={each.position_id: each for each in _read(TradeRow, trades)},
                days={each.session_day: each for each in _read(DayRow, days)},
                tags=_by_symbol(tags),
            )
        return self._book

    def _call(self, function: str, **request: rows.JsonValue) -> None:
        if "account_id" in request:
            request["account_id"] = self.account_id
        super()._call(function, **request)
        self.forget()

    def set_lease(self, seconds: float) -> None:
        """Let the lease end in so many seconds of the database's clock; it may be negative."""
        self._eyes.execute(
            "update stopward.leases set until = clock_timestamp() + make_interval(secs => %s)"
            " where account_id = %s and until > '-infinity'",
            (seconds, self.account_id),
        )

    def decisions(self) -> int:
        """Return how many decisions were recorded, each pulse of a run counted."""
        found = self._eyes.execute(
            "select coalesce(sum(ticks), 0) from stopward.decisions where account_id = %s",
            (self.account_id,),
        )
        return int(next(iter(found))[0])


@cache
def _statement() -> bytes:
    # One statement, one moment: what is read together was true together.
    rows_of = (
        sql.SQL("(select coalesce(jsonb_agg(jsonb_build_object({})), '[]') from {} as t{})").format(
            _pairs(of_type), sql.Identifier("stopward", table), OF_ACCOUNT
        )
        for of_type, table in TABLES.items()
    )
    return sql.SQL("select {}, {}, {}").format(sql.SQL(", ").join(rows_of), TAGS, CLOSED).as_bytes()


def _pairs(of_type: type) -> sql.Composable:
    hints = get_type_hints(of_type)
    return sql.SQL(", ").join(
        sql.SQL("{}, {}").format(sql.Literal(f.name), _spelled(f.name, hints[f.name]))
        for f in fields(of_type)
    )


def _read(of_type: type[Row], told: list[Any]) -> list[Row]:
    return [rows.read(of_type, value) for value in told]


def _by_symbol(told: list[tuple[str, str]]) -> dict[Symbol, tuple[str, ...]]:
    found: dict[Symbol, tuple[str, ...]] = {}
    for symbol, tag in told:
        found[Symbol(symbol)] = (*found.get(Symbol(symbol), ()), tag)
    return found


def _spelled(name: str, hint: Any) -> sql.Composable:
    column = sql.Identifier(COLUMNS.get(name, name))
    inner = hint
    if get_origin(hint) in (Union, UnionType):
        inner = next(each for each in get_args(hint) if each is not type(None))
    if inner is Decimal:
        return sql.SQL("trim_scale({})::text").format(column)
    if name == "part":
        return sql.SQL("coalesce({}, '')").format(column)
    return column
