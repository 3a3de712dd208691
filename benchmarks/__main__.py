"""Run every benchmark, print its table, write its JSON beside it: `make bench`."""

import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> None:
    """Run all benchmarks, or those named on the command line."""
    names = sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("bench_*.py"))
    for name in names:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
