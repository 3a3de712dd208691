"""The connection breaks in each call, at each place: its effect is there once or never.

Every function of schema api is asked through a proxy that cuts, by psycopg and by supabase-py.
A cut that comes before the database did it leaves nothing; one that comes after leaves it done, and
asking again changes nothing. What the guard's tick asks is asked again by the adapter itself when a
kept connection was found dead, and the tick goes on.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import psycopg
import pytest

from stopward.adapters.bounded_connection import BoundedConnection
from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.repeating import REPEATABLE
from stopward.adapters.rows import JsonValue
from stopward.adapters.supabase import SupabaseDatabase
from stopward.errors import DatabaseUnavailable
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import an_owner, copy_of
from tests.builders.cutting_proxy import CUTS, HTTP, LANDS, POSTGRES, Cut, CuttingProxy, a_proxy
from tests.builders.gateway import a_gateway, url_of_login
from tests.builders.requests import REQUESTS, Stage
from tests.builders.state import State, changed, read_state
from tests.db.test_idempotence import CLOCKS

TICK = ("begin_tick", "record_tick", "acknowledge")
BY_HAND = (
    "halt",
    "resume",
    "request_flatten",
    "put_positions",
    "put_rules",
    "tag_symbol",
    "put_equity",
)
"""What a person asks in a hurry."""
TIMEOUT_SECONDS = 5.0
IMPATIENT_SECONDS = 0.7
CASES: list[tuple[str, Cut]] = [
    (function, cut)
    for function in sorted(REQUESTS)
    for cut in (CUTS if function in TICK + BY_HAND else ("lost_answer",))
    if cut != "silence" or function in (*TICK, "halt")
]


class Database(Protocol):
    def call(self, function: str, argument: str, value: JsonValue) -> Mapping[str, JsonValue]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A proxy, and adapters that talk through it; a key makes them supabase-py's."""

    proxy: CuttingProxy
    url: str
    key: str | None = None

    def adapter(self, *, seconds: float = TIMEOUT_SECONDS) -> Database:
        if self.key is None:
            return PostgresDatabase(self.url, timeout_seconds=seconds)
        return SupabaseDatabase(self.url, key=self.key, timeout_seconds=seconds)


def port_of(url: str) -> int:
    port = httpx.URL(url).port
    assert port is not None
    return port


def through(proxy: CuttingProxy, url: str) -> str:
    return url.replace(f":{port_of(url)}", f":{proxy.port}")


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "cuts") as found:
        yield found


