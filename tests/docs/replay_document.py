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


BLOCKS = {"bars": bars, "pulses": pulses}


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
