"""How often a model is published that should not be, and one that should.

`python -m benchmarks.bench_honesty --journals 200`: so many simulated journals for each row, judged
by all gates but parity, with the Wilson interval of the share published. An oracle AUC of 0.5 is a
journal without an edge; "days together" is one whose trades of a day win and lose together, which
tempts a test that counts trades. Open positions are looked at when they are of a drawn age, while
their price walks between stop and target: at random, or with a drift that some features tell.
`make bench` runs few; `--kind` measures one kind, and keeps the rows of the other.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stopward.domain.features.row import Kind
from stopward.domain.share import wilson

if TYPE_CHECKING:
    from stopward.training.dataset import Dataset

RESULTS = Path(__file__).parent / "results" / "honesty.json"
SIZES = (200, 500, 2_000)
JOURNALS = 10
COVERED = 0.95


class Edge(NamedTuple):
    """What a journal is made of: the oracle's AUC, and the correlation within a day.

    drift: of open positions, in steps of the price a minute; None for entries.
    """

    name: str
    oracle_auc: float = 0.5
    together: float = 0.0
    drift: float | None = None

    @property
    def kind(self) -> Kind:
        """Return which kind of model is judged."""
        return "entry" if self.drift is None else "open"

    def trades(self, count: int, *, seed: int) -> "Dataset":
        """Return a journal of it."""
        from tests.builders.open_trades import open_trades
        from tests.builders.simulated_trades import some_trades

        if self.drift is not None:
            return open_trades(count, edge=self.drift, seed=seed)
        return some_trades(count, oracle_auc=self.oracle_auc, together=self.together, seed=seed)


EDGES = (
    Edge("no edge"),
    Edge("no edge, days together", together=0.2),
    Edge("edge of AUC .58", oracle_auc=0.58),
    Edge("edge of AUC .645", oracle_auc=0.645),
    Edge("open, random walk", drift=0.0),
    Edge("open, drift of .15", drift=0.15),
    Edge("open, drift of .3", drift=0.3),
)


def verdict(edge: Edge, trades: int, seed: int) -> str:
    """Judge one journal."""
    from stopward.training.judge import judge
    from stopward.training.verdict import NotEnoughTrades, verdict_of

    found = judge(edge.trades(trades, seed=seed), kind=edge.kind)
    return found.verdict if isinstance(found, NotEnoughTrades) else verdict_of(found.gates)


def measure(
    journals: int, sizes: Sequence[int], workers: int, edges: Sequence[Edge] = EDGES
) -> dict[str, Any]:
    """Judge so many journals of each kind and size."""
    rows = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for edge in edges:
            for trades in sizes:
                started = time.perf_counter()
                asked = partial(verdict, edge, trades)
                said = Counter(pool.map(asked, range(journals)))
                low, high = wilson(said["published"], journals, tail=(1.0 - COVERED) / 2.0)
                rows.append(
                    {
                        "journal": edge.name,
                        "trades": trades,
                        "journals": journals,
                        "published": round(said["published"] / journals, 4),
                        "low": round(low, 4),
                        "high": round(high, 4),
                        "verdicts": dict(sorted(said.items())),
                        "seconds_a_journal": round(
                            (time.perf_counter() - started) * workers / journals, 2
                        ),
                    }
                )
                show(rows[-1])
    return {"rows": rows, "cores": os.cpu_count(), "python": platform.python_version()}


def show(row: dict[str, Any]) -> None:
    """Print one row."""
    print(
        f"{row['journal']:<24} {row['trades']:>6,} trades: published {row['published']:6.1%} "
        f"({row['low']:.1%} to {row['high']:.1%}) of {row['journals']}, "
        f"{row['seconds_a_journal']:.1f} s each, {json.dumps(row['verdicts'])}",
        flush=True,
    )


def main(arguments: Sequence[str] = ()) -> int:
    """Print the shares and write them down."""
    parser = argparse.ArgumentParser(description=__doc__, prog="bench_honesty")
    parser.add_argument("--journals", type=int, default=JOURNALS, help="of each row")
    parser.add_argument("--trades", type=int, nargs="+", default=list(SIZES), metavar="N")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--kind", choices=["entry", "open"], help="else both")
    asked = parser.parse_args(arguments)
    edges = [edge for edge in EDGES if asked.kind in (None, edge.kind)]
    found = measure(asked.journals, asked.trades, asked.workers, edges)
    if asked.kind is not None and RESULTS.exists():
        measured = {edge.name for edge in edges}
        kept = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
        found["rows"] = [row for row in kept if row["journal"] not in measured] + found["rows"]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
