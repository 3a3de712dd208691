"""Machine code for an image, made while it is built: positions walked for what they compile.

One is held overnight, one is of the day, and a limit of the day is reached: each has code of its
own.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np

from stopward.domain.identity import PositionId, Symbol
from stopward.domain.market import Session
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import parse
from stopward.replay.compiled import compile_always, keep_in
from stopward.replay.machine.native import GENERIC
from stopward.replay.run import replay
from stopward.replay.table import BarTable, Columns, bar_table, microseconds
from stopward.replay.terms import Conditions

STANDARD: Final = '[account]\nadopt = "all"\n\n[rules]\npreset = "standard"\n'
SYMBOL: Final = Symbol("ANY")
OPENS: Final = tuple(datetime(2024, 1, day, 14, 30, tzinfo=UTC) for day in (3, 4))
CLOSES_AFTER: Final = timedelta(minutes=390)
CALM: Final = (2, 5)
"""Minutes of bars at one price on each day; none come after them on the first."""
FALL: Final = 5
"""Minutes of bars at half of it on the second, far beyond any stop and any limit of the day."""


def compile_into(folder: Path, rules: Sequence[str] = (STANDARD,)) -> None:
    """Keep the machine code that these rules need in a folder, for processes to come.

    It runs on any processor of this family. rules: rules files as text. Raises InvalidInput for one
    that cannot be used.
    """
    keep_in(folder, processor=GENERIC)
    compile_always()
    for number, text in enumerate(rules, start=1):
        book = parse(text, source=f"rules {number}")
        replay([_a_position(at) for at in OPENS], _a_table(), book, Conditions())


def _a_table() -> BarTable:
    first, second = (
        [day + timedelta(minutes=minute) for minute in range(minutes)]
        for day, minutes in zip(OPENS, (CALM[0], CALM[1] + FALL), strict=True)
    )
    at = np.array([microseconds(each) for each in (*first, *second)], np.int64)
    price = np.full(len(at), 100.0)
    price[-FALL:] = 50.0
    columns = Columns(
        at=at, open=price, high=price + 0.1, low=price - 0.1, close=price,
        volume=np.full(len(at), 1000.0), spread=np.full(len(at), np.nan),
    )  # fmt: skip
    sessions = [
        Session(
            exchange="XNYS",
            day=opens_at.date().isoformat(),
            opens_at=opens_at,
            closes_at=opens_at + CLOSES_AFTER,
        )
        for opens_at in OPENS
    ]
    return bar_table({SYMBOL: columns}, sessions=sessions)


def _a_position(at: datetime) -> PositionRow:
    return PositionRow(
        id=PositionId(at.date().isoformat()),
        symbol=SYMBOL,
        side="long",
        quantity=Decimal(100),
        entry_at=at,
        entry_price=Decimal(100),
        initial_stop=Decimal(99),
    )


if __name__ == "__main__":
    files = [Path(name).read_text(encoding="utf-8") for name in sys.argv[2:]]
    compile_into(Path(sys.argv[1]), files or (STANDARD,))
