"""An export read whole: its executions, what was left out and why, and every problem with its row.

Executions are held in memory until they are stored (about a kilobyte each): the order of rows does
not matter, and nothing is written before all were read. Nothing else grows with the file.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from stopward.domain.history import Execution, ExecutionId, Source, derived_id
from stopward.errors import InvalidInput
from stopward.local.data.csv_reading import MOST, Fault, Faults, check_no_pipe
from stopward.local.history.kinds import Kind, Row, kind_of
from stopward.local.history.row import Found, LeftOut, Question

LONGEST_ID: Final = 200
"""Characters; no broker writes half as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFile:
    """What a file says. left_out: how many rows for each reason. repeated: rows that were there.

    refused: bad rows that were skipped, the first MOST in words; refused_count: all of them.
    unread: columns that are not read. has_fees: whether any row tells its fees.
    """

    path: Path
    source: Source
    executions: tuple[Execution, ...]
    left_out: Mapping[str, int]
    repeated: int
    refused: tuple[str, ...]
    refused_count: int
    unread: tuple[str, ...]
    has_fees: bool


def read_history(
    path: Path,
    *,
    now: datetime,
    source: Source | None = None,
    zone: ZoneInfo | None = None,
    broker_account: str | None = None,
    skip_bad_rows: bool = False,
) -> HistoryFile:
    """Return what an export says.

    source: None to tell it by the header. zone: of times that have no offset. broker_account: the
    one whose rows count. skip_bad_rows: a row that cannot be used is told and left out.

    Raises InvalidInput with up to 20 problems (row, column, what was read, remedy), and for a file
    that is none of the three kinds, lacks a zone, is of several accounts or has no execution.
    """
    check_no_pipe(path)
    kind = kind_of(path, said=source)
    if zone is None and not kind.has_zone:
        raise InvalidInput(
            f"{path}: times of {kind.source} have no time zone; say which it is, as in "
            "--timezone America/New_York"
        )
    question = Question(zone=zone, now=now, broker_account=broker_account)
    gathered = _Gathered(path, kind, skip_bad_rows=skip_bad_rows)
    gathered.take_all(question)
    return gathered.file()


class _Gathered:
    def __init__(self, path: Path, kind: Kind, *, skip_bad_rows: bool) -> None:
        self._path = path
        self._kind = kind
        self._skips = skip_bad_rows
        self._faults = Faults(path, place=kind.place)
        self._refused = 0
        self._left_out: Counter[str] = Counter()
        self._repeated = 0
        self._known: dict[str, tuple[int, Found]] = {}
        self._nameless: dict[tuple[str, str], list[Found]] = {}

    def take_all(self, question: Question) -> None:
        for number, row in self._kind.rows:
            try:
                self._take(number, row, question)
            except Fault as fault:
                self._refuse(number, fault)
                if self._faults.are_many and not self._skips:
                    break
        if not self._skips:
            self._faults.raise_if_any()

    def file(self) -> HistoryFile:
        found = [found for _, found in self._known.values()]
        self._check_accounts([*found, *(each for many in self._nameless.values() for each in many)])
        executions = [self._execution(each, ExecutionId(str(each.id))) for each in found]
        for (account, content), many in self._nameless.items():
            # Rows that say the same but for their fees: in an order that no file decides.
            many.sort(key=lambda each: (each.fees or Decimal(0), each.initial_stop or Decimal(0)))
            executions += [
                self._execution(
                    each,
                    derived_id(
                        source=self._kind.source, account=account, content=content, ordinal=ordinal
                    ),
                )
                for ordinal, each in enumerate(many)
            ]
        if not executions:
            raise InvalidInput(f"{self._path}: nothing to import{self._reasons()}")
        return HistoryFile(
            path=self._path,
            source=self._kind.source,
            executions=tuple(executions),
            left_out=dict(self._left_out.most_common()),
            repeated=self._repeated,
            refused=self._faults.told,
            refused_count=self._refused,
            unread=tuple(self._kind.unread),
            has_fees=any(each.fees for each in executions),
        )

    def _take(self, number: int, row: Row | LeftOut | Fault, question: Question) -> None:
        if isinstance(row, Fault):
            raise row
        seen = row if isinstance(row, LeftOut) else self._kind.read(row, question)
        if isinstance(seen, LeftOut):
            self._left_out[seen.why] += 1
        elif seen.id is None:
            self._nameless.setdefault((seen.account, seen.content), []).append(seen)
        else:
            self._note(number, seen, seen.id)

    def _note(self, number: int, seen: Found, id_: str) -> None:
        if len(id_) > LONGEST_ID or not id_.isprintable():
            raise Fault("id", id_, f"an id has up to {LONGEST_ID} printable characters")
        first, known = self._known.setdefault(id_, (number, seen))
        if known != seen:
            where = f"{self._kind.place} {first}"
            raise Fault("id", id_, f"{where} has the same id and says something else")
        if first != number:
            self._repeated += 1

    def _refuse(self, number: int, fault: Fault) -> None:
        self._refused += 1
        if self._refused <= MOST:
            self._faults.add(number, fault)

    def _check_accounts(self, found: Sequence[Found]) -> None:
        accounts = sorted({each.account for each in found})
        if len(accounts) > 1:
            raise InvalidInput(
                f"{self._path}: holds {len(accounts)} accounts of the broker: "
                f"{', '.join(accounts)}; say --broker-account, and import each into its own account"
            )

    def _reasons(self) -> str:
        told = [f"{count} left out: {why}" for why, count in self._left_out.most_common()]
        told += [f"{self._refused} bad"] if self._refused else []
        return f" ({'; '.join(told)})" if told else ": it has a header and no rows"

    def _execution(self, found: Found, id_: ExecutionId) -> Execution:
        return Execution(
            id=id_,
            symbol=found.symbol,
            side=found.side,
            quantity=found.quantity,
            price=found.price,
            at=found.at,
            fees=found.fees or Decimal(0),
            source=self._kind.source,
            effect=found.effect,
            initial_stop=found.initial_stop,
        )
