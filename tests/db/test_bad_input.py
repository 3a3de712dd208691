"""Every function of schema api answers bad input with a rule's name and the field, and no trace."""

import json
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import psycopg
import pytest
from psycopg import sql

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import FUNCTIONS, Owner, an_owner, copy_of, names
from tests.builders.requests import HOW_TO_ADD, OF_NO_ACCOUNT, REQUESTS, Stage
from tests.builders.state import changed, read_state

Path = tuple[str | int, ...]

VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**40, 1e300, "", "x", "NaN", "Infinity", "x" * 3000, "-1",
    "yesterday", "infinity", "2026-11-23T10:00:00", "2026-13-45T00:00:00Z", [], {}, ["x"], [1],
    [None], [[]], [{}], {"x": "y"},
)  # fmt: skip
"""What is put in the place of each value."""
NOT_REQUESTS: tuple[Any, ...] = (None, [], {}, "x", 5, True, [{}])
ALL = 10**6
FEW = 150
"""About so many changes of values `make test` tries in a request, but three at each place at least;
the nightly run tries all."""


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "bad_input") as found:
        yield found


@pytest.fixture(scope="module")
def connection(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as found:
        yield found


@pytest.fixture(scope="module")
def owner(connection: psycopg.Connection[Any]) -> Owner:
    return an_owner(connection)


@pytest.fixture
def undone(connection: psycopg.Connection[Any], owner: Owner) -> Iterator[Stage]:
    """The account of all tests that are refused; whatever a test writes is undone."""
    with connection.transaction(force_rollback=True):
        yield Stage(account_id=owner.account_id, connection=connection)


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of each value inside, of lists the first element only."""
    inside: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list) and value:
        inside = [(0, value[0])]
    for key, each in inside:
        yield (*path, key)
        yield from places(each, (*path, key))


def changed_at(request: Any, path: Path, *, to: Any = None, drop: bool = False) -> Any:
    found = deepcopy(request)
    holder = found
    for key in path[:-1]:
        holder = holder[key]
    if drop:
        del holder[path[-1]]
    else:
        holder[path[-1]] = to
    return found


def bad_requests(request: Any, *, changes: int) -> Iterator[tuple[str, Any]]:
    """Yield what was done to a good request, and the request."""
    yield from ((f"all is {each!r}", each) for each in NOT_REQUESTS)
    yield "surprise", {**request, "surprise": 1}
    paths = list(places(request))
    values = min(len(VALUES), max(3, changes // max(1, len(paths))))
    for number, path in enumerate(paths):
        field = next((str(key) for key in reversed(path) if isinstance(key, str)), "")
        yield field, changed_at(request, path, drop=True)
        for place in range(values):
            value = VALUES[(number * values + place) % len(VALUES)]
            yield field, changed_at(request, path, to=value)
    for key, value in request.items():
        if isinstance(value, list):
            yield key, {**request, key: value * 2}
            if value and isinstance(value[0], dict):
                yield "surprise", {**request, key: [{**value[0], "surprise": 1}]}


def fault(error: psycopg.Error, field: str) -> str | None:
    """Return what is wrong with a refusal; None when it is as it should be."""
    state, told = error.sqlstate or "", error.diag.message_primary or ""
    named = error.diag.constraint_name or error.diag.column_name
    if state == "P0001" or state.startswith("23"):
        return None if named and told else f"{state} names no rule: {told}"
    if state.startswith("22"):
        return None if field in told else f"{state} does not name {field}: {told}"
    return f"{state}: {told}"


def judge(connection: psycopg.Connection[Any], function: str, *, changes: int) -> list[str]:
    """Send every bad request; return what was answered otherwise than it should be."""
    stage = Stage(account_id=an_owner(connection).account_id, connection=connection)
    request = REQUESTS[function](stage)
    call = sql.SQL("select {}(%s::jsonb)").format(sql.Identifier("api", function))
    faults: dict[str, str] = {}
    refused: list[str] = []
    for field, bad in bad_requests(request, changes=changes):
        said = json.dumps(bad)
        try:
            # Some of them are good after all: what those write goes.
            with connection.transaction(force_rollback=True):
                connection.execute(call, (said,))
        except psycopg.Error as error:
            refused.append(said)
            found = fault(error, field)
            if found is not None:
                faults.setdefault(found[:120], f"{field}: {found} | {said[:200]}")
    if not refused:
        faults["nothing"] = "nothing at all was refused"
    # What is refused is sent again in transactions of their own, which nothing rolls back for it.
    before = read_state(connection)
    for said in refused[:: max(1, len(refused) * 10 // changes)]:
        with suppress(psycopg.Error):
            connection.execute(call, (said,))
    written = changed(before, read_state(connection))
    if written:
        faults["state"] = f"{', '.join(sorted(written))} were written by what was refused"
    return [f"{function}: {each}" for each in faults.values()]


@pytest.mark.parametrize("function", sorted(REQUESTS))
def test_bad_input_is_refused_by_name(connection: psycopg.Connection[Any], function: str) -> None:
    assert judge(connection, function, changes=FEW) == []


@pytest.mark.nightly
@pytest.mark.parametrize("function", sorted(REQUESTS))
def test_all_bad_input_is_refused_by_name(
    connection: psycopg.Connection[Any], function: str
) -> None:
    assert judge(connection, function, changes=ALL) == []


def test_a_request_names_its_account_or_is_listed(undone: Stage) -> None:
    without = set()
    for name, make in REQUESTS.items():
        with undone.connection.transaction(force_rollback=True):
            if "account_id" not in make(undone):
                without.add(name)
    assert without == OF_NO_ACCOUNT


@pytest.mark.parametrize("function", sorted(set(REQUESTS) - OF_NO_ACCOUNT - {"open_account"}))
def test_an_account_that_was_never_opened_is_refused(undone: Stage, function: str) -> None:
    request = REQUESTS[function](undone)
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        undone.ask(function, {**request, "account_id": "nobody"})
    assert caught.value.diag.constraint_name == "unknown_account"


@pytest.mark.parametrize("function", sorted(REQUESTS))
def test_a_key_that_it_does_not_know_is_refused_by_every_function(
    undone: Stage, function: str
) -> None:
    request = REQUESTS[function](undone)
    for bad in ({**request, "surprise": 1}, {"surprise": 1}):
        with (
            pytest.raises(psycopg.errors.RaiseException, match="surprise is no key") as caught,
            undone.connection.transaction(),
        ):
            undone.ask(function, bad)
        assert caught.value.diag.constraint_name == f"{function}_request"


def test_a_nul_character_is_refused_by_postgres(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.UntranslatableCharacter):
        connection.execute('select api.resume(\'{"account_id": "a\\u0000"}\'::jsonb)')


def test_every_function_has_a_request(connection: psycopg.Connection[Any]) -> None:
    assert set(names(connection, FUNCTIONS)) == set(REQUESTS), HOW_TO_ADD
