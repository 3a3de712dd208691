"""The database with a million decisions in it: calls of a tick, calls a second, and each view.

Peers, in the same run, on the same server:
- a tick's calls: the same rows read and written one statement a row, as an ORM would do it;
- calls a second: the same, from as many connections at once;
- a view: counting that account's trades once.
"""

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from stopward.adapters import rows
from stopward.adapters.administration import Administration
from stopward.adapters.postgres import PostgresDatabase, PostgresStore
from stopward.domain.identity import AccountId, PositionId
from stopward.domain.snapshot import Snapshot, TickRecord
from stopward.local.migrate import migrate, prepare_platform
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.store import (
    NOON,
    a_decision,
    a_position,
    a_record,
    a_symbol_state,
    a_view,
    an_acknowledgement,
)
from tests.builders.volume import LARGE, Volume, example_of, fill
from tests.docs.database_document import queries

SIZES = (10, 100, 1_000, 5_000)
TICKS = 5
AT_ONCE = (1, 4, 16)
CALLS = 3
"""Of a tick that acts: begin_tick, record_tick, acknowledge."""
SECONDS = 3.0
STATE = json.dumps([1.25] * 40)
"""As many numbers as the kernel's State has, so that rows are as wide as real ones."""
RESULTS = Path(__file__).parent / "results" / "database.json"


def timed(work: Callable[[], object], *, times: int = TICKS) -> float:
    """Return the median milliseconds of a piece of work."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def open_account(url: str, name: str, size: int) -> AccountId:
    """Open an account with `size` positions under guard, and return its id."""
    account = AccountId(name)
    database = PostgresDatabase(url, role="service_role")
    people = Administration(database)
    people.open_account(account, name=name, mode="guard")
    people.put_positions(
        account,
        [
            a_position(f"S{n}", account_id=account, id=PositionId(f"{name}/{n}"))
            for n in range(size)
        ],
    )
    database.close()
    return account


def a_tick(snapshot: Snapshot, number: int) -> TickRecord:
    """Return what a tick writes at a closed bar: every position, symbol, decision and view."""
    at = NOON + timedelta(minutes=number)
    positions = snapshot.positions
    return replace(
        a_record(
            snapshot.fence,
            account_id=snapshot.account.id,
            positions=tuple(replace(each, bar_at=at) for each in positions),
            symbols=tuple(a_symbol_state(each.symbol, bar_at=at) for each in positions),
            decisions=tuple(a_decision(each, tick_at=at, closed_bar=True) for each in positions),
            views=tuple(a_view(each.symbol) for each in positions),
        ),
        tick_at=at,
    )


def measure_tick(url: str, size: int) -> dict[str, float]:
    """Return the figures of a tick's two calls with `size` positions."""
    account = open_account(url, f"bench-{size}", size)
    store = PostgresStore(url)

    def begin() -> Snapshot:
        found = store.begin_tick(account, tick_at=NOON, holder="bench", lease_seconds=60)
        if not isinstance(found, Snapshot):
            raise TypeError(f"{account}: busy")
        return found

    snapshot = begin()
    begin_ms = timed(begin)
    records = iter([a_tick(snapshot, number) for number in range(TICKS)])
    record_ms = timed(lambda: store.record_tick(next(records)))
    store.close()
    with psycopg.connect(url) as connection:
        read_ms = timed(lambda: read_row_by_row(connection, account), times=3)
        numbers = iter(range(10, 20))

        def write() -> None:
            write_row_by_row(connection, a_tick(snapshot, next(numbers)))
            connection.commit()

        write_ms = timed(write, times=3)
    return {
        "positions": size,
        "begin_ms": begin_ms,
        "begin_over_row_by_row": begin_ms / read_ms,
        "record_ms": record_ms,
        "record_over_row_by_row": record_ms / write_ms,
        "record_kb": len(json.dumps(rows.write(a_tick(snapshot, 0)))) / 1024,
    }


def read_row_by_row(connection: psycopg.Connection[Any], account: AccountId) -> None:
    """Read positions, and for each its orders and its symbol, one statement each."""
    found = connection.execute(
        "select * from stopward.positions where account_id = %s and closed_at is null", (account,)
    ).fetchall()
    for row in found:
        connection.execute(
            "select * from stopward.orders where account_id = %s and position_id = %s"
            " and status in ('recorded', 'working')",
            (account, row[1]),
        ).fetchall()
        connection.execute(
            "select * from stopward.symbol_states where account_id = %s and symbol = %s",
            (account, row[2]),
        ).fetchall()
    connection.commit()


