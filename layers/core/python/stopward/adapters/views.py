"""Reading views of schema api, whoever carries the questions: the same rows on every adapter.

A row maps column names to Python values by the column's type: numeric is Decimal, double precision
float, timestamptz an aware datetime in UTC, date a date, uuid a UUID, jsonb and arrays what JSON
makes of them; null is None.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol, assert_never, get_args
from uuid import UUID

from stopward.domain.identity import AccountId
from stopward.errors import InvalidInput

MAX_ROWS = 1000
"""Most rows of one answer; `max_rows` in supabase/config.toml says the same to PostgREST."""
IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
UNHELD = re.compile("[\x00\ud800-\udfff]")
"""Characters that no text of Postgres has: NUL, and halves of a pair."""

Comparison = Literal["=", "<>", "<", "<=", ">", ">="]
COMPARISONS: tuple[str, ...] = get_args(Comparison)
Value = str | bool | int | float | Decimal | datetime | date | UUID | None
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Where:
    """One condition on a column; None is null, and may be asked for with `=` and `<>` only.

    Raises InvalidInput for a column that is no plain identifier, a comparison with null that is
    never true, a time without a zone, and a text that Postgres cannot hold.
    """

    column: str
    comparison: Comparison
    value: Value

    def __post_init__(self) -> None:
        checked_name(self.column, kind="column")
        if self.comparison not in COMPARISONS:
            raise InvalidInput(
                f"comparison was {self.comparison!r}, allowed is {', '.join(COMPARISONS)}"
            )
        if self.value is None and self.comparison not in ("=", "<>"):
            raise InvalidInput(f"{self.column} {self.comparison} null is never true")
        if isinstance(self.value, datetime) and self.value.tzinfo is None:
            raise InvalidInput(f"{self.column} {self.comparison} {self.value} has no zone")
        if isinstance(self.value, str) and UNHELD.search(self.value):
            raise InvalidInput(f"{self.column} {self.comparison} {self.value!r}: is no text")

    @property
    def text(self) -> str:
        """The value as Postgres reads it; the column's type decides what it means."""
        match self.value:
            case None:
                return "null"
            case bool():
                return "true" if self.value else "false"
            case Decimal():
                return format(self.value, "f")
            case datetime() | date():
                return self.value.isoformat()
            case str() | int() | float() | UUID():
                return str(self.value)
            case _:
                assert_never(self.value)


@dataclass(frozen=True, slots=True)
class Order:
    """A column to sort by; nulls come last, and first when descending, as Postgres has it."""

    column: str
    descending: bool = False

    def __post_init__(self) -> None:
        checked_name(self.column, kind="column")


OrderBy = str | Order | Sequence[Order] | None
"""What to sort by; a name alone sorts oldest or smallest first."""


class Views(Protocol):
    """Who can read views of schema api.

    Raises DatabaseUnavailable when no answer came, DatabaseRejected when it refused (rule 42P01: no
    such view, 42703: no such column), InvalidInput for what is no identifier.
    """

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
        """Return rows for which every condition is true; at most MAX_ROWS."""

    def count(
        self, view: str, *, account_id: AccountId | None = None, where: Sequence[Where] = ()
    ) -> int:
        """Return how many rows there are for which every condition is true."""


def all_rows(
    views: Views,
    view: str,
    *,
    order: OrderBy,
    account_id: AccountId | None = None,
    where: Sequence[Where] = (),
) -> Iterator[Row]:
    """Yield every row, asked for MAX_ROWS at a time; `order` must put each row in one place.

    Rows written meanwhile may be missed or doubled unless they sort behind all others.
    """
    offset = 0
    while True:
        page = views.select(view, account_id=account_id, where=where, order=order, offset=offset)
        yield from page
        if len(page) < MAX_ROWS:
            return
        offset += MAX_ROWS


def checked_name(name: str, *, kind: str) -> str:
    """Return a plain lower case identifier as it is. Raises InvalidInput for anything else."""
    if IDENTIFIER.fullmatch(name) is None:
        raise InvalidInput(
            f"{kind} was {name!r}, allowed is a plain identifier as in trade_journal"
        )
    return name


def checked_window(*, limit: int, offset: int) -> None:
    """Raise InvalidInput for a limit that one answer cannot hold, or an offset below zero."""
    if not 1 <= limit <= MAX_ROWS:
        raise InvalidInput(f"limit was {limit}, allowed is 1 to {MAX_ROWS}: page with all_rows")
    if offset < 0:
        raise InvalidInput(f"offset was {offset}, allowed is 0 and above")


def conditions(account_id: AccountId | None, where: Sequence[Where]) -> tuple[Where, ...]:
    """Return all conditions, that on the account first."""
    mine = () if account_id is None else (Where("account_id", "=", account_id),)
    return (*mine, *where)


def orders(order: OrderBy) -> tuple[Order, ...]:
    """Return what to sort by, in turn."""
    match order:
        case None:
            return ()
        case str():
            return (Order(order),)
        case Order():
            return (order,)
        case _:
            return tuple(order)
