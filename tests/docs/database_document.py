"""The generated parts of docs/database.md, read from a migrated database and docs/queries.

`python -m tests.docs.database_document` writes them anew; the prose around stays.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.docs.pages import ROOT

PAGE: Final = ROOT / "docs" / "database.md"
QUERIES: Final = ROOT / "docs" / "queries"
BLOCK: Final = re.compile(
    r"(?P<open><!-- generated: (?P<name>[a-z]+) -->\n)(?P<body>.*?)(?P<end><!-- end -->)", re.DOTALL
)
LONG: Final = re.compile(r"\d[\d.]{60,}")
"""The bounds of a double, which Postgres spells with all their digits."""
COMMAND: Final = "python -m tests.docs.database_document"

RELATIONS = """
select c.relname, obj_description(c.oid, 'pg_class'), c.oid
from pg_class as c
where c.relnamespace = %s::regnamespace and c.relkind = any(%s) and not c.relispartition
order by c.relname
"""
COLUMNS = """
select
    a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    coalesce(col_description(a.attrelid, a.attnum), '')
from pg_attribute as a
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""
CONSTRAINTS = """
select k.conname, pg_get_constraintdef(k.oid)
from pg_constraint as k
where k.conrelid = %s and k.contype in ('c', 'u', 'f', 'p')
order by array_position(array['p', 'u', 'f', 'c'], k.contype::text), k.conname
"""
INDEXES = """
select i.relname, regexp_replace(pg_get_indexdef(i.oid), '^.* USING ', '')
from pg_index as x join pg_class as i on i.oid = x.indexrelid
where x.indrelid = %s and not exists (select from pg_constraint as k where k.conindid = i.oid)
order by i.relname
"""
TRIGGERS = """
select t.tgname, coalesce(obj_description(t.tgfoid, 'pg_proc'), '')
from pg_trigger as t
where t.tgrelid = %s and not t.tgisinternal
order by t.tgname
"""
FUNCTIONS = """
select f.proname, f.proargnames[1], obj_description(f.oid, 'pg_proc')
from pg_proc as f
where f.pronamespace = 'api'::regnamespace
order by f.proname
"""
KEYS = """
select distinct referenced.relname, referencing.relname
from pg_constraint as k
join pg_class as referencing on referencing.oid = k.conrelid
join pg_class as referenced on referenced.oid = k.confrelid
where k.contype = 'f' and k.connamespace = 'stopward'::regnamespace
    and not referencing.relispartition and not referenced.relispartition
order by 1, 2
"""

Rows = Callable[..., list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """An example: `view` is what it reads, `question` its first line, `code` the rest."""

    name: str
    view: str
    question: str
    code: str


def queries() -> tuple[Query, ...]:
    """Return the examples of docs/queries, by name: VIEW.sql or VIEW__TOPIC.sql."""
    found = []
    for path in sorted(QUERIES.glob("*.sql")):
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        found.append(
            Query(
                name=path.stem,
                view=path.stem.partition("__")[0],
                question=first.removeprefix("--").strip(),
                code=rest.strip(),
            )
        )
    return tuple(found)


def refreshed(text: str, connection: psycopg.Connection[Any]) -> str:
    """Return the page with every generated block as the catalogue says now."""

    def rows(statement: str, *values: object) -> list[tuple[Any, ...]]:
        return connection.execute(statement.encode(), values or None).fetchall()

    writers: dict[str, Callable[[Rows], Iterator[str]]] = {
        "picture": _picture,
        "views": _views,
        "functions": _functions,
        "tables": _tables,
    }
    return BLOCK.sub(
        lambda match: "\n".join(
            (match["open"].rstrip(), *writers[match["name"]](rows), match["end"])
        ),
        text,
    )


def _picture(rows: Rows) -> Iterator[str]:
    yield "```mermaid"
    yield "erDiagram"
    for referenced, referencing in rows(KEYS):
        yield f'    {referenced} ||--o{{ {referencing} : ""'
    yield "```"


def _views(rows: Rows) -> Iterator[str]:
    for name, comment, oid in rows(RELATIONS, "api", ["v"]):
        yield f"### api.{name}\n\n{_prose(comment)}\n"
        yield "Columns: " + ", ".join(f"`{row[0]}`" for row in rows(COLUMNS, oid)) + ".\n"
        for query in queries():
            if query.view == name:
                yield f"{query.question}\n\n```sql\n{query.code}\n```\n"


def _functions(rows: Rows) -> Iterator[str]:
    yield "| function | argument | what it does |\n| --- | --- | --- |"
    for name, argument, comment in rows(FUNCTIONS):
        yield f"| `api.{name}` | `{argument}` | {_cell(comment)} |"


def _tables(rows: Rows) -> Iterator[str]:
    for name, comment, oid in rows(RELATIONS, "stopward", ["r", "p"]):
        yield f"### stopward.{name}\n\n{_prose(comment)}\n"
        yield "| column | type | meaning |\n| --- | --- | --- |"
        for column, kind, is_needed, meaning in rows(COLUMNS, oid):
            nullable = "" if is_needed else ", may be null"
            yield f"| `{column}` | {kind}{nullable} | {_cell(meaning)} |"
        yield ""
        yield from _rules("Constraints", rows(CONSTRAINTS, oid))
        yield from _rules("Indexes", rows(INDEXES, oid))
        yield from _rules("Triggers", rows(TRIGGERS, oid))


def _rules(title: str, found: list[tuple[Any, ...]]) -> Iterator[str]:
    if found:
        yield f"{title}:\n"
        for name, text in found:
            said = _cell(text) if title == "Triggers" else f"`{LONG.sub(_short, _prose(text))}`"
            yield f"- `{name}`: {said}"
        yield ""


def _short(number: re.Match[str]) -> str:
    return f"{Decimal(number[0]):.3e}"


def _prose(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")


def main() -> None:
    """Write the page anew from a scratch server."""
    from stopward.local.migrate import migrate, prepare_platform
    from stopward.local.postgres import EmbeddedPostgres

    home = ROOT / ".stopward" / "document"
    home.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(home=Path(home), durable=False)
    url = server.start()
    try:
        prepare_platform(url)
        migrate(url)
        with psycopg.connect(url) as connection:
            before = PAGE.read_text(encoding="utf-8")
            PAGE.write_text(refreshed(before, connection), encoding="utf-8")
    finally:
        server.remove()
    sys.stdout.write(f"{PAGE.name} is as the migrations say\n")


if __name__ == "__main__":
    main()
