"""How often a model is published that should not be, and one that should.

`python -m benchmarks.bench_honesty --journals 200`: so many simulated journals for each row, judged
by all gates but parity, with the Wilson interval of the share published. An oracle AUC of 0.5 is a
journal without an edge; "days together" is one whose trades of a day win and lose together, which
tempts a test that counts trades. `make bench` runs few.
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
from typing import Any, NamedTuple

from stopward.domain.share import wilson

RESULTS = Path(__file__).parent / "results" / "honesty.json"
SIZES = (200, 500, 2_000)
JOURNALS = 10
COVERED = 0.95


class Edge(NamedTuple):
    """What a journal is made of: the oracle's AUC, and the correlation within a day."""

    name: str
    oracle_auc: float
    together: float


EDGES = (
    Edge("no edge", 0.5, 0.0),
    Edge("no edge, days together", 0.5, 0.2),
    Edge("edge of AUC .58", 0.58, 0.0),
    Edge("edge of AUC .645", 0.645, 0.0),
)


def verdict(edge: Edge, trades: int, seed: int) -> str:
    """Judge one journal."""
    from stopward.training.judge import judge
    from stopward.training.verdict import NotEnoughTrades, verdict_of
    from tests.builders.simulated_trades import some_trades

    found = judge(
        some_trades(trades, oracle_auc=edge.oracle_auc, together=edge.together, seed=seed)
    )
    return found.verdict if isinstance(found, NotEnoughTrades) else verdict_of(found.gates)


def measure(journals: int, sizes: Sequence[int], workers: int) -> dict[str, Any]:
    """Judge so many journals of each kind and size."""
    rows = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for edge in EDGES:
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
    asked = parser.parse_args(arguments)
    found = measure(asked.journals, asked.trades, asked.workers)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
