"""A minute of `score_positions` over a fleet: milliseconds an account, calls and requests for bars.

`python -m benchmarks bench_fleet_minute`. The real handler, warm, over real Postgres and the
simulator, which share the machine with it: what an account waits for on its way to a database that
is elsewhere comes on top, once a call.
"""

import io
import json
import os
import statistics
import tempfile
import time
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stopward.adapters import clocks
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.identity import Symbol
from stopward.local.migrate import migrate, prepare_platform
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.fleet_nights import (
    MINUTE,
    MODEL,
    NIGHTS,
    FleetAtNight,
    Night,
    a_fleet_at_night,
    started,
)
from tests.builders.lambda_function import a_context
from tests.builders.manual_clock import ManualClock
from tests.builders.models import ModelWorld
from tests.builders.open_positions import ENTERED
from tests.builders.past_features import FRIDAY, INDEX, minutes
from tests.builders.scoring import registered
from tests.builders.store import NOON

ACCOUNTS = 40
SIZES = ((2, 2), (5, 5), (5, 60))
"""Positions of an account, and symbols that all accounts hold together."""
WARM_MINUTES = 5
RESULTS = Path(__file__).parent / "results" / "fleet_minute.json"
(SCORES,) = (night for night in NIGHTS if night.folder == "score_positions")


def measure(positions: int, symbols: int, url: str, folder: Path) -> dict[str, Any]:
    """Return the figures of one size."""
    pool = [f"S{number}" for number in range(symbols)]
    bars = {Symbol(each): minutes(each) for each in (*pool, INDEX)}
    night = replace(SCORES, bars=bars, prepare=lambda _: None)
    with (
        pytest.MonkeyPatch.context() as patch,
        a_fleet_at_night(night, url, folder, patch, size=0) as fleet,
    ):
        for number in range(ACCOUNTS):
            held = [pool[(3 * number + place) % symbols] for place in range(positions)]
            _join(fleet, url, held)
        clock = ManualClock(NOON)
        patch.setattr(clocks, "SystemClock", lambda: clock)
        rows = _minutes(fleet, night, _counted(patch), clock)
    if any(row["scored"] != ACCOUNTS * positions for row in rows):
        raise RuntimeError(f"{positions} positions of {symbols} symbols: scored {rows}")
    found = {
        name: statistics.median(row[name] for row in rows[1:])
        for name in ("seconds", "processor_seconds", "calls", "requests")
    }
    return {
        "accounts": ACCOUNTS,
        "positions": positions,
        "symbols": symbols,
        "milliseconds": round(1000 * found["seconds"] / ACCOUNTS, 1),
        "processor_milliseconds": round(1000 * found["processor_seconds"] / ACCOUNTS, 1),
        "calls": round(found["calls"] / ACCOUNTS, 1),
        "requests": round(found["requests"]),
    }


def _join(fleet: FleetAtNight, url: str, held: list[str]) -> None:
    world = ModelWorld(url)
    world.people.put_sessions([FRIDAY])
    world.open(*held, opened_at=ENTERED, adopted_at=ENTERED)
    registered(world, MODEL)
    world.people.put_fleet(world.account_id, fleet.stage)
    world.close()


def _counted(patch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that every call of the database is added to."""
    calls: list[str] = []
    ask = PostgresDatabase.call

    def call(self: PostgresDatabase, function: str, *told: Any) -> Any:
        calls.append(function)
        return ask(self, function, *told)

    patch.setattr(PostgresDatabase, "call", call)
    return calls


def _minutes(
    fleet: FleetAtNight, night: Night, calls: list[str], clock: ManualClock
) -> list[dict[str, float]]:
    """Return the figures of each minute; in the first one models are opened."""
    rows = []
    with redirect_stdout(io.StringIO()), started(night) as app:
        for number in range(1 + WARM_MINUTES):
            calls.clear()
            requests = len(fleet.broker.log)
            clock.present = NOON + number * MINUTE
            event = {"time": clock.present.isoformat()}
            began, busy = time.perf_counter(), time.thread_time()
            counts = app.handler(event, a_context(night.folder))
            rows.append(
                {
                    "seconds": time.perf_counter() - began,
                    "processor_seconds": time.thread_time() - busy,
                    "scored": counts["positions_scored"],
                    "calls": len(calls),
                    "requests": len(fleet.broker.log) - requests,
                }
            )
    return rows


def main() -> None:
    """Print the table and write the JSON."""
    with tempfile.TemporaryDirectory(prefix="stopward-bench-") as folder:
        server = EmbeddedPostgres(home=Path(folder) / "postgres")
        url = server.start()
        try:
            prepare_platform(url)
            migrate(url)
            rows = [measure(*size, url, Path(folder) / "archive") for size in SIZES]
        finally:
            server.stop()
            server.remove()
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    document = {"rows": rows, "cores": os.cpu_count()}
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
