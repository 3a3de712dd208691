"""The generated parts of infra/README.md: `python -m tests.docs.infra_document`."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from stopward.bootstrap.models import SCORING_MARGIN_SECONDS
from tests.builders.template import deployed
from tests.deploy.import_budgets import BUDGETS
from tests.docs.pages import ROOT, refreshed

PAGE = ROOT / "infra" / "README.md"
MEASURED = ROOT / "benchmarks" / "results" / "cold_start.json"
MINUTE = ROOT / "benchmarks" / "results" / "fleet_minute.json"
WHOLE_PROCESSOR_MB = 1769
"""Memory with which one comes. Source: AWS Lambda Developer Guide, "Configure Lambda memory"."""
ROUND_TRIPS_MS = (10, 25)
GUARD = "monitor_positions"
TARGET_MILLISECONDS = 250
"""What issue 6 wants of the guard, over a bare handler."""


def cold_starts() -> Iterator[str]:
    """Yield what each function may load, and how long it takes to its first question."""
    document = json.loads(MEASURED.read_text(encoding="utf-8"))
    rows: Mapping[str, Mapping[str, Any]] = {row["name"]: row for row in document["milliseconds"]}
    bare, packages, guard = rows[document["bare"]], rows[document["packages"]], rows[GUARD]
    yield (
        "| function | may load what these need | modules at most | over the bare handler "
        "| on a processor, over it | times the bare |"
    )
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for name, budget in BUDGETS.items():
        purposes = ", ".join(budget.purposes)
        yield f"| `{name}` | {purposes} | {budget.modules} | {_cells(rows.get(name))} |"
    for name in (document["packages"], document["whole"]):
        yield f"| {name} | | | {_cells(rows[name])} |"
    yield ""
    yield (
        f"The bare handler takes {bare['wall']:.0f} ms by the clock, {bare['busy']:.0f} ms on a "
        f"processor. Medians of {document['rounds']} rounds."
    )
    yield ""
    reached = guard["over_wall"] <= TARGET_MILLISECONDS
    yield (
        f"`{GUARD}` was to take {TARGET_MILLISECONDS} ms over it at most: "
        f"{'it does' if reached else 'it does not'}. The packages that it is built on alone take "
        f"{packages['over_busy'] / guard['over_busy']:.0%} of what it uses of a processor."
    )


def _cells(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "not timed | | "
    return f"{row['over_wall']:.0f} ms | {row['over_busy']:.0f} ms | {row['times_busy']:.1f}"


def fleet_minute() -> Iterator[str]:
    """Yield what an account of a fleet takes of a minute, and how many a minute holds by it."""
    document = json.loads(MINUTE.read_text(encoding="utf-8"))
    scores = deployed("fleet")["score_positions"]
    begun_ms = 1000 * (scores.timeout_seconds - SCORING_MARGIN_SECONDS)
    share = scores.memory_mb / WHOLE_PROCESSOR_MB
    yield (
        "| positions of an account | symbols of all | ms an account here | on a processor | calls "
        "| requests for bars | "
        + " | ".join(f"accounts a minute, calls of {ms} ms" for ms in ROUND_TRIPS_MS)
        + " |"
    )
    yield "| ---: " * (6 + len(ROUND_TRIPS_MS)) + "|"
    for row in document["rows"]:
        held = [
            int(begun_ms / (row["processor_milliseconds"] / share + row["calls"] * each))
            for each in ROUND_TRIPS_MS
        ]
        cells = (
            row["positions"], row["symbols"], f"{row['milliseconds']:.0f}",
            f"{row['processor_milliseconds']:.0f} ms", f"{row['calls']:.0f}", row["requests"],
            *held,
        )  # fmt: skip
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""
    yield (
        f"{document['rows'][0]['accounts']} accounts, {document['cores']} cores that Postgres and "
        f"the simulator share. The last columns are computed, not run: {begun_ms / 1000:.0f} "
        f"seconds in which accounts are begun, {share:.0%} of a processor."
    )


BLOCKS = {"a minute of a fleet": fleet_minute, "cold starts": cold_starts}


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8"), BLOCKS), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is as the code says\n")


if __name__ == "__main__":
    main()
