"""A journal with old months in it, written as the owner, with every odd value that fits."""

from collections.abc import Collection, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.functions import Functions
from stopward.adapters.journal import FunctionJournal
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.journal import JournalMonth
from stopward.services.journal_keeping import MONTHS_AHEAD, JournalKeeper, KeepingSummary

ACCOUNT = "old"
TODAY = datetime(2026, 11, 23, tzinfo=UTC).date()
KEYS = {
    "decisions": ("account_id", "position_id", "tick_at", "source"),
    "market_views": ("account_id", "symbol", "tick_at"),
}

OPEN_POSITION = """
insert into stopward.positions (
    account_id, id, symbol, side, quantity, initial_quantity, average_entry, initial_stop, risk,
    stop, lot, tick, fees_per_share, opened_at, adopted_at, marks, realised, closed_quantity,
    stop_rule, closed_at
)
values (
    %(account)s, %(id)s, %(id)s, 'long', 0, 1, 100, 98, 2, 98, 1, 0.01, 0, '2024-01-02',
    '2024-01-02', '{"best": 1, "worst": 1}', 0, 1, 'stop', %(closed_at)s
)
"""
ADD_TRADE = """
insert into stopward.trades (
    account_id, position_id, symbol, side, quantity, average_entry, risk, opened_at, closed_at,
    exit_price, result, result_r, mae_r, mfe_r, cause, tick_at
)
values (
    %(account)s, %(id)s, %(id)s, 'long', 1, 100, 2, '2024-01-02', %(closed_at)s, 101, 1, 0.5, 0, 1,
    'by_hand', %(closed_at)s
)
"""
ADD_DECISIONS = """
insert into stopward.decisions (
    account_id, position_id, tick_at, source, symbol, kind, stop, price, fired, reasons, state,
    account_state, rules_hash, rule_version, mask, closed_bar, measured, last_tick_at
)
select %(account)s, %(position)s, %(first)s::timestamptz + g * interval '7.000001 s', 'monitor',
    %(position)s, 'hold', 98.5 + g, 0.1::float8 * g, g, '[{"rule": "breakeven", "price": 1.50}]',
    '[1, null, 2.5e-7]', '[0.5]', 'hash', 'v1', 'all', g %% 2 = 0, '[null, 30]',
    %(first)s::timestamptz + g * interval '7.000001 s'
from generate_series(0, %(count)s - 1) as g
"""
ADD_VIEWS = """
insert into stopward.market_views (
    account_id, tick_at, symbol, quote_at, bid, ask, feed, bar_at, bar, fault
)
select %(account)s, %(first)s::timestamptz + g * interval '7.000001 s', %(symbol)s, null, 100.10,
    null, 'iex', null, '[101.5, null]', 'stale'
from generate_series(0, %(count)s - 1) as g
"""
FIRST_MONTHS: dict[str, set[str]] = {}
"""Months that a database has as of TODAY, by its URL."""
ODD_MONEY = ("1.5", "0.000001", "99999999999.999999")
ODD_FLOATS = (
    "-0", "5e-324", "1.7976931348623157e308", "-1.7976931348623157e308", "0.1",
    "0.30000000000000004", "-1e-300", "1e22", "123456789.12345679",
)  # fmt: skip
ODD_JSON = (
    "null", "{}", '"null"', '{"b": 1.50, "a": 1e400, "": null}',
    '["\\u00e9\\n\\"", "\\ud83d\\ude80"]',
    "[1.10, 1.1000, -0.0, 12345678901234567890.123456789]",
)  # fmt: skip
ODD_NUMBERS = (
    "[]",
    "[null]",
    "[1.10, 1.1000, -0.0, 12345678901234567890.123456789]",
    "[5e-324, 1e308]",
)
ODD_TEXTS = ("a", 'quote " and \\', "line\nbreak\r\t", "\u00e9\U0001f680", " ", "\u2028\x7f")


