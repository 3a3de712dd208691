"""Requests answered: who asks, what is asked, one transaction, an answer as PostgREST has it."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

import psycopg

from stopward.local.gateway.asking import ONE_ROW, SCHEMA, Wanted, read_wanted
from stopward.local.gateway.caller import Caller, caller_of
from stopward.local.gateway.calls import FIND, call_of, choose
from stopward.local.gateway.compose import rows_of, total_of
from stopward.local.gateway.description import COLUMNS, FUNCTIONS, describe
from stopward.local.gateway.keys import GatewayKeys
from stopward.local.gateway.question import FunctionCall, ViewQuestion
from stopward.local.gateway.reading import (
    Request,
    parameters_of,
    place_of,
    read_call,
    read_view_question,
)
from stopward.local.gateway.refused import Refused, not_offered, refused_by_postgres
from stopward.local.gateway.sessions import Sessions, Transaction
from stopward.ports import Clock

MAX_ROWS: Final = 1000
"""`max_rows` in supabase/config.toml."""
READS: Final = frozenset({"GET", "HEAD"})
OK, NO_CONTENT, PARTIAL = 200, 204, 206


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer; the body is JSON text, empty for 204."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Gateway:
    """Answers what supabase-py and supabase-js ask of views and functions of schema api."""

    def __init__(self, sessions: Sessions, *, keys: GatewayKeys, clock: Clock) -> None:
        self._sessions, self._keys, self._clock = sessions, keys, clock

    def answer(self, request: Request) -> Answer:
        """Answer one request; a refusal is an answer too."""
        caller: Caller | None = None
        try:
            caller = caller_of(request.headers, keys=self._keys, now=self._clock.now())
            return self._answer(request, caller)
        except Refused as refused:
            return Answer(status=refused.status, body=refused.body)
        except psycopg.Error as error:
            anonymous = caller is None or caller.role == "anon"
            known = refused_by_postgres(error, anonymous=anonymous)
            return Answer(status=known.status, body=known.body)

    def close(self) -> None:
        """Close every session of Postgres."""
        self._sessions.close()

    def _answer(self, request: Request, caller: Caller) -> Answer:
        place = place_of(request.target)
        parameters = parameters_of(request.target)
        if place.function is not None:
            if request.method not in READS | {"POST"}:
                raise Refused(405, "PGRST101", f"Cannot use the {request.method} method on RPC")
            wanted = read_wanted(request.headers, method=request.method)
            body = None if request.method in READS else request.body
            return self._call(request, caller, read_call(place.function, parameters, body), wanted)
        if request.method not in READS:
            if request.method in ("POST", "PATCH", "PUT", "DELETE"):
                raise not_offered("writing a view: nobody may; functions write (rpc)")
            raise Refused(405, "PGRST117", f"Unsupported HTTP method: {request.method}")
        wanted = read_wanted(request.headers, method=request.method)
        if place.view is None:
            return self._describe(request, caller)
        question = read_view_question(
            place.view, parameters, range_header=request.headers.get("range")
        )
        return self._rows(request, caller, question, wanted)

    def _rows(
        self, request: Request, caller: Caller, question: ViewQuestion, wanted: Wanted
    ) -> Answer:
        limit = MAX_ROWS if question.limit is None else min(question.limit, MAX_ROWS)
        total: int | None = None
        with self._transaction(request, caller) as transaction:
            try:
                (found,) = transaction.rows(*rows_of(question, schema=SCHEMA, limit=limit))
                if wanted.counted:
                    total = transaction.rows(*total_of(question, schema=SCHEMA))[0]["total"]
            except psycopg.errors.UndefinedTable as error:
                raise _no_such_view(question.view) from error
        count = int(found["rows"])
        if wanted.one_row:
            return _one_row(found["body"], count)
        return Answer(
            status=_status(question.offset, count, total),
            body=found["body"],
            headers={"Content-Range": _content_range(question.offset, count, total)},
        )

    def _call(self, request: Request, caller: Caller, call: FunctionCall, wanted: Wanted) -> Answer:
        if wanted.counted:
            raise not_offered("count of what a function answers")
        with self._transaction(request, caller) as transaction:
            found = transaction.rows(FIND, (SCHEMA, call.function))
            function = choose(found, call, schema=SCHEMA)
            (row,) = transaction.rows(*call_of(function, call, schema=SCHEMA))
        if function.returns_nothing:
            return Answer(status=NO_CONTENT)
        return Answer(status=OK, body="null" if row["answer"] is None else row["answer"])

    def _describe(self, request: Request, caller: Caller) -> Answer:
        if caller.role == "anon":
            # As hosted: what there is, is told to those who hold a secret key.
            raise Refused(
                403, "PGRST301", "Access to schema is forbidden", hint="use the secret key"
            )
        with self._transaction(request, caller) as transaction:
            columns = transaction.rows(COLUMNS, (SCHEMA,))
            functions = transaction.rows(FUNCTIONS, (SCHEMA,))
        return Answer(status=OK, body=json.dumps(describe(columns, functions)))

    def _transaction(self, request: Request, caller: Caller) -> AbstractContextManager[Transaction]:
        return self._sessions.transaction(
            caller,
            read_only=request.method in READS,
            headers=request.headers,
            method=request.method,
            path=request.target.partition("?")[0],
        )


def _one_row(rows: str, count: int) -> Answer:
    if count != 1:
        raise Refused(
            406,
            "PGRST116",
            "Cannot coerce the result to a single JSON object",
            details=f"The result contains {count} rows",
        )
    return Answer(status=OK, body=rows[1:-1], headers={"Content-Type": f"{ONE_ROW}; charset=utf-8"})


def _status(offset: int, count: int, total: int | None) -> int:
    if total is None or count == total:
        return OK
    if offset > total:
        raise Refused(
            416,
            "PGRST103",
            "Requested range not satisfiable",
            details=f"An offset of {offset} was requested, but there are only {total} rows.",
        )
    return PARTIAL


def _content_range(offset: int, count: int, total: int | None) -> str:
    shown = f"{offset}-{offset + count - 1}" if count else "*"
    return f"{shown}/{'*' if total is None else total}"


def _no_such_view(view: str) -> Refused:
    return Refused(
        404, "PGRST205", f"Could not find the table '{SCHEMA}.{view}' in the schema cache"
    )
