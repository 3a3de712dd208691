"""What a request asks, as values: a closed tree, in which input is only ever a name or a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Operator = Literal["eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "cs", "cd"]
Truth = Literal["null", "not_null", "true", "false", "unknown"]
Cast = Literal[
    "text", "integer", "bigint", "numeric", "double precision", "boolean", "date", "timestamptz",
    "json", "jsonb",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """A column against a value; the column's type says what the text means."""

    column: str
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """A column against a list of values."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Is:
    """A column against null or a truth value."""

    column: str
    truth: Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """What is false when its member is true."""

    member: "Filter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Several filters, all or any of which are true."""

    all_of: bool
    members: tuple["Filter", ...]


Filter = Compare | OneOf | Is | Not | Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the answer; `*` is all of them. alias, cast: None when not asked for."""

    name: str
    alias: str | None = None
    cast: Cast | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """A column to sort by. nulls_first: None is Postgres' own choice."""

    column: str
    descending: bool = False
    nulls_first: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewQuestion:
    """Rows of a view. limit: at most so many; None is as many as may be."""

    view: str
    columns: tuple[Column, ...] = (Column(name="*"),)
    filters: tuple[Filter, ...] = ()
    sorts: tuple[Sort, ...] = ()
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCall:
    """A call by named arguments. body: JSON of all of them; arguments: of a GET, their text."""

    function: str
    names: frozenset[str]
    body: str | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
