"""Calls of schema api over supabase-py: what a deployed stack uses by default.

Of supabase-py only its part for the database is loaded, the one that `Client.schema` returns,
unless the whole is asked for (supabase_client): a function wants no sign-in, file or channel, and
each cold start would pay for them (ADR 26).
Import this module where it is chosen all the same: it costs more than the rest of the program.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from ssl import SSLContext
from typing import Any, TypeVar, cast

import httpx
from postgrest import APIError, CountMethod, SyncPostgrestClient

from stopward.adapters.column_types import Columns, read_columns, read_row, selection
from stopward.adapters.functions import FunctionStore
from stopward.adapters.postgrest_error import refusal
from stopward.adapters.repeating import CONNECT_SECONDS, REPEATABLE
from stopward.adapters.rows import JsonValue
from stopward.adapters.supabase_client import MakeClient, database_client
from stopward.adapters.supabase_url import read_project
from stopward.adapters.views import (
    MAX_ROWS,
    Comparison,
    OrderBy,
    Row,
    Where,
    checked_name,
    checked_window,
    conditions,
    orders,
)
from stopward.domain.identity import AccountId
from stopward.errors import DatabaseRejected, DatabaseUnavailable, InvalidState

OPERATORS: Mapping[Comparison, str] = {
    "=": "eq", "<>": "neq", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte",
}  # fmt: skip
IS_NULL: Mapping[str, str] = {"=": "is", "<>": "not.is"}
FOUND_DEAD = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)
"""How a connection shows that it ended; a time-out is none: there is no time to wait again."""
REDIRECT, ERROR = 300, 400

Answer = TypeVar("Answer")


class SupabaseDatabase:
    """A client of one project, opened at the first call, kept, and replaced after it failed.

    key: the project's secret key (`sb_secret_...`); it acts as service_role.
    timeout_seconds bounds each wait for the next part of an answer, and the connecting, which never
    gets more than CONNECT_SECONDS.

    Raises InvalidInput for a URL or key that cannot be used (see `read_project`).
    """

    def __init__(
        self,
        url: str,
        *,
        key: str,
        timeout_seconds: float = 10.0,
        make_client: MakeClient = database_client,
    ) -> None:
        self._project = read_project(url, key)
        self._make_client = make_client
        self._timeout_seconds = timeout_seconds
        self._client: SyncPostgrestClient | None = None
        self._http: httpx.Client | None = None
        self._was_answered = False
        self._status = 0
        self._columns: dict[str, Columns] = {}

    def call(self, function: str, argument: str, value: JsonValue) -> Mapping[str, JsonValue]:
        """Call a function of schema api and return what it answers.

        Raises InvalidState for nan and infinity: a missing number is None.
        """

        def ask(client: SyncPostgrestClient) -> object:
            return client.rpc(function, {argument: cast("Any", value)}).execute().data

        found = self._execute(ask, what=function, may_repeat=function in REPEATABLE)
        if not isinstance(found, Mapping):
            raise DatabaseUnavailable(f"{function}: the answer was no JSON object")
        return cast("Mapping[str, JsonValue]", found)

    def select(
        self,
        view: str,
        *,
        account_id: AccountId | None = None,
        where: Sequence[Where] = (),
        order: OrderBy = None,
        limit: int = MAX_ROWS,
        offset: int = 0,
    ) -> list[Row]:
        """Return rows of a view of schema api, as `Views` has it."""
        checked_window(limit=limit, offset=offset)

        def ask(client: SyncPostgrestClient) -> object:
            query = client.from_(view).select(selection(self._columns[view]))
            for each in conditions(account_id, where):
                query = query.filter(each.column, _operator(each), each.text)
            for column in orders(order):
                query = query.order(column.column, desc=column.descending)
            return query.limit(limit).offset(offset).execute().data

        if view in self._columns:
            known = self._columns[view]
            try:
                return self._rows(view, ask)
            except (DatabaseRejected, InvalidState):
                # A migration may have changed the view under a process that lives on.
                self._read_columns(view)
                if self._columns[view] == known:
                    raise
        else:
            self._read_columns(view)
        return self._rows(view, ask)

    def count(
        self, view: str, *, account_id: AccountId | None = None, where: Sequence[Where] = ()
    ) -> int:
        """Return how many rows there are, as `Views` has it."""
        checked_name(view, kind="view")

        def ask(client: SyncPostgrestClient) -> int | None:
            query = client.from_(view).select("*", count=CountMethod.exact)
            for each in conditions(account_id, where):
                query = query.filter(each.column, _operator(each), each.text)
            # One row, not a HEAD: an error would come without its reason.
            return query.limit(1).execute().count

        found = self._execute(ask, what=view, may_repeat=True)
        if found is None:
            raise DatabaseUnavailable(f"{view}: the answer had no count")
        return found

    def close(self) -> None:
        """Close the connections; the next call opens another."""
        http, self._http, self._client = self._http, None, None
        self._was_answered = False
        if http is not None:
            http.close()

    def _rows(self, view: str, ask: Callable[[SyncPostgrestClient], object]) -> list[Row]:
        found = self._execute(ask, what=view, may_repeat=True)
        if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
            raise DatabaseUnavailable(f"{view}: the answer was no JSON array of rows")
        return [read_row(row, self._columns[view]) for row in found]

    def _read_columns(self, view: str) -> None:
        # PostgREST tells types nowhere but in its OpenAPI document.
        checked_name(view, kind="view")

        def ask(client: SyncPostgrestClient) -> object:
            answer = client.session.get(f"{client.base_url}/", headers=client.headers, auth=None)
            if answer.is_error:
                raise APIError(_words_of(answer))
            return answer.json()

        document = self._execute(ask, what=view, may_repeat=True)
        try:
            found = read_columns(document, view)
        except (KeyError, TypeError, AttributeError) as error:
            raise DatabaseUnavailable(f"{view}: the answer tells no columns") from error
        if found is None:
            self._columns.pop(view, None)
            # It tells no view that is not there, or that we may not read: the refusal says which.
            self._execute(
                lambda client: client.from_(view).select("*").limit(1).execute(),
                what=view,
                may_repeat=True,
            )
            raise DatabaseUnavailable(f"{view}: the project's description does not tell it yet")
        self._columns[view] = found

    def _execute(
        self, ask: Callable[[SyncPostgrestClient], Answer], *, what: str, may_repeat: bool
    ) -> Answer:
        was_answered = self._was_answered
        try:
            return self._ask(ask, what)
        except httpx.HTTPError as error:
            self.close()
            # A function that Lambda froze wakes up with a connection that died in its sleep.
            if not (was_answered and may_repeat and isinstance(error, FOUND_DEAD)):
                raise self._no_answer(error, what) from error
        try:
            return self._ask(ask, what)
        except httpx.HTTPError as error:
            self.close()
            raise self._no_answer(error, what) from error

    def _ask(self, ask: Callable[[SyncPostgrestClient], Answer], what: str) -> Answer:
        client = self._connected()
        self._status = 0
        try:
            found = ask(client)
        except APIError as error:
            # Of an answer that is not PostgREST's, the cause would repeat the page.
            raise self._refusal(error, what) from None
        except ValueError as error:
            if self._status == 0:
                raise InvalidState(f"{what}: a number that is none cannot be sent") from error
            raise DatabaseUnavailable(f"{what}: the answer was not JSON") from error
        if self._status >= REDIRECT:
            raise DatabaseUnavailable(f"{what}: the answer was HTTP {self._status}")
        self._was_answered = True
        return found

    def _refusal(self, error: APIError, what: str) -> DatabaseUnavailable | DatabaseRejected:
        message = self._project.scrub(error.message or "the answer was no JSON of PostgREST")
        if REDIRECT <= self._status < ERROR:
            message = "the answer was a redirect, and none is followed: is the URL right?"
        found = refusal(
            what, status=self._status, code=error.code, message=message, details=error.details
        )
        if isinstance(found, DatabaseUnavailable):
            self.close()
        return found

    def _no_answer(self, error: httpx.HTTPError, what: str) -> DatabaseUnavailable:
        words = self._project.scrub(str(error)) or type(error).__name__
        return DatabaseUnavailable(f"{what}: {words}")

    def _connected(self) -> SyncPostgrestClient:
        if self._client is None:
            # No proxy stands between this machine and itself.
            trust_env = not self._project.is_here
            self._http = httpx.Client(
                verify=_authorities(trust_env=trust_env),
                timeout=httpx.Timeout(
                    self._timeout_seconds, connect=min(self._timeout_seconds, CONNECT_SECONDS)
                ),
                follow_redirects=False,
                trust_env=trust_env,
                event_hooks={"response": [self._remember]},
            )
            self._client = self._make_client(self._project, self._http)
        return self._client

    def _remember(self, response: httpx.Response) -> None:
        self._status = response.status_code


class SupabaseStore(FunctionStore):
    """The Store over supabase-py; arguments are those of SupabaseDatabase."""

    def __init__(self, url: str, *, key: str, timeout_seconds: float = 10.0) -> None:
        self._database = SupabaseDatabase(url, key=key, timeout_seconds=timeout_seconds)
        super().__init__(self._database)

    def close(self) -> None:
        """Close the connections; the next call opens another."""
        self._database.close()


@cache
def _authorities(*, trust_env: bool) -> SSLContext:
    # To read whom to trust takes 50 ms of a core: once a process, not at each new connection.
    return httpx.create_ssl_context(trust_env=trust_env)


def _words_of(answer: httpx.Response) -> dict[str, Any]:
    # Whoever stands before PostgREST answers anything: a page, a text, a list, a number as code.
    try:
        body = answer.json()
    except ValueError:
        body = None
    told = body if isinstance(body, Mapping) else {}
    words = {str(name): word for name, word in told.items() if isinstance(word, str)}
    return {"message": answer.reason_phrase, **words}


def _operator(condition: Where) -> str:
    if condition.value is None:
        return IS_NULL[condition.comparison]
    return OPERATORS[condition.comparison]
