"""What is asked for one account never touches another, list by list and row by row."""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest

from stopward.domain.identity import AccountId
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import an_owner, become, copy_of
from tests.builders.requests import OF_NO_ACCOUNT, REQUESTS, Request, Stage
from tests.builders.state import State, changed, read_state

ROLE = "service_role"
"""Who may execute every function; what one touches does not depend on who calls it."""
OF_AN_ACCOUNT = sorted(set(REQUESTS) - OF_NO_ACCOUNT)
Stages = Mapping[str, Stage]


@pytest.fixture(scope="module")
def stages(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[Stages]:
    """Whose rows are asked for, `theirs`, and who asks: `mine` has rows, `new` has none."""
    with (
        copy_of(postgres_server, template_database, "isolation") as url,
        psycopg.connect(url, autocommit=True) as found,
    ):
        mine, theirs = (
            Stage(account_id=an_owner(found).account_id, connection=found) for _ in range(2)
        )
        new = Stage(account_id=AccountId("new"), connection=found)
        new.ask("open_account", {"account_id": "new", "name": "New", "mode": "guard"})
        new.fence()
        yield {"mine": mine, "theirs": theirs, "new": new}


def with_account(value: Any, account_id: str) -> Any:
    """Return a request in which every account_id, at any depth, is this one."""
    if isinstance(value, dict):
        return {
            key: account_id if key == "account_id" else with_account(each, account_id)
            for key, each in value.items()
        }
    return [with_account(each, account_id) for each in value] if isinstance(value, list) else value


def one_at_a_time(request: Request) -> Iterator[Request]:
    """Yield a request whole, then each list of it alone, then each row of a list alone."""
    yield request
    lists = {key: rows for key, rows in request.items() if isinstance(rows, list) and rows}
    nothing: Request = {key: [] for key in lists}
    for key, rows in lists.items():
        if len(lists) > 1:
            yield {**request, **nothing, key: rows}
        if len(rows) > 1:
            yield from ({**request, **nothing, key: [row]} for row in rows)


def from_another(foreign: Request, asker: Stage) -> Iterator[Request]:
    """Yield what an account can make of another one's request, with its own fence or that one's."""
    own = asker.find("select max(fence) from stopward.leases where account_id = %(account)s")
    fences = {own, foreign["fence"]} if "fence" in foreign else set()
    for held in [{"fence": fence} for fence in fences] or [{}]:
        yield from one_at_a_time({**foreign, **held, "account_id": asker.account_id})
        yield from one_at_a_time({**with_account(foreign, asker.account_id), **held})


def touched(asker: Stage, function: str, request: Request, *, of: Stage, before: State) -> set[str]:
    """Return the tables in which a request changed rows of another account; it is undone."""
    connection = asker.connection
    try:
        with connection.transaction(force_rollback=True):
            become(connection, ROLE)
            asker.ask(function, request)
            connection.execute("set constraints all immediate")
            connection.execute("reset role")
            return changed(before, read_state(connection, account_id=of.account_id))
    except psycopg.Error:
        return set()  # Whether it is refused or finds nothing is its own matter.


@pytest.mark.parametrize("asker", ["mine", "new"])
@pytest.mark.parametrize("function", OF_AN_ACCOUNT)
def test_a_request_for_one_account_cannot_touch_another(
    stages: Stages, function: str, asker: str
) -> None:
    theirs = stages["theirs"]
    with theirs.connection.transaction(force_rollback=True):
        foreign = REQUESTS[function](theirs)
        assert foreign["account_id"] == theirs.account_id
        requests = list(from_another(foreign, stages[asker]))
        faults = []
        for was_told in (False, True):
            if was_told:
                # Now what it is about is there, and theirs.
                theirs.ask(function, foreign)
            before = read_state(theirs.connection, account_id=theirs.account_id)
            for request in requests:
                found = touched(stages[asker], function, request, of=theirs, before=before)
                if found:
                    faults.append((was_told, found, request))
    assert faults == []


@pytest.mark.parametrize("function", OF_AN_ACCOUNT)
def test_whose_they_are_each_list_is_taken_alone(stages: Stages, function: str) -> None:
    """Else the test above would pass because nothing at all can be told alone."""
    theirs = stages["theirs"]
    with theirs.connection.transaction(force_rollback=True):
        request = REQUESTS[function](theirs)
        theirs.ask(function, request)
        for alone in one_at_a_time(request):
            with theirs.connection.transaction(force_rollback=True):
                theirs.ask(function, alone)
                theirs.connection.execute("set constraints all immediate")


@pytest.mark.parametrize("function", sorted(OF_NO_ACCOUNT))
def test_a_request_that_is_not_tried_names_no_account(stages: Stages, function: str) -> None:
    theirs = stages["theirs"]
    with theirs.connection.transaction(force_rollback=True):
        assert "account_id" not in REQUESTS[function](theirs)
