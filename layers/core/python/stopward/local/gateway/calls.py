"""Functions of the exposed schema: which one a call means, and the call as SQL.

What a function takes comes from the catalogue; of the request only names, quoted, and values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql

from stopward.local.gateway.compose import Values, quoted
from stopward.local.gateway.question import FunctionCall
from stopward.local.gateway.refused import Refused, not_offered

FIND: Final = sql.SQL(
    """
    select
        p.oid::bigint as oid,
        p.proretset as returns_rows,
        r.typname = 'void' and r.typnamespace = 'pg_catalog'::regnamespace as returns_nothing,
        p.proargmodes is not null as has_modes,
        p.pronargs - p.pronargdefaults as needed,
        a.number,
        a.name,
        n.nspname as type_schema,
        t.typname as type_name
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_type as r on p.prorettype = r.oid
    left join lateral rows from (
        unnest(p.proargtypes::oid[]), unnest(p.proargnames)
    ) with ordinality as a (type, name, number) on true
    left join pg_catalog.pg_type as t on a.type = t.oid
    left join pg_catalog.pg_namespace as n on t.typnamespace = n.oid
    where p.pronamespace = to_regnamespace(%s) and p.proname = %s and p.prokind = 'f'
    order by p.oid, a.number
    """
)
ASK: Final = sql.SQL(
    "with given as (select %s::json as body) select to_json({call})::text as answer from given"
)
ASK_NOTHING: Final = sql.SQL(
    "with given as (select %s::json as body) select {call}::text as answer from given"
)
NOT_FOUND, AMBIGUOUS = 404, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument; its type is two identifiers. is_needed: it has no default."""

    name: str
    type_schema: str
    type_name: str
    is_needed: bool

    @property
    def is_json(self) -> bool:
        """Whether it takes JSON as it is."""
        return self.type_schema == "pg_catalog" and self.type_name in ("json", "jsonb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function as a call needs it. returns_nothing: it is void."""

    arguments: tuple[Argument, ...]
    returns_nothing: bool


def choose(found: Sequence[dict[str, Any]], call: FunctionCall, *, schema: str) -> Function:
    """Return the one function of FIND's rows that takes these arguments.

    Raises Refused: PGRST202 when there is none, PGRST203 when there are several.
    """
    by_id: dict[int, list[dict[str, Any]]] = {}
    for row in found:
        by_id.setdefault(row["oid"], []).append(row)
    fitting = [rows for rows in by_id.values() if _takes(rows, call)]
    shown = ", ".join(sorted(call.names))
    if not fitting:
        raise Refused(
            NOT_FOUND,
            "PGRST202",
            f"Could not find the function {schema}.{call.function}({shown}) in the schema cache",
            details=f"Searched for {schema}.{call.function} with parameters {shown or 'none'}",
        )
    if len(fitting) > 1:
        raise Refused(
            AMBIGUOUS, "PGRST203", f"Could not choose the best of several {call.function}({shown})"
        )
    (rows,) = fitting
    if rows[0]["returns_rows"]:
        raise not_offered(f"{call.function} returns rows")
    return Function(
        arguments=tuple(each for each in _arguments(rows) if each.name in call.names),
        returns_nothing=rows[0]["returns_nothing"],
    )


def call_of(function: Function, call: FunctionCall, *, schema: str) -> tuple[sql.Composed, Values]:
    """Return the statement that answers with one row: `answer`, JSON text."""
    parts, values = [], []
    for argument in function.arguments:
        name = quoted(argument.name)
        of_type = quoted(argument.type_schema, argument.type_name)
        if call.body is None:
            value = sql.SQL("%s")
            values.append(call.arguments[argument.name])
        else:
            value = sql.SQL("given.body -> %s" if argument.is_json else "given.body ->> %s")
            values.append(argument.name)
        parts.append(sql.SQL("{} => cast({} as {})").format(name, value, of_type))
    called = sql.SQL("{}({})").format(quoted(schema, call.function), sql.SQL(", ").join(parts))
    statement = ASK_NOTHING if function.returns_nothing else ASK
    return statement.format(call=called), (call.body or "{}", *values)


def _takes(rows: list[dict[str, Any]], call: FunctionCall) -> bool:
    if rows[0]["has_modes"]:
        return False  # out and variadic arguments
    arguments = _arguments(rows)
    names = {each.name for each in arguments}
    return call.names <= names and all(
        each.name in call.names for each in arguments if each.is_needed
    )


def _arguments(rows: list[dict[str, Any]]) -> list[Argument]:
    return [
        Argument(
            name=row["name"] or "",
            type_schema=row["type_schema"],
            type_name=row["type_name"],
            is_needed=row["number"] <= row["needed"],
        )
        for row in rows
        if row["type_name"] is not None
    ]
