"""Requests read into questions: the path, the query string, the body and the headers."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote

from stopward.local.gateway.filters import read_filter, read_name
from stopward.local.gateway.question import Cast, Column, FunctionCall, Sort, ViewQuestion
from stopward.local.gateway.refused import Refused, not_offered, unreadable

ROOT: Final = "/rest/v1"
PATH = re.compile(rf"{ROOT}/(?:(?P<rpc>rpc)/)?(?P<name>[^/]+)")
MOST_PARAMETERS = 200
BAD_REQUEST, NOT_FOUND, UNSATISFIABLE = 400, 404, 416
NUMBER = re.compile(r"-?\d{1,18}")
RANGE = re.compile(r"(\d{1,18})-(\d{1,18})?")
CASTS: Final[Mapping[str, Cast]] = {
    "text": "text", "int": "integer", "int4": "integer", "integer": "integer", "int8": "bigint",
    "bigint": "bigint", "numeric": "numeric", "float8": "double precision",
    "double precision": "double precision", "bool": "boolean", "boolean": "boolean",
    "date": "date", "timestamptz": "timestamptz", "json": "json", "jsonb": "jsonb",
}  # fmt: skip
ITEM = re.compile(
    r'(?:(?P<alias>"[^"]*"|[^":,]+):(?!:))?(?P<column>"[^"]*"|[^":,]+)(?:::(?P<cast>[^":,]+))?'
)
"""One part of `select`: alias:column::cast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came; header names are lower case, target is path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a request goes: a view, a function, or (both None) the description of all."""

    view: str | None = None
    function: str | None = None


def place_of(target: str) -> Place:
    """Return what a path names. Raises Refused (404)."""
    path = target.partition("?")[0]
    if path in (ROOT, f"{ROOT}/"):
        return Place()
    found = PATH.fullmatch(path)
    if found is None:
        raise Refused(NOT_FOUND, "PGRST125", "Invalid path specified in request URL")
    name = _decoded(found["name"])
    if "/" in name or len(name.encode()) > 63:
        raise Refused(NOT_FOUND, "PGRST125", "Invalid path specified in request URL")
    return Place(function=name) if found["rpc"] else Place(view=name)


def parameters_of(target: str) -> list[tuple[str, str]]:
    """Return the query string's parameters in their order. Raises Refused."""
    query = target.partition("?")[2]
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError as error:
        raise Refused(BAD_REQUEST, "PGRST100", f"query string: {error}") from error
    for key, value in pairs:
        _refuse_nul(key)
        _refuse_nul(value)
    return pairs


def read_view_question(
    view: str, parameters: list[tuple[str, str]], *, range_header: str | None
) -> ViewQuestion:
    """Return what is asked of a view. Raises Refused for what is not offered, or cannot be read."""
    columns: tuple[Column, ...] = (Column(name="*"),)
    sorts: tuple[Sort, ...] = ()
    limit: int | None = None
    offset = 0
    filters = []
    for key, value in parameters:
        match key:
            case "select":
                columns = _columns(value)
            case "order":
                sorts = tuple(_sort(part) for part in value.split(",")) if value else ()
            case "limit":
                limit = _number("limit", value)
            case "offset":
                offset = _number("offset", value)
            case "columns" | "on_conflict":
                raise not_offered(f"{key}: nobody writes a view")
            case _:
                filters.append(read_filter(key, value))
    if range_header is not None:
        limit, offset = _with_range(range_header, limit=limit, offset=offset)
    return ViewQuestion(
        view=view,
        columns=columns,
        filters=tuple(filters),
        sorts=sorts,
        limit=limit,
        offset=offset,
    )


def read_call(function: str, parameters: list[tuple[str, str]], body: bytes | None) -> FunctionCall:
    """Return a call: of a POST by its body, of a GET (body None) by its parameters.

    Raises Refused for a body that is no JSON object, and for filters on what a function answers.
    """
    if body is None:
        arguments = dict(parameters)
        return FunctionCall(function=function, names=frozenset(arguments), arguments=arguments)
    if parameters:
        raise not_offered("filters on what a function answers")
    try:
        text = body.decode() or "{}"
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(BAD_REQUEST, "PGRST102", "Empty or invalid json") from error
    if not isinstance(found, dict):
        raise Refused(BAD_REQUEST, "PGRST102", "All object keys must match: expected one object")
    _refuse_nul(text)
    return FunctionCall(function=function, names=frozenset(found), body=text)


def _columns(text: str) -> tuple[Column, ...]:
    if not text:
        return (Column(name="*"),)
    if "(" in text or "->" in text or text.startswith("..."):
        raise not_offered(f"select={text} (embedding, aggregates, paths into JSON)")
    found, at = [], 0
    while True:
        item = ITEM.match(text, at)
        if item is None:
            raise unreadable("select", text)
        found.append(_column(item, text))
        at = item.end()
        if at == len(text):
            return tuple(found)
        if text[at] != ",":
            raise unreadable("select", text)
        at += 1


def _column(item: re.Match[str], text: str) -> Column:
    name = item["column"].strip()
    if name == "*":
        if item["alias"] or item["cast"]:
            raise unreadable("select", text)
        return Column(name="*")
    cast_to: Cast | None = None
    if item["cast"] is not None:
        cast_to = CASTS.get(item["cast"].strip())
        if cast_to is None:
            raise not_offered(f"cast to {item['cast']!r}; there are {', '.join(CASTS)}")
    return Column(
        name=read_name(name),
        alias=None if item["alias"] is None else read_name(item["alias"].strip()),
        cast=cast_to,
    )


def _sort(text: str) -> Sort:
    column, *words = text.split(".")
    descending = nulls_first = None
    for word in words:
        if word in ("asc", "desc") and descending is None and nulls_first is None:
            descending = word == "desc"
        elif word in ("nullsfirst", "nullslast") and nulls_first is None:
            nulls_first = word == "nullsfirst"
        else:
            raise unreadable("order", text)
    return Sort(column=read_name(column), descending=bool(descending), nulls_first=nulls_first)


def _number(what: str, text: str) -> int:
    if NUMBER.fullmatch(text) is None:
        raise unreadable(what, text)
    if (number := int(text)) < 0:
        raise Refused(
            UNSATISFIABLE,
            "PGRST103",
            "Requested range not satisfiable",
            details=f"{what.capitalize()} should be greater than or equal to zero.",
        )
    return number


def _with_range(header: str, *, limit: int | None, offset: int) -> tuple[int | None, int]:
    found = RANGE.fullmatch(header.strip().removeprefix("items="))
    if found is None:
        raise unreadable("Range", header)
    first, last = int(found[1]), None if found[2] is None else int(found[2])
    if last is not None and last < first:
        raise Refused(
            UNSATISFIABLE,
            "PGRST103",
            "Requested range not satisfiable",
            details="The lower boundary must be lower than or equal to the upper boundary.",
        )
    # Both were asked for: what is in either range alone is not wanted.
    start = max(offset, first)
    ends = [] if limit is None else [offset + limit]
    if last is not None:
        ends.append(last + 1)
    return (max(0, min(ends) - start) if ends else None), start


def _decoded(text: str) -> str:
    try:
        found = unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise Refused(NOT_FOUND, "PGRST125", "Invalid path specified in request URL") from error
    _refuse_nul(found)
    return found


def _refuse_nul(text: str) -> None:
    if "\x00" in text:
        raise Refused(BAD_REQUEST, "22021", 'invalid byte sequence for encoding "UTF8": 0x00')
