"""How far policy `freqtrade` is off, measured where the right answer is known.

`python -m benchmarks.bench_freqtrade_gap` prints a table and writes
benchmarks/results/freqtrade_gap.json, which docs/replay-freqtrade.md shows. Prices take one tick up
or down at every step, so no order is ever jumped over, and whatever leaves on what was known earns
0R on average. The same positions are replayed under both policies over bars of several lengths.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stopward.domain.freqtrade import parse_freqtrade
from stopward.domain.identity import PositionId, Symbol
from stopward.domain.market import Session
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import parse
from stopward.replay.freqtrade import NO_SLIPPAGE, replay_freqtrade
from stopward.replay.run import replay
from stopward.replay.table import BarTable, Columns, bar_table, microseconds
from stopward.replay.terms import Conditions

RESULTS: Final = Path(__file__).parent / "results" / "freqtrade_gap.json"
SESSIONS: Final = 1_000
MINUTES: Final = 390
STEPS: Final = 100
"""Of one cent, in a minute: 2 % a day."""
LENGTHS: Final = (1, 5, 30)
ENTERED: Final = (0, 90, 180)
"""Minutes after the open, a long and a short each."""
OPENS: Final = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
SESSION: Final = Session(
    exchange="XNYS",
    day="2026-11-02",
    opens_at=OPENS,
    closes_at=OPENS + timedelta(minutes=MINUTES),
)


class Setting(NamedTuple):
    """One way to leave, as each policy spells it."""

    name: str
    there: str
    here: str


def a_trail(distance: float, offset: float) -> Setting:
    """Return a trail at a distance once an offset is reached, both in percent."""
    return Setting(
        f"trail {distance:g} % past {offset:g} %",
        "trailing_stop = true\ntrailing_only_offset_is_reached = true\n"
        f"trailing_stop_positive = {distance / 100:g}\n"
        f"trailing_stop_positive_offset = {offset / 100:g}\n",
        f'[rules.percent_trail]\narm_2 = "off"\narm = "{offset} %"\ndistance = "{distance} %"\n',
    )


SETTINGS: Final = (
    Setting(
        "profit 1 %, no trail",
        "minimal_roi = { 0 = 0.01 }\n",
        '[rules.target]\ndistance = "1 %"\nresting = true\n',
    ),
    a_trail(0.1, 1.0),
    a_trail(0.4, 0.5),
    Setting(
        "trail 1 % from the entry on",
        "trailing_stop = true\n",
        '[rules.percent_trail]\narm_2 = "off"\narm = "0 %"\ndistance = "1 %"\n',
    ),
)

Cents = NDArray[np.int64]


def a_path(generator: np.random.Generator) -> Cents:
    """Return one session's prices in cents, from 100 dollars on."""
    moves = generator.integers(0, 2, MINUTES * STEPS) * 2 - 1
    return 10_000 + np.concatenate([[0], np.cumsum(moves)])


def bars_of(path: Cents, minutes: int) -> Columns:
    """Return a path as bars of so many minutes; each begins where the one before ended."""
    width = minutes * STEPS
    firsts = np.arange(0, len(path) - 1, width)
    inside = path[firsts[:, np.newaxis] + np.arange(width + 1)] / 100.0
    count = len(firsts)
    step = timedelta(minutes=minutes) // timedelta(microseconds=1)
    return Columns(
        at=microseconds(OPENS) + step * np.arange(count, dtype=np.int64),
        open=inside[:, 0],
        high=inside.max(axis=1),
        low=inside.min(axis=1),
        close=inside[:, -1],
        volume=np.full(count, 1000.0),
        spread=np.full(count, np.nan),
    )


def positions_in(symbol: Symbol, path: Cents) -> list[PositionRow]:
    """Return a long and a short from each of ENTERED, 1 % from their stops."""
    rows = []
    for minute in ENTERED:
        entry = Decimal(int(path[minute * STEPS])) / 100
        risk = (entry / 100).quantize(Decimal("0.01"))
        rows += [
            PositionRow(
                id=PositionId(f"{symbol}-{minute}-{side}"),
                symbol=symbol,
                side=side,
                quantity=Decimal(100),
                entry_at=OPENS + timedelta(minutes=minute),
                entry_price=entry,
                initial_stop=entry - risk if side == "long" else entry + risk,
            )
            for side in ("long", "short")
        ]
    return rows


def compared(setting: Setting, positions: list[PositionRow], table: BarTable) -> dict[str, float]:
    """Return the mean result of each policy in R, and of the paired difference its error."""
    strategy = parse_freqtrade(f"stoploss = -0.01\n{setting.there}", source="there")
    there = replay_freqtrade(positions, table, strategy.rules).gross_r
    free = Conditions(slippage=NO_SLIPPAGE)
    here = replay(positions, table, parse(setting.here, source="here"), free).gross_r
    # Positions of one session share its path, so sessions are what is independent.
    by_session = (there - here).reshape(-1, 2 * len(ENTERED)).mean(axis=1)
    return {
        "there": float(there.mean()),
        "here": float(here.mean()),
        "difference": float(by_session.mean()),
        "error": float(by_session.std(ddof=1) / np.sqrt(len(by_session))),
    }


def main() -> None:
    """Measure, print the table and write the JSON."""
    generator = np.random.default_rng(2026)
    symbols = [Symbol(f"S{number:05}") for number in range(SESSIONS)]
    paths = {symbol: a_path(generator) for symbol in symbols}
    positions = [row for symbol in symbols for row in positions_in(symbol, paths[symbol])]
    tables = {
        minutes: bar_table(
            {symbol: bars_of(path, minutes) for symbol, path in paths.items()},
            sessions=(SESSION,),
        )
        for minutes in LENGTHS
    }
    rows = []
    for setting in SETTINGS:
        for minutes, table in tables.items():
            row = compared(setting, positions, table)
            figures = {name: round(row[name], 3) + 0.0 for name in row}
            rows.append({"setting": setting.name, "minutes": minutes, **figures})
            sys.stdout.write(
                f"{setting.name:28} {minutes:>2} min: freqtrade {row['there']:+.3f}R, "
                f"conservative {row['here']:+.3f}R, "
                f"difference {row['difference']:+.3f}R (standard error {row['error']:.3f})\n"
            )
    found = {"positions": len(positions), "sessions": SESSIONS, "rows": rows}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
