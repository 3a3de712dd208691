"""The generated parts and pictures of docs/replay.md: `python -m tests.docs.replay_document`."""

import json
import sys
from collections.abc import Iterator

from tests.builders.bar_cases import CASES
from tests.docs.bar_picture import bar_picture
from tests.docs.pages import ROOT, refreshed

PAGE = ROOT / "docs" / "replay.md"
PICTURES = ROOT / "docs" / "images" / "replay"
GAP = ROOT / "benchmarks" / "results" / "pulse_gap.json"
SPEED = ROOT / "benchmarks" / "results" / "replay.json"


def bars() -> Iterator[str]:
    """Yield the table of what is booked, a picture a line."""
    yield "| | what happens | what is booked |"
    yield "| --- | --- | --- |"
    for case in CASES:
        picture = f"![{case.happens.replace('`', '')}](images/replay/{case.name}.svg)"
        yield f"| {picture} | {case.happens} | {case.booked} |"


def pulses() -> Iterator[str]:
    """Yield what the benchmark measured."""
    found = json.loads(GAP.read_text(encoding="utf-8"))
    yield f"{found['positions']:,} positions over up to {found['bars']} bars:"
    yield ""
    yield "| pulses | equal fills | live less replay | error | apart, on average | at most |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for row in found["rows"]:
        yield (
            f"| {row['pulses']} | {row['equal']:.1%} | {row['difference']:+.3f}R "
            f"| {row['error']:.3f}R | {row['absolute']:.3f}R | {row['most']:.2f}R |"
        )


def speed() -> Iterator[str]:
    """Yield how fast positions are walked, beside a peer in the same run."""
    found = json.loads(SPEED.read_text(encoding="utf-8"))
    yield "| positions | rules | bars given a second | walked a second | vectorbt | ratio |"
    yield "| ---: | --- | ---: | ---: | ---: | ---: |"
    for row in found["rows"]:
        yield (
            f"| {row['positions']:,} | {row['rules']} | {row['given_a_second'] / 1e6:.0f} M "
            f"| {row['walked_a_second'] / 1e6:.0f} M | {row['vectorbt_a_second'] / 1e6:.1f} M "
            f"| {row['times_vectorbt']:.0f} |"
        )
    yield ""
    yield f"backtesting.py walks {found['backtesting_a_second']:,} bars a second."
    yield ""
    yield "| seconds to the first result of 200 positions | nothing kept | compiling | kept |"
    yield "| --- | ---: | ---: | ---: |"
    for name, row in found["first_result_seconds"].items():
        yield f"| {name} | {row['nothing kept']} | {row['compiling']} | {row['kept']} |"


BLOCKS = {"bars": bars, "pulses": pulses, "speed": speed}


def main() -> None:
    """Write the page and its pictures anew."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.svg"):
        old.unlink()
    for case in CASES:
        (PICTURES / f"{case.name}.svg").write_text(bar_picture(case) + "\n", encoding="utf-8")
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8"), BLOCKS), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is as the code says\n")


if __name__ == "__main__":
    main()
