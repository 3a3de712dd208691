"""One contract, three stores: memory, Postgres by psycopg, and Postgres by supabase-py."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Protocol

import psycopg

from stopward.adapters.administration import Administration
from stopward.adapters.memory import MemoryStore
from stopward.adapters.postgres import PostgresDatabase, PostgresStore
from stopward.adapters.supabase import SupabaseDatabase, SupabaseStore
from stopward.domain.identity import AccountId
from stopward.domain.snapshot import Snapshot
from stopward.ports import Store
from tests.builders.kept_connections import DATABASES, STORES
from tests.builders.store import A_SESSION, NOON

NUMBERS = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A decision in the journal, and how far it runs."""

    position_id: str
    kind: str
    tick_at: datetime
    last_tick_at: datetime
    ticks: int


class World(Protocol):
    """A store with one account opened, and eyes."""

    account_id: AccountId
    store: Store
    people: Any

    def advance(self, seconds: float) -> None: ...
    def journal(self) -> list[Run]: ...
    def views(self) -> list[tuple[datetime, str]]: ...
    def events(self) -> list[tuple[str, str]]: ...
    def trades(self) -> list[tuple[str, str]]: ...
    def alarms(self) -> list[tuple[str, int, bool]]: ...
    def observations(self) -> list[tuple[str, str]]: ...
    def gaps(self) -> list[tuple[str, float]]: ...


def begin(world: World, *, tick: datetime = NOON, holder: str = "one") -> Snapshot:
    """Begin a tick and insist on the lease."""
    snapshot = world.store.begin_tick(
        world.account_id, tick_at=tick, holder=holder, lease_seconds=30
    )
    assert isinstance(snapshot, Snapshot)
    return snapshot


class MemoryWorld:
    """The memory store under a clock that stands still."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
        self.account_id = AccountId(f"account-{next(NUMBERS)}")
        self.store = self.people = MemoryStore(lambda: self._now)
        _open(self)

    @property
    def _book(self) -> Any:
        return self.store.book(self.account_id)

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def journal(self) -> list[Run]:
        from stopward.domain.decision import kind

        rows = sorted(self._book.journal, key=lambda each: (each.row.tick_at, each.row.position_id))
        return [
            Run(
                position_id=each.row.position_id,
                kind=kind(each.row.decision),
                tick_at=each.row.tick_at,
                last_tick_at=each.last_tick_at,
                ticks=each.ticks,
            )
            for each in rows
        ]

    def views(self) -> list[tuple[datetime, str]]:
        return sorted((tick_at, symbol) for tick_at, symbol, _ in self._book.views)

    def events(self) -> list[tuple[str, str]]:
        return [(each.order.id, each.order.status) for each in self._book.events]

    def trades(self) -> list[tuple[str, str]]:
        return sorted((t.position_id, t.cause) for t in self._book.trades.values())

    def alarms(self) -> list[tuple[str, int, bool]]:
        return [(a.alarm.key, a.count, a.cleared_at is None) for a in self._book.alarms]

    def observations(self) -> list[tuple[str, str]]:
        return [(each.kind, each.cause) for _, each in self._book.observations]

    def gaps(self) -> list[tuple[str, float]]:
        return sorted((phase, seconds) for (_, phase, _), seconds in self._book.gaps.items())


class PostgresWorld:
    """The Postgres store as the worker sees it; the eyes are the superuser's.

    project: the URL and secret key of a gateway over that database; supabase-py is used then.
    """

    def __init__(self, url: str, *, project: tuple[str, str] | None = None) -> None:
        self._url = url
        self._eyes = psycopg.connect(url, autocommit=True)
        self._eyes.execute("set timezone = 'UTC'")
        self.account_id = AccountId(f"account-{next(NUMBERS)}")
        self._database: PostgresDatabase | SupabaseDatabase
        self.store: PostgresStore | SupabaseStore
        if project is None:
            self._database, self.store = DATABASES.take(url), STORES.take(url)
        else:
            at, key = project
            self._database, self.store = SupabaseDatabase(at, key=key), SupabaseStore(at, key=key)
        self.people = Administration(self._database)
        _open(self)

    def close(self) -> None:
        if isinstance(self.store, PostgresStore) and isinstance(self._database, PostgresDatabase):
            STORES.give_back(self.store, self._url)
            DATABASES.give_back(self._database, self._url)
        else:
            self.store.close()
            self._database.close()
        self._eyes.close()

    def advance(self, seconds: float) -> None:
        self._eyes.execute(
            "update stopward.leases set until = until - make_interval(secs => %s)"
            " where account_id = %s",
            (seconds, self.account_id),
        )

    def journal(self) -> list[Run]:
        rows = self._all(
            "select position_id, kind, tick_at, last_tick_at, ticks from stopward.decisions"
            " where account_id = %s order by tick_at, position_id"
        )
        return [
            Run(position_id=p, kind=k, tick_at=t, last_tick_at=last, ticks=n)
            for p, k, t, last, n in rows
        ]

    def views(self) -> list[tuple[datetime, str]]:
        return self._all(
            "select tick_at, symbol from stopward.market_views where account_id = %s order by 1, 2"
        )

    def events(self) -> list[tuple[str, str]]:
        return self._all(
            "select order_id, status from stopward.order_events where account_id = %s order by id"
        )

    def trades(self) -> list[tuple[str, str]]:
        return self._all(
            "select position_id, cause from stopward.trades where account_id = %s order by 1"
        )

    def alarms(self) -> list[tuple[str, int, bool]]:
        return self._all(
            "select key, count, cleared_at is null from stopward.alarms"
            " where account_id = %s order by id"
        )

    def observations(self) -> list[tuple[str, str]]:
        return self._all(
            "select kind, cause from stopward.observations where account_id = %s order by id"
        )

    def gaps(self) -> list[tuple[str, float]]:
        return self._all(
            "select phase, seconds from stopward.protection_gaps where account_id = %s order by 1"
        )

    def _all(self, statement: str) -> list[Any]:
        return self._eyes.execute(statement.encode(), (self.account_id,)).fetchall()


def _open(world: World) -> None:
    world.people.open_account(world.account_id, name="Tests", mode="guard")
    world.people.put_sessions([A_SESSION])
