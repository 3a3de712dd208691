"""Every query of the product, each run once over a database at volume: what it read, and how.

A look is named `KIND NAME ACCOUNT`. What it writes is undone.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql

from stopward.adapters import rows
from stopward.adapters.rows import JsonValue
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.snapshot import Alarm, DayRow, Snapshot, TickRecord
from tests.builders.access import ask
from tests.builders.example_requests import Statement, example_statements
from tests.builders.plans import Plans, indexes
from tests.builders.product_queries import product_queries
from tests.builders.requests import REQUESTS, Stage
from tests.builders.store import (
    A_SESSION,
    a_decision,
    a_record,
    a_symbol_state,
    a_trade,
    a_view,
    an_acknowledgement,
    an_order,
    pulse,
)
from tests.builders.table_rows import FOR_OPERATORS
from tests.builders.volume import LARGE, SMALL, UNTIL, example_of
from tests.docs.database_document import queries

Connection = psycopg.Connection[Any]
Work = Callable[[Connection], Callable[[], int]]
"""Prepares something to run, which then returns how many rows there were."""

MEMBER: Final = UUID(int=7)
GIVEN: Final[Mapping[str, object]] = {
    "symbol": "AAPL", "model": "champion-1", "most": 10, "most_cleared": 500, "today": UNTIL.date()
}  # fmt: skip
"""What a query of the product is given beside its account."""
MONTHS: Final[Mapping[str, Mapping[str, JsonValue]]] = {
    "read_month": {"month": "2026-10-01"},
    "list_archivable": {"keep_months": 1},
}
"""Where a request of REQUESTS asks for a month that has no rows here."""
FIRST: Final[Mapping[str, str]] = {
    "move_rollout": (
        "update stopward.model_aliases set model_id = 'm1'"
        " where account_id = %(account)s and alias = 'champion'"
    ),
}
"""What must be otherwise than the fill has it, for a request to be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a query did; `rows` it answered with, `scans` in words, `indexes` that it used."""

    rows: int
    scans: tuple[str, ...]
    indexes: frozenset[str]


class Looks:
    """Runs each work once, when it is asked for the first time."""

    def __init__(self, connection: Connection) -> None:
        """Look through a connection of the owner of the tables, in autocommit."""
        self._connection = connection
        self._plans = Plans(connection)
        self._works = works()
        self._found: dict[str, Look] = {}

    def at(self, name: str) -> Look:
        """Return what came of a work."""
        if name not in self._found:
            self._found[name] = self.of(self._works[name])
        return self._found[name]

    def of(self, work: Work) -> Look:
        """Run a work now, and undo it."""
        with undone(self._connection):
            run = work(self._connection)
            self._connection.execute("select 1")  # tells the plan of what was prepared
            with self._plans.of() as made:
                found = run()
        assert made
        return Look(
            rows=found,
            scans=tuple(str(scan) for scan in self._plans.scans(made)),
            indexes=frozenset(indexes(made)),
        )


@contextmanager
def undone(connection: Connection) -> Iterator[None]:
    """Do something in a transaction that is rolled back."""
    with connection.transaction(force_rollback=True):
        yield


def works() -> dict[str, Work]:
    """Return every query and function of the product, for the large account and a small one."""
    found: dict[str, Work] = {}
    for account in (LARGE, SMALL):
        found[f"tick whole {account}"] = _tick(account)
        for function in sorted(REQUESTS):
            found[f"function {function} {account}"] = _function(function, account)
        for query in queries():
            code = example_of(query.code, account)
            found[f"example {query.name} {account}"] = _query(code, account)
        for name, code in product_queries().items():
            found[f"product {name} {account}"] = _query(code, account)
        for name, statement in example_statements(account).items():
            found[f"script {name} {account}"] = _statement(statement)
    for view in sorted({query.view for query in queries()} - FOR_OPERATORS.keys()):
        found[f"member {view} {SMALL}"] = _member(view)
    return found


def names(kind: str) -> list[str]:
    """Return the names of the looks of a kind."""
    return [name for name in works() if name.partition(" ")[0] == kind]


def _query(code: str, account: str) -> Work:
    def work(connection: Connection) -> Callable[[], int]:
        connection.execute("set local role stopward_worker")
        given = {"account": account, **GIVEN} if "%(" in code else None
        return lambda: len(connection.execute(code.encode(), given).fetchall())

    return work


def _statement(statement: Statement) -> Work:
    def work(connection: Connection) -> Callable[[], int]:
        connection.execute("set local role service_role")
        return lambda: int(connection.execute(*statement).fetchall()[0][-1])

    return work


def _member(view: str) -> Work:
    def work(connection: Connection) -> Callable[[], int]:
        has_account = connection.execute(
            "select from information_schema.columns where table_schema = 'api'"
            " and table_name = %s and column_name = 'account_id'",
            (view,),
        ).fetchone()
        connection.execute(
            "select set_config('request.jwt.claims', %s, true)", (f'{{"sub": "{MEMBER}"}}',)
        )
        connection.execute("set local role authenticated")
        asked = sql.SQL("select * from api.{}").format(sql.Identifier(view))
        if has_account is not None:
            asked += sql.SQL(" where account_id = {}").format(sql.Literal(SMALL))
        return lambda: len(connection.execute(asked).fetchall())

    return work


def _function(function: str, account: str) -> Work:
    def work(connection: Connection) -> Callable[[], int]:
        stage = Stage(account_id=AccountId(account), connection=connection)
        if prepare := FIRST.get(function):
            connection.execute(prepare.encode(), {"account": account})
        request = {**REQUESTS[function](stage), **MONTHS.get(function, {})}
        return lambda: 1 if stage.ask(function, request) is not None else 0

    return work


def _tick(account: str) -> Work:
    def work(connection: Connection) -> Callable[[], int]:
        return lambda: run(connection)

    def run(connection: Connection) -> int:
        begun: JsonValue = {
            "account_id": account,
            "tick_at": pulse(1).isoformat(),
            "holder": "one",
            "lease_seconds": 30,
        }
        snapshot = rows.read(Snapshot, ask(connection, "begin_tick", begun))
        record = a_whole_record(snapshot)
        ask(connection, "record_tick", rows.write(record))
        done = an_acknowledgement(
            snapshot.fence,
            tick=1,
            account_id=snapshot.account.id,
            orders=tuple(
                replace(each, status="working", broker_order_id=f"b-{each.id}")
                for each in record.orders
            ),
        )
        ask(connection, "acknowledge", rows.write(done))
        return len(snapshot.positions)

    return work


def a_whole_record(snapshot: Snapshot) -> TickRecord:
    """Return a record in which everything happens at once to the positions of a snapshot."""
    positions = snapshot.positions
    return a_record(
        snapshot.fence,
        tick=1,
        account_id=snapshot.account.id,
        positions=tuple(replace(each, stop=each.stop + 1) for each in positions),
        symbols=tuple(a_symbol_state(each.symbol) for each in positions),
        decisions=tuple(a_decision(each, tick=1) for each in positions),
        views=tuple(a_view(each.symbol) for each in positions),
        orders=tuple(an_order(each, tick=1) for each in positions[1:]),
        trades=(a_trade(positions[0]),),
        alarms=(Alarm(key="k", kind="k", symbol=Symbol("S1"), message="m"),),
        cleared=("stale_quote",),
        day=DayRow(session_day=A_SESSION.day),
    )
