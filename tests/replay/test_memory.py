"""What a replay adds to the memory of its bars: little a bar, and nothing for what nobody asks."""

import tracemalloc
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from stopward.domain.rulebook import parse
from stopward.replay.run import replay
from stopward.replay.table import BarTable, bar_table
from stopward.replay.terms import Conditions
from tests.builders.kernel_random import dice
from tests.builders.replay import a_table, some_positions

HEAD = '[account]\nadopt = "all"\n'
TRAIL = HEAD + '[rules.percent_trail]\narm = "0 %"\ndistance = "0.8 %"\n'
STANDARD = (
    HEAD + '[rules]\npreset = "standard"\n'
    "[limits.day_loss]\nenabled = false\n[limits.day_profit]\nenabled = false\n"
)


def longer(table: BarTable, times: int) -> BarTable:
    """Return the bars again and again, in later and later sessions."""
    apart = timedelta(days=30)
    sessions = [
        replace(
            each, opens_at=each.opens_at + number * apart, closes_at=each.closes_at + number * apart
        )
        for number in range(times)
        for each in table.sessions
    ]
    columns = {}
    for symbol, own in zip(table.symbols, table.series(), strict=True):
        bars = {name: getattr(table.bars, name)[own] for name in table.bars.__slots__}
        whole = {name: np.tile(column, times) for name, column in bars.items()}
        shifts = np.repeat(np.arange(times), own.stop - own.start)
        whole["at"] = whole["at"] + shifts * int(apart.total_seconds() * 1_000_000)
        columns[symbol] = type(table.bars)(**whole)
    return bar_table(columns, sessions=sessions)


@pytest.mark.parametrize(("rules", "most"), [(TRAIL, 40.0), (STANDARD, 110.0)])
def test_a_replay_adds_so_many_bytes_a_bar_at_most(rules: str, most: float) -> None:
    rng = dice(7)
    short = a_table(rng)
    positions = some_positions(rng, short, count=30)
    book = parse(rules, source="test")
    peaks, bars = [], []
    for times in (20, 80):
        table = longer(short, times)
        replay(positions, table, book, Conditions())
        tracemalloc.start()
        replay(positions, table, book, Conditions())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        bars.append(len(table))
    assert (peaks[1] - peaks[0]) / (bars[1] - bars[0]) < most
