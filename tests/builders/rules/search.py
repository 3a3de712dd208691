"""Cases that nobody needs to write: a wrong write is looked for until one breaks just that rule.

Looked for are a copy of a row with one column wrong, a row twice, a row that refers to nothing,
a column changed, all rows deleted and the table truncated. What takes two columns, or a stage, is
written by hand.
"""

from collections.abc import Iterator

from psycopg.errors import CheckViolation

from tests.builders.requests import REQUESTS, Stage
from tests.builders.rules.case import (
    Case,
    attempt,
    behind,
    columns_of,
    copied,
    is_by,
    sql,
    updated,
    whose,
    without,
)
from tests.builders.rules.catalogue import Rule

WRONG: dict[str, tuple[str, ...]] = {
    "text": ("''", "'bogus'", "repeat('x', 600)"),
    "numeric": ("'NaN'", "-1", "0", "1000000"),
    "double precision": ("'NaN'", "'Infinity'", "-1", "2"),
    "integer": ("-1", "0", "100000"),
    "bigint": ("-1", "0"),
    "smallint": ("-1", "0", "30000"),
    "date": ("'2024-01-02'", "'2030-01-02'"),
    "timestamp with time zone": ("null", "'2000-01-01'", "'2100-01-01'", "'2300-01-01'"),
    "jsonb": ("'[]'", "'{}'", "'1'"),
    "bytea": ("'\\x00'",),
    "boolean": ("false", "true"),
}
FRESH = {
    "text": "'fresh'",
    "bigint": "1000000007",
    "integer": "1000007",
    "uuid": "gen_random_uuid()",
    "date": "'2031-01-03'",
    "timestamp with time zone": "'2031-01-03'",
}
OTHER = {
    "text": ("{} || 'x'",),
    "integer": ("{} + 1", "{} - 1"),
    "bigint": ("{} + 1", "{} - 1"),
    "numeric": ("{} + 1", "{} - 1"),
    "timestamp with time zone": ("null",),
}
COLUMNS = """
select a.attname from pg_constraint as k
cross join unnest(k.conkey) as c (number)
inner join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = c.number
where k.connamespace = 'stopward'::regnamespace and k.conrelid = to_regclass(%s) and k.conname = %s
"""
INDEX = """
select
    coalesce(pg_get_expr(x.indpred, x.indrelid), 'true'),
    array(
        select a.attname::text from pg_attribute as a
        where
            a.attrelid = x.indrelid
            and pg_get_indexdef(x.indexrelid) ~ ('\\m' || a.attname || '\\M')
    ),
    array(
        select a.attname::text
        from pg_index as p
        inner join pg_attribute as a on a.attrelid = p.indrelid and a.attnum = any(p.indkey)
        where p.indrelid = x.indrelid and p.indisprimary
    )
from pg_index as x inner join pg_class as i on i.oid = x.indexrelid
where x.indrelid = to_regclass(%s) and i.relname = %s
"""


def search(stage: Stage, rule: Rule) -> Case | None:
    """Return a case that breaks a rule, None when none is found."""
    for case in candidates(stage, rule):
        if breaks(stage, rule, case):
            return case
    return None


def breaks(stage: Stage, rule: Rule, case: Case) -> bool:
    """Whether a case breaks a rule, and just this one.

    Without a check no other check says no; without a trigger no other one of its name.
    """
    if not is_by(attempt(stage, case), rule):
        return False
    match rule.kind:
        case "check":
            alone = attempt(stage, without(rule.where, rule.name, case))
            return not isinstance(alone, CheckViolation)
        case "trigger":
            trigger = rule.key.removeprefix("trigger ")
            return not is_by(attempt(stage, behind(rule.where, trigger, case)), rule)
        case _:
            return True


def candidates(stage: Stage, rule: Rule) -> Iterator[Case]:
    """Yield what may break a rule, the likeliest first."""
    match rule.kind:
        case "check":
            yield from wrong_values(stage, rule)
        case "key":
            yield twice(stage, rule)
        case "reference":
            yield from to_nothing(stage, rule)
        case "trigger":
            yield from changes(stage, rule)
        case "refusal":
            if rule.where == "require" and (function := rule.name.removesuffix("_request")) in (
                REQUESTS
            ):
                yield lambda stage: stage.ask(function, [])


def wrong_values(stage: Stage, rule: Rule) -> Iterator[Case]:
    types = columns_of(stage, rule.where)
    for column in constrained(stage, rule):
        for value in WRONG.get(types.get(column, ""), ()):
            yield copied(rule.where, **{column: value})
            yield updated(rule.where, f"{column} = {value}")


def twice(stage: Stage, rule: Rule) -> Case:
    row = stage.connection.execute(INDEX.encode(), (f"stopward.{rule.where}", rule.name)).fetchone()
    assert row is not None
    predicate, columns, primary = row
    types = columns_of(stage, rule.where)
    fresh = {name: FRESH[types[name]] for name in primary if name not in columns}
    fresh |= {name: f"t.{name}" for name in columns}
    return copied(rule.where, where=predicate, **fresh)


def to_nothing(stage: Stage, rule: Rule) -> Iterator[Case]:
    types = columns_of(stage, rule.where)
    columns = constrained(stage, rule)
    there = " and ".join(f"{name} is not null" for name in columns)
    for wrong in (*((name,) for name in reversed(columns)), tuple(columns)):
        fresh = {name: FRESH[types[name]] for name in wrong}
        yield copied(rule.where, where=there, **fresh)
        given = ", ".join(f"{name} = {value}" for name, value in fresh.items())
        yield updated(rule.where, given, where=there)


def changes(stage: Stage, rule: Rule) -> Iterator[Case]:
    types = columns_of(stage, rule.where)
    yield sql(f"delete from stopward.{rule.where} where {whose(rule.where, types)}")  # noqa: S608
    yield sql(f"truncate stopward.{rule.where} cascade")
    yield from (
        updated(rule.where, f"{column} = {other.format(column)}")
        for column, kind in types.items()
        for other in ("{}", *OTHER.get(kind, ()))
    )


def constrained(stage: Stage, rule: Rule) -> list[str]:
    found = stage.connection.execute(
        COLUMNS.encode(), (f"stopward.{rule.where}", rule.name)
    ).fetchall()
    return [name for (name,) in found]