def write_row_by_row(connection: psycopg.Connection[Any], record: TickRecord) -> None:
    """Write the same positions, decisions and views, one statement a row, without committing."""
    for position, view in zip(record.positions, record.views, strict=True):
        connection.execute(
            "update stopward.positions set bar_at = %s where account_id = %s and id = %s",
            (record.tick_at, record.account_id, position.id),
        )
        connection.execute(
            "insert into stopward.decisions (account_id, position_id, tick_at, source, symbol,"
            " kind, fired, reasons, state, account_state, rules_hash, rule_version, mask,"
            " closed_bar, measured, last_tick_at) values"
            " (%s, %s, %s, 'peer', %s, 'hold', 0, '[]', %s, '[]', 'h', '1', 'all', true, '[]', %s)",
            (record.account_id, position.id, record.tick_at, position.symbol,
             STATE, record.tick_at),
        )  # fmt: skip
        connection.execute(
            "insert into stopward.market_views (account_id, tick_at, symbol, feed, bar)"
            " values (%s, %s, %s, 'iex', '[]')",
            (record.account_id, record.tick_at + timedelta(seconds=1), view.symbol),
        )


def measure_at_once(url: str, accounts: int) -> dict[str, float]:
    """Return ticks and calls a second (three a tick, ten positions), of so many accounts at once.

    A tick begins, records and acknowledges, which gives the lease back. The peer reads and writes
    the same rows one by one, and has no lease to take or give back.
    """
    names = [open_account(url, f"once-{accounts}-{n}", 10) for n in range(accounts)]

    def ticks(name: AccountId, until: float) -> int:
        store = PostgresStore(url)
        done = 0
        while time.perf_counter() < until:
            found = store.begin_tick(name, tick_at=NOON, holder="bench", lease_seconds=60)
            if isinstance(found, Snapshot):
                record = a_tick(found, done)
                store.record_tick(record)
                store.acknowledge(
                    replace(
                        an_acknowledgement(found.fence, account_id=name),
                        tick_at=record.tick_at,
                        release=True,
                    )
                )
                done += 1
        store.close()
        return done

    def row_by_row(name: AccountId, until: float) -> int:
        done = 0
        with psycopg.connect(url) as connection:
            store = PostgresStore(url)
            found = store.begin_tick(name, tick_at=NOON, holder="bench", lease_seconds=60)
            store.close()
            while isinstance(found, Snapshot) and time.perf_counter() < until:
                read_row_by_row(connection, name)
                write_row_by_row(connection, a_tick(found, 10_000 + done))
                connection.commit()
                done += 1
        return done

    ours, peer = together(ticks, names), together(row_by_row, names)
    return {
        "accounts": accounts,
        "ticks_a_second": ours,
        "calls_a_second": ours * CALLS,
        "row_by_row_ticks_a_second": peer,
        "ratio": ours / peer,
    }


def together(work: Callable[[AccountId, float], int], names: list[AccountId]) -> float:
    """Run the work once a name, all at once; return how many a second in all."""
    until = time.perf_counter() + SECONDS
    done: list[int] = []
    threads = [
        threading.Thread(target=lambda n=name: done.append(work(n, until))) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / SECONDS


def measure_views(url: str) -> list[dict[str, Any]]:
    """Return the milliseconds of each example of the documentation, for the largest account."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set role stopward_worker")
        peer = timed(
            lambda: connection.execute(
                "select count(*), sum(result_r) from stopward.trades where account_id = %s",
                (LARGE,),
            ).fetchall()
        )
        found = []
        for query in queries():
            # Raises where the account could not be put in: an empty one is quick, and says nothing.
            code = example_of(query.code, LARGE).encode()
            rows_found = len(connection.execute(code).fetchall())
            milliseconds = timed(lambda code=code: connection.execute(code).fetchall())
            found.append(
                {
                    "query": query.name,
                    "rows": rows_found,
                    "ms": milliseconds,
                    "over_count": milliseconds / peer,
                }
            )
    return found


def show(table: list[dict[str, Any]]) -> None:
    """Print a table with its names above."""
    print("  ".join(f"{name:>24}" for name in table[0]))
    for row in table:
        print("  ".join(f"{v:>24}" if isinstance(v, str) else f"{v:>24,.2f}" for v in row.values()))


def main() -> None:
    """Print the tables and write the JSON."""
    with tempfile.TemporaryDirectory(prefix="stopward-bench-") as folder:
        server = EmbeddedPostgres(home=Path(folder))
        url = server.start()
        try:
            prepare_platform(url)
            migrate(url)
            with psycopg.connect(url, autocommit=True) as connection:
                fill(connection, Volume(state=STATE))
            found = {
                "tick": [measure_tick(url, size) for size in SIZES],
                "at_once": [measure_at_once(url, accounts) for accounts in AT_ONCE],
                "views": measure_views(url),
            }
        finally:
            server.stop()
            server.remove()
    for table in found.values():
        show(table)
        print()
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
