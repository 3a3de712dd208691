"""PostgREST's filter grammar, read into the tree of `question`.

Source: PostgREST, "Tables and Views" (operators, logical operators) and "URL Grammar" (quoting).
"""

import re
from typing import Final, cast, get_args

from stopward.local.gateway.question import Compare, Filter, Group, Is, Not, OneOf, Operator, Truth
from stopward.local.gateway.refused import not_offered, unreadable

NAME = re.compile(r'(?:"(?P<quoted>[\w $-]+)"|(?P<plain>[\w$]+))')
"""A column; quotes may hold blanks and dashes too."""
LONGEST_NAME_BYTES = 63
"""Postgres would cut a longer one, and mean another column."""
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
ARRAY = re.compile(r"\{[^{}]*\}")
BARE = re.compile(r"[^,()]*")
OPERATORS: Final = frozenset(get_args(Operator))
TRUTHS: Final = frozenset(get_args(Truth))
ELSEWHERE: Final = frozenset(
    {
        "match", "imatch", "isdistinct", "fts", "plfts", "phfts", "wfts", "ov", "sl", "sr", "nxr",
        "nxl", "adj",
    }
)  # fmt: skip
"""Operators that PostgREST has and the gateway has not."""
DEEPEST = 8
"""Groups within groups."""


def read_name(text: str) -> str:
    """Return a column's name. Raises Refused."""
    found = NAME.fullmatch(text)
    if found is None:
        if "->" in text or "." in text or "(" in text:
            raise not_offered(f"{text!r} (paths into JSON, embedding, aggregates)")
        raise unreadable("column", text)
    name = found["quoted"] or found["plain"]
    if len(name.encode()) > LONGEST_NAME_BYTES:
        raise unreadable("column", text)
    return name


def read_filter(key: str, text: str) -> Filter:
    """Return what one parameter of the query string asks: `key=text`. Raises Refused."""
    match key:
        case "and" | "or" | "not.and" | "not.or":
            rest = _Reader(text, what=key)
            group = rest.group(key, depth=1)
            rest.end()
            return group
        case _:
            return _condition(read_name(key), text)


def _condition(column: str, text: str) -> Filter:
    # Of a parameter of its own: whatever follows the operator is the value, quotes and all.
    negated, operator, value = _operator(text)
    if operator == "in":
        rest = _Reader(value, what=column)
        found: Filter = OneOf(column=column, values=rest.values())
        rest.end()
    else:
        found = _leaf(column, operator, value)
    return Not(member=found) if negated else found


def _operator(text: str) -> tuple[bool, str, str]:
    negated = text.startswith("not.")
    operator, dot, value = text.removeprefix("not.").partition(".")
    plain = operator.partition("(")[0]
    if plain in ELSEWHERE or (plain != operator and plain in OPERATORS):
        raise not_offered(f"operator {operator!r}")
    if not dot or not (operator in OPERATORS or operator in ("in", "is")):
        raise unreadable("filter", text)
    return negated, operator, value


def _leaf(column: str, operator: str, value: str) -> Filter:
    if operator == "is":
        truth = value.lower()
        if truth not in TRUTHS:
            raise unreadable("filter", f"is.{value}")
        return Is(column=column, truth=cast("Truth", truth))
    if operator in ("like", "ilike"):
        value = value.replace("*", "%")
    return Compare(column=column, operator=cast("Operator", operator), value=value)


class _Reader:
    # Reads a logical group or a list from left to right.

    def __init__(self, text: str, *, what: str) -> None:
        self._text, self._at, self._what = text, 0, what

    def group(self, key: str, *, depth: int) -> Filter:
        if depth > DEEPEST:
            raise unreadable(self._what, self._text)
        self._take("(")
        members = [self._member(depth)]
        while self._has(","):
            members.append(self._member(depth))
        self._take(")")
        group = Group(all_of=key.endswith("and"), members=tuple(members))
        return Not(member=group) if key.startswith("not.") else group

    def values(self) -> tuple[str, ...]:
        self._take("(")
        if self._has(")"):
            return ()
        found = [self._value()]
        while self._has(","):
            found.append(self._value())
        self._take(")")
        return tuple(found)

    def end(self) -> None:
        if self._at != len(self._text):
            raise self._trouble()

    def _member(self, depth: int) -> Filter:
        for key in ("not.and", "not.or", "and", "or"):
            if self._text.startswith(f"{key}(", self._at):
                self._at += len(key)
                return self.group(key, depth=depth + 1)
        name = NAME.match(self._text, self._at)
        if name is None:
            raise self._trouble()
        self._at = name.end()
        self._take(".")
        start = self._at
        negated, operator, _ = _operator(self._text[start:])
        self._at = start + len("not." if negated else "") + len(operator) + 1
        column = read_name(name[0])
        found: Filter
        if operator == "in":
            found = OneOf(column=column, values=self.values())
        else:
            found = _leaf(column, operator, self._value())
        return Not(member=found) if negated else found

    def _value(self) -> str:
        for form in (QUOTED, ARRAY, BARE):
            found = form.match(self._text, self._at)
            if found is not None:
                self._at = found.end()
                if form is QUOTED:
                    return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)
                return found[0]
        raise self._trouble()  # pragma: no cover (a bare value may be empty)

    def _has(self, sign: str) -> bool:
        if self._text.startswith(sign, self._at):
            self._at += len(sign)
            return True
        return False

    def _take(self, sign: str) -> None:
        if not self._has(sign):
            raise self._trouble()

    def _trouble(self) -> Exception:
        return unreadable(f"{self._what} at {self._at}", self._text)
