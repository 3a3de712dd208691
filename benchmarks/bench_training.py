"""Training: seconds and memory by number of trades, a process of its own each.

`python -m benchmarks bench_training`. The whole job with an edge that is published, so that the
permuted walk is in it too: judging, fitting, exporting, comparing. Memory is the peak of the
process, libraries included.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "training.json"
SIZES = (200, 2_000, 20_000, 50_000)

PROGRAM = """
import json, resource, sys, time
from datetime import UTC, datetime
from stopward.training.train import train
from tests.builders.simulated_trades import some_trades
loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
trades = some_trades(int(sys.argv[1]), oracle_auc=0.7)
started, busy = time.perf_counter(), time.process_time()
found = train(trades, created_at=datetime(2026, 11, 30, tzinfo=UTC), salt="benchmark")
print(json.dumps({
    "trades": len(trades),
    "verdict": found.verdict,
    "seconds": round(time.perf_counter() - started, 2),
    "processor_seconds": round(time.process_time() - busy, 2),
    "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    "libraries_mb": round(loaded / 1024),
}))
"""


def measure(sizes: Sequence[int]) -> dict[str, Any]:
    """Return the figures of each size."""
    rows = []
    for count in sizes:
        told = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(count)], check=True, capture_output=True, text=True
        )
        rows.append(json.loads(told.stdout))
        row = rows[-1]
        print(
            f"{row['trades']:>7,} trades: {row['seconds']:7.1f} s "
            f"({row['processor_seconds']:.1f} s of processor), peak {row['peak_mb']:,} MB, "
            f"{row['verdict']}",
            flush=True,
        )
    return {"rows": rows, "cores": os.cpu_count(), "python": platform.python_version()}


def main(arguments: Sequence[str] = ()) -> int:
    """Print the figures and write them down."""
    parser = argparse.ArgumentParser(prog="bench_training")
    parser.add_argument("--trades", type=int, nargs="+", default=list(SIZES), metavar="N")
    found = measure(parser.parse_args(arguments).trades)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
