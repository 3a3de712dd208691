"""The database fails in every way it can; the adapter says whether to try again or never."""

import traceback
from collections.abc import Iterator
from math import nan
from typing import Any

import psycopg
import pytest
from psycopg import sql

from stopward.adapters.administration import Administration
from stopward.adapters.bounded_connection import BoundedConnection
from stopward.adapters.outbox import FunctionOutbox
from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.views import Where
from stopward.domain.identity import AccountId
from stopward.errors import DatabaseRejected, DatabaseUnavailable, InvalidInput, InvalidState
from tests.builders.store import a_position, a_record, an_acknowledgement, an_order
from tests.builders.store_world import PostgresWorld, begin


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


def end_other_sessions(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as eyes:
        ended = eyes.execute(
            "select pg_terminate_backend(pid, 1000) from pg_stat_activity"
            " where application_name = 'stopward' and datname = current_database()"
        ).fetchall()
    return len(ended)


def test_nobody_at_the_address_is_unavailable() -> None:
    database = PostgresDatabase("postgresql://nobody@127.0.0.1:1/none", timeout_seconds=2)
    with pytest.raises(DatabaseUnavailable, match=r"begin_tick"):
        database.call("begin_tick", "request", {})


def test_a_tick_begins_on_a_fresh_connection_when_the_kept_one_is_dead(
    world: PostgresWorld, database_url: str
) -> None:
    begin(world)
    assert end_other_sessions(database_url) >= 1
    assert begin(world).fence == 1


def test_a_record_and_an_acknowledgement_are_told_again_and_count_once(
    world: PostgresWorld, database_url: str
) -> None:
    fence = begin(world).fence
    position = a_position(account_id=world.account_id)
    order = an_order(position)
    record = a_record(fence, account_id=world.account_id, positions=(position,), orders=(order,))
    end_other_sessions(database_url)
    assert world.store.record_tick(record) == {order.id}
    end_other_sessions(database_url)
    told = an_acknowledgement(fence, account_id=world.account_id, orders=(order,))
    world.store.acknowledge(told)
    assert begin(world).positions == (position,)
    assert world.events() == [(order.id, "recorded")]


def test_what_is_not_known_to_be_repeatable_is_not_repeated(
    world: PostgresWorld, database_url: str
) -> None:
    world.people.halt(world.account_id, reason="opens the connection")
    end_other_sessions(database_url)
    with pytest.raises(DatabaseUnavailable, match=r"^resume: "):
        world.people.resume(world.account_id)
    assert begin(world).account.halted
    world.people.resume(world.account_id)
    assert not begin(world).account.halted


def test_a_fresh_connection_that_fails_too_is_the_end_of_it(
    world: PostgresWorld, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(world)
    end_other_sessions(database_url)
    asked = []

    def refuse(*_: object, **__: object) -> psycopg.Connection[object]:
        asked.append("again")
        raise psycopg.OperationalError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(BoundedConnection, "connect", refuse)
        with pytest.raises(DatabaseUnavailable, match=r"^begin_tick: connection refused$"):
            begin(world)
    assert asked == ["again"]
    assert begin(world).fence == 1


@pytest.mark.parametrize(
    ("words", "attempts"),
    [
        ("server closed the connection unexpectedly", 2),
        ("could not receive data from server: Connection timed out", 1),
        ("timeout expired", 1),
    ],
)
def test_only_a_dead_connection_is_replaced_not_one_that_was_waited_for(
    database_url: str, words: str, attempts: int
) -> None:
    class Ending(PostgresDatabase):
        tried = 0

        def _run(self, statement: sql.Composed, values: tuple[object, ...]) -> list[dict[str, Any]]:
            self.tried += 1
            if self.tried == 1:
                self._connected().close()
                raise psycopg.OperationalError(words)
            return super()._run(statement, values)

    database = Ending(database_url)
    database._connected()
    if attempts == 1:
        with pytest.raises(DatabaseUnavailable, match=words):
            database.select("guard_health")
    else:
        assert isinstance(database.select("guard_health"), list)
    assert database.tried == attempts
    database.close()


def test_a_pooler_that_drops_the_options_changes_neither_role_nor_time_limit(
    world: PostgresWorld, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = BoundedConnection.connect

    def without_options(url: str, *, options: str, **rest: Any) -> Any:
        assert "role=stopward_worker" in options
        return connect(url, **rest)

    monkeypatch.setattr(BoundedConnection, "connect", without_options)
    database = PostgresDatabase(database_url, timeout_seconds=7)
    asked = sql.SQL("select current_user as who, current_setting({}) as up_to").format(
        sql.Literal("statement_timeout")
    )
    assert database._execute(asked, (), what="test") == [{"who": "stopward_worker", "up_to": "7s"}]
    found = database._connected().execute(asked).fetchone()
    assert found == {"who": "postgres", "up_to": "0"}
    with pytest.raises(DatabaseRejected) as caught:
        database._execute(sql.SQL("delete from stopward.accounts").format(), (), what="test")
    assert caught.value.rule == "42501"
    request = {
        "account_id": world.account_id, "tick_at": "2026-11-23T17:00:00Z", "holder": "pooled",
        "lease_seconds": 1,
    }  # fmt: skip
    assert database.call("begin_tick", "request", request)["fence"] == 1
    database.close()


def test_connecting_never_gets_as_long_as_a_long_statement(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, asked = BoundedConnection.connect, []

    def remembering(url: str, **options: Any) -> Any:
        asked.append(options["connect_timeout"])
        assert options["tcp_user_timeout"] == 15_000
        return connect(url, **options)

    monkeypatch.setattr(BoundedConnection, "connect", remembering)
    for seconds, silence in ((600.0, 600.5), (4.0, 4.5)):
        database = PostgresDatabase(database_url, timeout_seconds=seconds)
        assert database.count("guard_health") >= 0
        assert database._connected().silence_seconds == silence
        database.close()
    assert asked == [10, 4]


def test_a_pooler_without_a_server_behind_it_is_not_waited_for_as_a_statement_is(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    allowed: list[float | None] = []
    execute = BoundedConnection.execute

    def noting(self: BoundedConnection[Any], *arguments: Any, **options: Any) -> Any:
        allowed.append(self.silence_seconds)
        return execute(self, *arguments, **options)

    monkeypatch.setattr(BoundedConnection, "execute", noting)
    database = PostgresDatabase(database_url, timeout_seconds=600.0)
    database.count("guard_health")
    database.close()
    assert allowed == [10.5, 600.5]


@pytest.mark.parametrize("function", ["nudge", "backlog", "trim"])
def test_a_delivery_goes_on_over_a_connection_that_died_in_its_sleep(
    database_url: str, function: str
) -> None:
    database = PostgresDatabase(database_url)
    outbox = FunctionOutbox(database)
    outbox.backlog()
    assert end_other_sessions(database_url) >= 1
    getattr(outbox, function)()
    database.close()


@pytest.mark.parametrize("value", ["A\x00", "A\ud800"])
def test_a_condition_that_no_text_can_meet_is_bad_input(database_url: str, value: str) -> None:
    database = PostgresDatabase(database_url)
    with pytest.raises(InvalidInput, match="is no text"):
        database.select("alarm_log", where=(Where("symbol", "=", value),))
    with pytest.raises(InvalidInput, match="is no text"):
        database.select("alarm_log", account_id=AccountId(value))
    database.close()


def test_a_url_keeps_the_options_that_it_asks_for(database_url: str) -> None:
    joint = "&" if "?" in database_url else "?"
    database = PostgresDatabase(f"{database_url}{joint}options=-c%20work_mem%3D3MB")
    asked = sql.SQL("select current_user as who, current_setting({}) as memory").format(
        sql.Literal("work_mem")
    )
    found = database._execute(asked, (), what="test")
    assert found == [{"who": "stopward_worker", "memory": "3MB"}]
    database.close()


def test_a_statement_that_takes_too_long_is_unavailable(
    world: PostgresWorld, database_url: str
) -> None:
    begin(world)
    hasty = PostgresDatabase(database_url, timeout_seconds=0.05)
    with psycopg.connect(database_url) as holder:
        holder.execute(
            "select from stopward.leases where account_id = %s for update", (world.account_id,)
        )
        with pytest.raises(DatabaseUnavailable, match=r"statement timeout"):
            hasty.call(
                "begin_tick",
                "request",
                {
                    "account_id": world.account_id,
                    "tick_at": "2026-11-23T17:00:00Z",
                    "holder": "two",
                    "lease_seconds": 1,
                },
            )
    hasty.close()


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        ({"account_id": "nobody"}, "begin_tick_request"),
        (
            {"tick_at": "yesterday at noon", "holder": "x", "lease_seconds": 1},
            "begin_tick_request",
        ),
        (
            {"tick_at": "2026-11-23T17:00:00Z", "holder": "x", "lease_seconds": 0},
            "begin_tick_request",
        ),
    ],
)
def test_bad_input_is_rejected_by_name(
    world: PostgresWorld, database_url: str, request_: dict[str, str], rule: str
) -> None:
    database = PostgresDatabase(database_url)
    with pytest.raises(DatabaseRejected) as caught:
        database.call("begin_tick", "request", {"account_id": world.account_id, **request_})
    assert caught.value.rule == rule
    database.close()


def test_a_function_that_does_not_exist_is_rejected(database_url: str) -> None:
    database = PostgresDatabase(database_url)
    with pytest.raises(DatabaseRejected) as caught:
        database.call("drop table", "request", {})
    assert caught.value.rule == "42883"
    database.close()


def test_the_guard_is_not_the_superuser(database_url: str) -> None:
    database = PostgresDatabase(database_url)
    rows = database.select("guard_health", limit=1)
    assert len(rows) <= 1
    with pytest.raises(DatabaseRejected) as caught:
        database.select("accounts")
    assert caught.value.rule == "42P01"
    assert database._connection is not None
    found = database._connection.execute("select current_user as who").fetchone()
    assert found == {"who": "stopward_worker"}
    database.close()


def test_a_view_is_read_in_order_and_up_to_a_limit(database_url: str) -> None:
    database = PostgresDatabase(database_url)
    people = Administration(database)
    for name in ("c", "a", "b"):
        people.open_account(AccountId(f"ordered-{name}"), name=name)
    names = [row["name"] for row in database.select("guard_health", order="name", limit=2)]
    assert names == sorted(str(name) for name in names)
    assert len(names) == 2
    one = database.select("guard_health", account_id=AccountId("ordered-b"))
    assert [row["name"] for row in one] == ["b"]
    database.close()


def test_not_a_number_cannot_be_sent(database_url: str) -> None:
    database = PostgresDatabase(database_url)
    with pytest.raises(InvalidState, match=r"begin_tick"):
        database.call("begin_tick", "request", {"lease_seconds": nan})
    database.close()


def test_an_error_never_repeats_the_password() -> None:
    database = PostgresDatabase(
        "postgresql://postgres:open-sesame@127.0.0.1:1/none?application_name=x", timeout_seconds=2
    )
    with pytest.raises(DatabaseUnavailable) as caught:
        database.call("begin_tick", "request", {})
    assert "open-sesame" not in "".join(traceback.format_exception(caught.value))


def test_words_of_libpq_that_repeat_the_password_are_scrubbed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def repeat(*_: object, **__: object) -> psycopg.Connection[object]:
        raise psycopg.OperationalError('cannot use "open-sesame"')

    monkeypatch.setattr(BoundedConnection, "connect", repeat)
    database = PostgresDatabase("postgresql://postgres:open-sesame@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable) as caught:
        database.call("begin_tick", "request", {})
    assert str(caught.value) == 'begin_tick: cannot use "***"'
    assert "open-sesame" not in "".join(traceback.format_exception(caught.value))