class OldJournal:
    """A database of this test's own with one account; `url` is the owner's."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.eyes = psycopg.connect(url, autocommit=True)
        self.eyes.execute("set timezone = 'UTC'")
        self.eyes.execute("set extra_float_digits = 1")
        self._database = PostgresDatabase(url, timeout_seconds=60)
        self.journal = FunctionJournal(self._database)
        self.eyes.execute(
            "insert into stopward.accounts (id, name) values (%s, 'Old')"
            " on conflict on constraint accounts_pkey do nothing",
            (ACCOUNT,),
        )

    def close(self) -> None:
        """Close both connections."""
        self._database.close()
        self.eyes.close()

    def empty(self) -> None:
        """Take away what a test before this one left."""
        self._drop(self.month_tables() - FIRST_MONTHS.get(self.url, set()))
        if self.url not in FIRST_MONTHS:
            # The migrations made months as of today; the tests have a day of their own.
            request = Jsonb({"from": TODAY.isoformat(), "months": MONTHS_AHEAD + 1})
            self.eyes.execute("select api.keep_partitions(%s)", [request])
            FIRST_MONTHS[self.url] = self.month_tables()
        self.eyes.execute("drop schema if exists stopward_archive cascade")
        self.eyes.execute(
            "set session_replication_role = replica;"
            " truncate stopward.decisions, stopward.market_views, stopward.decision_runs,"
            " stopward.archives, stopward.notifications, stopward.trades, stopward.positions"
            " cascade; set session_replication_role = origin"
        )

    def _drop(self, tables: Collection[str]) -> None:
        for name in tables:
            self.eyes.execute(sql.SQL("drop table {}").format(sql.Identifier("stopward", name)))

    def all(self, statement: str, *values: object) -> list[Any]:
        """Run a statement as the owner."""
        return self.eyes.execute(statement.encode(), values or None).fetchall()

    def position(self, name: str, *, is_open: bool = False) -> str:
        """Write a position; closed unless said otherwise."""
        closed_at = None if is_open else "2024-03-01"
        values = {"account": ACCOUNT, "id": name, "closed_at": closed_at}
        with self.eyes.transaction():
            self.eyes.execute(OPEN_POSITION, values)
            if not is_open:
                self.eyes.execute(ADD_TRADE, values)
        return name

    def decisions(self, position: str, *, first: str, count: int) -> None:
        """Write decisions, one each seven seconds; without a month they fall into the default."""
        values = {"account": ACCOUNT, "position": position, "first": first, "count": count}
        self.eyes.execute(ADD_DECISIONS, values)

    def views(self, symbol: str, *, first: str, count: int) -> None:
        """Write market views."""
        values = {"account": ACCOUNT, "symbol": symbol, "first": first, "count": count}
        self.eyes.execute(ADD_VIEWS, values)

    def odd_decisions(self, position: str, *, first: str) -> int:
        """Write a decision for each odd value; return how many."""
        count = len(ODD_FLOATS) * len(ODD_TEXTS)
        for number in range(count):
            odd_json = ODD_JSON[number % len(ODD_JSON)]
            self.eyes.execute(
                "insert into stopward.decisions values (%s, %s,"
                " %s::timestamptz + %s * interval '1 us', %s, 'S', 'exit', %s, %s, null, %s,"
                " %s::float8, %s, %s, %s, '[]', 'h', 'v', 'all', true, %s, '2199-12-31', 1)",
                (
                    ACCOUNT, position, first, number, ODD_TEXTS[number % len(ODD_TEXTS)],
                    ODD_TEXTS[(number + 1) % len(ODD_TEXTS)], ODD_MONEY[number % 3],
                    None if number % 2 else "0.000000001",
                    ODD_FLOATS[number % len(ODD_FLOATS)], -(2**63) + number, odd_json,
                    ODD_NUMBERS[number % len(ODD_NUMBERS)],
                    ODD_NUMBERS[(number + 1) % len(ODD_NUMBERS)],
                ),
            )  # fmt: skip
        return count

    def file(self) -> None:
        """Give late rows their months."""
        self.journal.file_late_rows(most=10_000_000)

    def month(self, table: str, first_day: str) -> JournalMonth:
        """Return a month that is old enough."""
        (found,) = [
            month
            for month in self.journal.old_months(keep_months=3, today=TODAY)
            if (month.table, month.first_day) == (table, first_day)
        ]
        return found

    def rows(self, table: str, *, schema: str = "stopward") -> list[str]:
        """Return every row as Postgres prints it, in the order of the key."""
        statement = sql.SQL("select t::text from {} as t order by {}").format(
            sql.Identifier(schema, table),
            sql.SQL(", ").join(sql.Identifier(name) for name in KEYS[table]),
        )
        return [row[0] for row in self.eyes.execute(statement).fetchall()]

    def month_tables(self) -> set[str]:
        """Return the names of the tables that hold months, attached or frozen."""
        found = self.all(
            "select relname from pg_class where relnamespace = 'stopward'::regnamespace"
            " and relkind = 'r' and relname ~ '_\\d{4}_\\d\\d$'"
        )
        return {name for (name,) in found}

    def tables(self) -> set[str]:
        """Return those of 2024."""
        return {name for name in self.month_tables() if "_2024_" in name}

    def archives(self) -> list[tuple[str, str, int, bool]]:
        """Return what is noted: table, month, rows, and whether it was dropped."""
        return self.all(
            "select table_name, to_char(month, 'YYYY-MM'), row_count, dropped_at is not null"
            " from stopward.archives order by month, table_name, archived_at"
        )

    def keep(self, folder: Path, *, over: Functions | None = None) -> KeepingSummary:
        """Do a night's work, with an archive in a folder; `over` carries the calls, or psycopg."""
        journal = self.journal if over is None else FunctionJournal(over)
        keeper = JournalKeeper(journal=journal, archive=FolderArchive(folder), keep_months=24)
        return keeper.keep(today=TODAY, remaining_seconds=lambda: 900.0)


def an_old_journal(url: str) -> Iterator[OldJournal]:
    """Yield an empty journal over a database, and close it."""
    with closing(OldJournal(url)) as found:
        found.empty()
        yield found


def objects(folder: Path) -> list[str]:
    """Return the names of the archives in a folder."""
    return sorted(path.name for path in folder.rglob("*.gz"))
