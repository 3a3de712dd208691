"""The tree of a question as SQL: names are quoted identifiers, values are parameters.

Nothing else of a request gets here. What is spelled in this module is all the SQL that a view can
be asked with; every statement has a parameter, so that the server takes one command and no more.
"""

from collections.abc import Mapping
from typing import Final, assert_never

from psycopg import sql

from stopward.local.gateway.question import (
    Cast,
    Column,
    Compare,
    Filter,
    Group,
    Is,
    Not,
    OneOf,
    Operator,
    Sort,
    Truth,
    ViewQuestion,
)

Values = tuple[str | int | None, ...]
Part = tuple[sql.Composable, Values]

OPERATORS: Final[Mapping[Operator, sql.SQL]] = {
    "eq": sql.SQL("{} = %s"),
    "neq": sql.SQL("{} <> %s"),
    "gt": sql.SQL("{} > %s"),
    "gte": sql.SQL("{} >= %s"),
    "lt": sql.SQL("{} < %s"),
    "lte": sql.SQL("{} <= %s"),
    "like": sql.SQL("{} like %s"),
    "ilike": sql.SQL("{} ilike %s"),
    "cs": sql.SQL("{} @> %s"),
    "cd": sql.SQL("{} <@ %s"),
}
TRUTHS: Final[Mapping[Truth, sql.SQL]] = {
    "null": sql.SQL("{} is null"),
    "not_null": sql.SQL("{} is not null"),
    "true": sql.SQL("{} is true"),
    "false": sql.SQL("{} is false"),
    "unknown": sql.SQL("{} is unknown"),
}
CASTS: Final[Mapping[Cast, sql.SQL]] = {
    "text": sql.SQL("cast({} as text)"),
    "integer": sql.SQL("cast({} as integer)"),
    "bigint": sql.SQL("cast({} as bigint)"),
    "numeric": sql.SQL("cast({} as numeric)"),
    "double precision": sql.SQL("cast({} as double precision)"),
    "boolean": sql.SQL("cast({} as boolean)"),
    "date": sql.SQL("cast({} as date)"),
    "timestamptz": sql.SQL("cast({} as timestamptz)"),
    "json": sql.SQL("cast({} as json)"),
    "jsonb": sql.SQL("cast({} as jsonb)"),
}
SOURCE: Final = sql.Identifier("source")
ROWS: Final = sql.SQL(
    "with wanted as (select {columns} from {view} as {source}{condition}{order} limit %s offset %s)"
    " select coalesce(json_agg(row_to_json(wanted)), '[]')::text as body, count(*) as rows"
    " from wanted"
)
TOTAL: Final = sql.SQL("select count(*) as total from {view} as {source}{condition} limit %s")


def rows_of(question: ViewQuestion, *, schema: str, limit: int) -> tuple[sql.Composed, Values]:
    """Return the statement that answers with one row: `body`, a JSON array, and `rows` of it."""
    condition, values = _condition(question.filters)
    statement = ROWS.format(
        columns=sql.SQL(", ").join(map(_column, question.columns)),
        view=quoted(schema, question.view),
        source=SOURCE,
        condition=condition,
        order=_order(question.sorts),
    )
    return statement, (*values, limit, question.offset)


def total_of(question: ViewQuestion, *, schema: str) -> tuple[sql.Composed, Values]:
    """Return the statement that answers with one row: `total`, of all pages together."""
    condition, values = _condition(question.filters)
    view = quoted(schema, question.view)
    return TOTAL.format(view=view, source=SOURCE, condition=condition), (*values, 1)


def quoted(*names: str) -> sql.Identifier:
    """Return names as one quoted identifier, for a statement that has parameters.

    psycopg takes a percent sign for the start of a parameter, inside of quotes too.
    """
    return sql.Identifier(*(name.replace("%", "%%") for name in names))


def _name(column: str) -> sql.Composed:
    return sql.SQL("{}.{}").format(SOURCE, quoted(column))


def _column(column: Column) -> sql.Composed:
    if column.name == "*":
        return sql.SQL("{}.*").format(SOURCE)
    name = _name(column.name)
    shown = name if column.cast is None else CASTS[column.cast].format(name)
    return sql.SQL("{} as {}").format(shown, quoted(column.alias or column.name))


def _order(sorts: tuple[Sort, ...]) -> sql.Composable:
    if not sorts:
        return sql.SQL("")
    return sql.SQL(" order by ") + sql.SQL(", ").join(map(_sort, sorts))


def _sort(sort: Sort) -> sql.Composed:
    direction = sql.SQL(" desc") if sort.descending else sql.SQL(" asc")
    nulls = {
        None: sql.SQL(""),
        True: sql.SQL(" nulls first"),
        False: sql.SQL(" nulls last"),
    }[sort.nulls_first]
    return _name(sort.column) + direction + nulls


def _condition(filters: tuple[Filter, ...]) -> Part:
    if not filters:
        return sql.SQL(""), ()
    condition, values = _filter(Group(all_of=True, members=filters))
    return sql.SQL(" where ") + condition, values


def _filter(asked: Filter) -> Part:
    match asked:
        case Compare():
            return OPERATORS[asked.operator].format(_name(asked.column)), (asked.value,)
        case OneOf(values=()):
            return sql.SQL("false"), ()
        case OneOf():
            marks = sql.SQL(", ").join(sql.Placeholder() for _ in asked.values)
            return sql.SQL("{} in ({})").format(_name(asked.column), marks), asked.values
        case Is():
            return TRUTHS[asked.truth].format(_name(asked.column)), ()
        case Not():
            member, values = _filter(asked.member)
            return sql.SQL("not ({})").format(member), values
        case Group():
            parts = [_filter(member) for member in asked.members]
            word = sql.SQL(" and ") if asked.all_of else sql.SQL(" or ")
            joined = word.join(part for part, _ in parts)
            return sql.SQL("({})").format(joined), tuple(v for _, values in parts for v in values)
        case _:
            assert_never(asked)
