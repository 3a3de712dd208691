"""What there is to ask, as PostgREST's OpenAPI document tells it: views, columns, functions."""

from collections.abc import Sequence
from typing import Any, Final

from psycopg import sql

COLUMNS: Final = sql.SQL(
    """
    select
        c.relname as view,
        obj_description(c.oid, 'pg_class') as told,
        a.attname as column,
        format_type(a.atttypid, a.atttypmod) as type,
        col_description(c.oid, a.attnum) as column_told
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid
    where
        c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'v', 'm', 'p')
        and a.attnum > 0 and not a.attisdropped
        and has_table_privilege(c.oid, 'select')
    order by c.relname, a.attnum
    """
)
FUNCTIONS: Final = sql.SQL(
    """
    select p.proname as function, obj_description(p.oid, 'pg_proc') as told
    from pg_catalog.pg_proc as p
    where p.pronamespace = to_regnamespace(%s) and has_function_privilege(p.oid, 'execute')
    order by p.proname
    """
)
JSON_TYPES: Final = {
    "boolean": "boolean", "integer": "integer", "bigint": "integer", "smallint": "integer",
    "double precision": "number", "real": "number", "numeric": "number",
}  # fmt: skip


def describe(columns: Sequence[dict[str, Any]], functions: Sequence[dict[str, Any]]) -> object:
    """Return the document of the rows of COLUMNS and FUNCTIONS."""
    definitions: dict[str, dict[str, Any]] = {}
    for row in columns:
        view = definitions.setdefault(
            row["view"], {"description": row["told"], "properties": {}, "type": "object"}
        )
        view["properties"][row["column"]] = {
            "description": row["column_told"],
            "format": row["type"],
            "type": JSON_TYPES.get(row["type"].partition("(")[0], "string"),
        }
    paths: dict[str, object] = {
        f"/{name}": {"get": {"summary": view["description"], "tags": [name]}}
        for name, view in definitions.items()
    }
    for row in functions:
        paths[f"/rpc/{row['function']}"] = {
            "post": {"summary": row["told"], "tags": [f"(rpc) {row['function']}"]}
        }
    return {
        "swagger": "2.0",
        "info": {"title": "Stopward", "version": "local"},
        "basePath": "/",
        "definitions": definitions,
        "paths": paths,
    }
