"""Which export a file is, and its rows by column."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stopward.domain.history import Source
from stopward.errors import InvalidInput
from stopward.local.data.csv_reading import Fault, shown
from stopward.local.history import alpaca, ibkr, table, tradervue
from stopward.local.history.row import LeftOut, Question, Seen

IBKR_FRAMES: Final = frozenset({"BOF", "EOF", "BOA", "EOA", "BOS", "EOS"})
IBKR_LINES: Final = frozenset({"HEADER", "DATA"})
LONGEST_HEADER: Final = 8
"""Columns of an unknown header that are repeated."""

Row = Mapping[str, str]
Numbered = tuple[int, Row | LeftOut | Fault]


@dataclass(slots=True, kw_only=True)
class Kind:
    """How a file is read. place: what is counted in it. has_zone: its times say their offset.

    unread: columns that may mean something to the trader and are not read, as far as was read.
    """

    source: Source
    read: Callable[[Row, Question], Seen]
    rows: Iterator[Numbered]
    place: str = "row"
    has_zone: bool = False
    unread: list[str] = field(default_factory=list)


def kind_of(path: Path, *, said: Source | None) -> Kind:
    """Return how to read a file; `said`: what it is, None to tell it by its header.

    Raises InvalidInput for a file that is none of the three, or not what was said.
    """
    if table.is_json(path):
        if said not in (None, "alpaca"):
            raise InvalidInput(f"{path}: is JSON, and an export of {said} is CSV")
        rows: Iterator[Numbered] = table.items(path)
        return Kind(source="alpaca", read=alpaca.read, rows=rows, place="item", has_zone=True)
    head = _head(path)
    source = said or _source_of(head)
    match source:
        case "alpaca":
            _require(path, head, alpaca.NEEDED, "Alpaca")
            rows = _by_header(path)
            return Kind(source="alpaca", read=alpaca.read, rows=rows, has_zone=True)
        case "ibkr":
            return Kind(source="ibkr", read=ibkr.read, rows=_ibkr_rows(path))
        case "tradervue":
            return _tradervue(path, head)
        case None:
            seen = ", ".join(shown(cell) for cell in head[:LONGEST_HEADER])
            raise InvalidInput(
                f"{path}: row 1: was {seen}; no header of Tradervue (Date,Time,Symbol,Quantity,"
                f"Price,Side), Alpaca ({','.join(alpaca.NEEDED)}) or IBKR "
                f"({','.join(ibkr.NEEDED)}); say --format if it is one"
            )


def _head(path: Path) -> list[str]:
    return next((cells for _, cells in table.records(path)), [])


def _source_of(head: Sequence[str]) -> Source | None:
    names = frozenset(head)
    if "transaction_time" in names:
        return "alpaca"
    if names & ibkr.TELLING or frozenset(head[:2]) & (IBKR_FRAMES | IBKR_LINES):
        return "ibkr"
    known = {tradervue.name_of(cell) for cell in head}
    if {"Symbol", "Quantity", "Price"} <= known or tradervue.is_headerless(head):
        return "tradervue"
    return None


def _tradervue(path: Path, head: Sequence[str]) -> Kind:
    if tradervue.is_headerless(head):
        names: list[str | None] = list(tradervue.COLUMNS[: len(head)])
        unread: list[str] = []
    else:
        names = [tradervue.name_of(cell) for cell in head]
        unread = [cell for cell, name in zip(head, names, strict=True) if name is None and cell]
        _require(path, [name or "" for name in names], tradervue.NEEDED, "Tradervue")
    skip = 0 if tradervue.is_headerless(head) else 1
    return Kind(
        source="tradervue", read=tradervue.read, rows=_rows(path, names, skip=skip), unread=unread
    )


def _require(path: Path, head: Sequence[str], needed: Sequence[str], whose: str) -> None:
    missing = [name for name in needed if name not in head]
    twice = sorted({name for name in head if name and head.count(name) > 1})
    if missing or twice:
        what = f"missing {', '.join(missing)}" if missing else f"{', '.join(twice)} twice"
        raise InvalidInput(f"{path}: row 1: {what}; {whose} needs {','.join(needed)}")


def _by_header(path: Path) -> Iterator[Numbered]:
    yield from _rows(path, _head(path), skip=1)


def _rows(path: Path, names: Sequence[str | None], *, skip: int) -> Iterator[Numbered]:
    for place, (number, cells) in enumerate(table.records(path)):
        if place >= skip:
            yield number, _named(names, cells)


def _named(names: Sequence[str | None], cells: Sequence[str]) -> Row | Fault:
    if len(cells) != len(names):
        return Fault(
            "(row)", ",".join(cells), f"a row has {len(names)} values; it has {len(cells)}"
        )
    return {name: cell for name, cell in zip(names, cells, strict=True) if name}


def _ibkr_rows(path: Path) -> Iterator[Numbered]:
    # With and without header and trailer records, section codes, and headers in the middle.
    names: Sequence[str] | None = None
    for number, cells in table.records(path):
        start = frozenset(cells[:2])
        if start & IBKR_FRAMES:
            names = None if start & {"BOS", "EOS"} else names
            continue
        data = cells[2:] if start & IBKR_LINES else cells
        if "HEADER" in start or ("DATA" not in start and "Symbol" in data and _is_header(data)):
            names = data
        elif names is None:
            yield (
                number,
                Fault("(row)", ",".join(cells), "include column headers in the Flex Query"),
            )
        elif missing := [name for name in ibkr.NEEDED if name not in names]:
            if "TradePrice" in names:
                yield number, Fault(missing[0], "", f"the Flex Query lacks it; {ibkr.ASKED}")
            else:
                yield number, LeftOut(why="another section of the statement")
        else:
            yield number, _named(names, data)


def _is_header(cells: Sequence[str]) -> bool:
    return bool(frozenset(cells) & (ibkr.TELLING | {"CurrencyPrimary"}))
