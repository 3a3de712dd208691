"""What Postgres holds of one account, as the same book that the store in memory keeps."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import psycopg
from psycopg import sql

from stopward.adapters import rows
from stopward.adapters.administration import Administration
from stopward.adapters.memory_book import Book
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.orders import Order
from stopward.domain.position import Position
from stopward.domain.snapshot import AccountRow, DayRow, TradeRow

Row = TypeVar("Row")
TABLES: Mapping[type, str] = {
    Position: "positions",
    Order: "orders",
    TradeRow: "trades",
    DayRow: "day_results",
}
COLUMNS = {"on": "acts_on"}


class PostgresState(Administration):
    """The tables of one account, read by a superuser; people write through schema api.

    A book is read anew after `forget`: call it whenever something may have been written.
    """

    def __init__(self, url: str, account_id: AccountId) -> None:
        self._database = PostgresDatabase(url)
        super().__init__(self._database)
        self.account_id = account_id
        self._eyes = psycopg.connect(url, autocommit=True)
        self._eyes.execute("set timezone = 'UTC'")
        self._book: Book | None = None

    def close(self) -> None:
        """Close both connections."""
        self._database.close()
        self._eyes.close()

    def forget(self) -> None:
        """Read the tables anew when they are asked for next."""
        self._book = None

    def book(self, _: AccountId | None = None) -> Book:
        """Return the account's rows: positions, orders, trades, days and tags."""
        if self._book is None:
            positions = self._read(Position)
            orders = self._read(Order)
            closed = dict(self._closed())
            self._book = Book(
                account=AccountRow(id=self.account_id, name="test"),
                exchange="XNYS",
                positions={each.id: each for each in positions},
                closed=closed,
                orders={each.id: each for each in orders},
                trades={each.position_id: each for each in self._read(TradeRow)},
                days={each.session_day: each for each in self._read(DayRow)},
                tags=self._tags(),
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
        return int(self._all("select coalesce(sum(ticks), 0) from stopward.decisions")[0][0])

    def _closed(self) -> list[tuple[PositionId, datetime]]:
        found = self._all("select id, closed_at from stopward.positions")
        return [(PositionId(name), at) for name, at in found if at is not None]

    def _tags(self) -> dict[Symbol, tuple[str, ...]]:
        found: dict[Symbol, tuple[str, ...]] = {}
        for symbol, tag in self._all("select symbol, tag from stopward.symbol_tags"):
            found[Symbol(symbol)] = (*found.get(Symbol(symbol), ()), tag)
        return found

    def _read(self, of_type: type[Row]) -> list[Row]:
        hints = get_type_hints(of_type)
        pairs = sql.SQL(", ").join(
            sql.SQL("{}, {}").format(sql.Literal(f.name), _spelled(f.name, hints[f.name]))
            for f in fields(of_type)  # type: ignore[arg-type]
        )
        statement = sql.SQL("select jsonb_build_object({}) from stopward.{} where account_id = %s")
        found = self._eyes.execute(
            statement.format(pairs, sql.Identifier(TABLES[of_type])), (self.account_id,)
        )
        return [rows.read(of_type, value) for (value,) in found]

    def _all(self, statement: str) -> list[Any]:
        return self._eyes.execute(
            f"{statement} where account_id = %s".encode(), (self.account_id,)
        ).fetchall()


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
