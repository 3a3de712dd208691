"""Machine code for an image, made while it is built: a position walked for what it compiles."""

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
from stopward.replay.compiled import keep_in
from stopward.replay.run import replay
from stopward.replay.table import BarTable, Columns, bar_table, microseconds
from stopward.replay.terms import Conditions

STANDARD: Final = '[account]\nadopt = "all"\n\n[rules]\npreset = "standard"\n'
OPENS: Final = datetime(2024, 1, 3, 14, 30, tzinfo=UTC)
MINUTES: Final = 30
SYMBOL: Final = Symbol("ANY")


def compile_into(folder: Path, rules: Sequence[str] = (STANDARD,)) -> None:
    """Keep the machine code that these rules need in a folder, for processes to come.

    rules: rules files as text. Raises InvalidInput for one that cannot be used.
    """
    keep_in(folder)
    for number, text in enumerate(rules, start=1):
        book = parse(text, source=f"rules {number}")
        replay([_a_position()], _a_table(), book, Conditions())


def _a_table() -> BarTable:
    at = [OPENS + timedelta(minutes=minute) for minute in range(MINUTES)]
    price = np.full(MINUTES, 100.0)
    columns = Columns(
        at=np.array([microseconds(each) for each in at], np.int64),
        open=price, high=price + 0.1, low=price - 0.1, close=price,
        volume=np.full(MINUTES, 1000.0), spread=np.full(MINUTES, np.nan),
    )  # fmt: skip
    closes = OPENS + timedelta(minutes=390)
    session = Session(exchange="XNYS", day="2024-01-03", opens_at=OPENS, closes_at=closes)
    return bar_table({SYMBOL: columns}, sessions=(session,))


def _a_position() -> PositionRow:
    return PositionRow(
        id=PositionId("any"),
        symbol=SYMBOL,
        side="long",
        quantity=Decimal(100),
        entry_at=OPENS,
        entry_price=Decimal(100),
        initial_stop=Decimal(99),
    )


if __name__ == "__main__":
    files = [Path(name).read_text(encoding="utf-8") for name in sys.argv[2:]]
    compile_into(Path(sys.argv[1]), files or (STANDARD,))
