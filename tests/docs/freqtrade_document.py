"""The generated parts of docs/replay-freqtrade.md; `python -m tests.docs.freqtrade_document`."""

import json
import sys
from collections.abc import Iterator

from tests.builders.freqtrade import Left
from tests.builders.freqtrade_differences import DIFFERENCES, Difference
from tests.docs.pages import ROOT, refreshed

PAGE = ROOT / "docs" / "replay-freqtrade.md"
GAP = ROOT / "benchmarks" / "results" / "freqtrade_gap.json"


def differences() -> Iterator[str]:
    """Yield the table of differences, line by line."""
    yield "| difference | bars | `freqtrade` | `conservative` |"
    yield "| --- | --- | --- | --- |"
    for row in DIFFERENCES:
        there, here = _told(row, row.left_there), _told(row, row.left_here)
        yield (
            f"| **{row.name}**: {row.why}. | {', '.join(_bars(row))} "
            f"| {row.there}: {there} | {row.here}: {here} |"
        )


def _bars(row: Difference) -> Iterator[str]:
    for number, bar in enumerate(row.bars):
        night = "night, " if number == row.night_before else ""
        yield night + "/".join(f"{price:g}" for price in bar)


def _told(row: Difference, left: Left) -> str:
    rule = "the end" if left.rule == "none" else f"`{left.rule}`"
    return f"**{left.price:.2f}**, bar {left.bar + 1} of {len(row.bars)}, {rule}"


def gap() -> Iterator[str]:
    """Yield what the benchmark measured."""
    found = json.loads(GAP.read_text(encoding="utf-8"))
    yield (
        f"{found['positions']:,} positions in {found['sessions']:,} random sessions of 2 % a day, "
        "stop 1 % away, so that 1R is 1 %; no fee, no slippage; the same positions under both "
        "policies. Mean of all, and of the paired difference its standard error:"
    )
    yield ""
    yield "| settings | bars of | `freqtrade` | `conservative` | difference | error |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in found["rows"]:
        span = "1 minute" if row["minutes"] == 1 else f"{row['minutes']} minutes"
        yield (
            f"| {row['setting']} | {span} | {row['there']:+.3f}R | {row['here']:+.3f}R "
            f"| {row['difference']:+.3f}R | {row['error']:.3f}R |"
        )
    yield ""
    for policy, key in (("freqtrade", "there"), ("conservative", "here")):
        means = [row[key] for row in found["rows"]]
        yield f"`{policy}` lies between {min(means):+.3f}R and {max(means):+.3f}R."


BLOCKS = {"differences": differences, "gap": gap}


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8"), BLOCKS), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is as the code says\n")


if __name__ == "__main__":
    main()