@pytest.fixture(scope="module")
def eyes(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as found:
        yield found


@pytest.fixture(scope="module", params=["postgres", "supabase"])
def line(
    request: pytest.FixtureRequest, postgres_server: EmbeddedPostgres, url: str
) -> Iterator[Line]:
    with ExitStack() as stack:
        if request.param == "postgres":
            proxy = stack.enter_context(a_proxy(port_of(url), POSTGRES))
            yield Line(proxy=proxy, url=through(proxy, url))
        else:
            gateway = stack.enter_context(a_gateway(url_of_login(postgres_server, url)))
            proxy = stack.enter_context(a_proxy(port_of(gateway.url), HTTP))
            yield Line(proxy=proxy, url=through(proxy, gateway.url), key=gateway.keys.secret)


@pytest.fixture(scope="module")
def arguments(eyes: psycopg.Connection[Any]) -> dict[str, str]:
    """Name of the one argument of each function."""
    return dict(
        eyes.execute(
            "select proname, coalesce(proargnames[1], '') from pg_proc"
            " where pronamespace = 'api'::regnamespace"
        ).fetchall()
    )


def state(eyes: psycopg.Connection[Any], request: Mapping[str, object], stage: Stage) -> State:
    owner = stage.account_id if "account_id" in request else None
    return read_state(eyes, account_id=owner, ignoring=frozenset(CLOCKS))


@pytest.mark.parametrize(("function", "cut"), CASES)
def test_the_effect_is_there_once_or_never(
    line: Line,
    eyes: psycopg.Connection[Any],
    arguments: dict[str, str],
    function: str,
    cut: Cut,
) -> None:
    stage = Stage(account_id=an_owner(eyes).account_id, connection=eyes)
    request = REQUESTS[function](stage)
    adapter = line.adapter(seconds=IMPATIENT_SECONDS if cut == "silence" else TIMEOUT_SECONDS)
    adapter.call("schema_version", "request", {})
    before = state(eyes, request, stage)
    line.proxy.cut(cut)
    # Found dead, a kept connection is replaced; whoever waited in vain has no time to wait again.
    goes_on = function in REPEATABLE and cut != "silence"
    if goes_on:
        adapter.call(function, arguments[function], request)
    else:
        with pytest.raises(DatabaseUnavailable, match=rf"^{function}: "):
            adapter.call(function, arguments[function], request)
    assert line.proxy.pending == 0
    after = state(eyes, request, stage)
    if not goes_on and cut not in LANDS:
        assert changed(before, after) == set()

    again = adapter.call(function, arguments[function], request)
    done = state(eyes, request, stage)
    if goes_on or cut in LANDS:
        assert changed(after, done) == set()
        if function in TICK + BY_HAND:
            assert adapter.call(function, arguments[function], request) == again
    if function in ("record_tick", "acknowledge", "put_positions", "request_flatten"):
        assert changed(before, done) != set()
    adapter.close()


STATEMENTS = range(6)
"""More than a call takes where it is a transaction of several statements."""


@pytest.fixture
def a_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our options are dropped, so that each call is a transaction that ends with its commit."""
    connect = BoundedConnection.connect

    def without_options(url: str, *, options: str, **rest: Any) -> Any:
        return connect(url, **rest)

    monkeypatch.setattr(BoundedConnection, "connect", without_options)


@pytest.mark.usefixtures("a_pooler")
@pytest.mark.parametrize("function", TICK)
@pytest.mark.parametrize("number", STATEMENTS)
def test_a_call_of_several_statements_is_cut_at_each(
    url: str,
    eyes: psycopg.Connection[Any],
    arguments: dict[str, str],
    function: str,
    number: int,
) -> None:
    stage = Stage(account_id=an_owner(eyes).account_id, connection=eyes)
    request = REQUESTS[function](stage)
    with a_proxy(port_of(url), POSTGRES) as proxy:
        adapter = PostgresDatabase(through(proxy, url))
        adapter.call("schema_version", "request", {})
        proxy.cut("lost_answer", after=number)
        answer = adapter.call(function, arguments[function], request)
        was_cut = proxy.pending == 0
        assert was_cut is (number < 4)
        after = state(eyes, request, stage)
        proxy.cut("before", times=0)
        again = adapter.call(function, arguments[function], request)
        assert changed(after, state(eyes, request, stage)) == set()
        if function == "record_tick":
            # Cut after the commit, the order is known already: its fate is asked of the broker.
            assert bool(answer["new"]) is (number != 3)
            assert again["new"] == []
        adapter.close()


@pytest.mark.parametrize("function", TICK)
def test_the_gateway_is_cut_from_its_database_at_each_statement(
    postgres_server: EmbeddedPostgres,
    url: str,
    eyes: psycopg.Connection[Any],
    arguments: dict[str, str],
    function: str,
) -> None:
    cuts = []
    with a_proxy(port_of(url), POSTGRES) as proxy:
        login = through(proxy, url_of_login(postgres_server, url))
        with a_gateway(login) as gateway:
            adapter = SupabaseDatabase(gateway.url, key=gateway.keys.secret)
            for number in STATEMENTS:
                adapter.call("schema_version", "request", {})
                stage = Stage(account_id=an_owner(eyes).account_id, connection=eyes)
                request = REQUESTS[function](stage)
                before = state(eyes, request, stage)
                proxy.cut("lost_answer", after=number)
                try:
                    adapter.call(function, arguments[function], request)
                except DatabaseUnavailable as error:
                    cuts.append(str(error))
                proxy.cut("before", times=0)
                after = state(eyes, request, stage)
                adapter.call(function, arguments[function], request)
                done = state(eyes, request, stage)
                assert changed(before, after) == set() or changed(after, done) == set()
            adapter.close()
    assert cuts
    assert all(words.startswith(f"{function}: ") for words in cuts)
