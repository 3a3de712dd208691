"""Run a fleet through the deployed handlers, check it and measure it: `make load`.

Real handlers, in processes of their own; Postgres; moto's SQS and Secrets Manager, over HTTP; a
broker that speaks Alpaca's HTTP for each account. What AWS does between them (polling, batches,
deleting what succeeded) is done by worker.py. Exit code 1 when anything was lost, doubled or late.
"""

import argparse
import sys

from benchmarks.load.market import Size
from benchmarks.load.run import RESULTS, run

ACCOUNTS, POSITIONS = 1_000, 10
"""A run that is smaller is a trial: its figures are printed and not kept."""


def main() -> int:
    """Run, print and, for a run of the full size without a fault, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--positions", type=int, default=POSITIONS)
    parser.add_argument("--minutes", type=int, default=3)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--slower", type=float, help="than our clock; measured when it is not said")
    given = parser.parse_args()
    size = Size(accounts=given.accounts, positions=given.positions, minutes=given.minutes)
    figures, faults = run(size, workers=given.workers, slower=given.slower)
    for name, value in figures.items():
        print(f"{name:>28}  {value}")
    for fault in faults[:20]:
        print(f"fault {fault}")
    print(f"load: {len(faults)} faults")
    if not faults and size.accounts >= ACCOUNTS and size.positions >= POSITIONS:
        RESULTS.write_text(figures_text(figures), encoding="utf-8")
    return 1 if faults else 0


def figures_text(figures: dict[str, object]) -> str:
    """Return the figures as they are kept."""
    import json

    return json.dumps(figures, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
