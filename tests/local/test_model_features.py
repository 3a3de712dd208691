"""`stopward model features`: trades of the past get the vectors that they would have had."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stopward.adapters.imports import ImportedHistory, SymbolHistory
from stopward.domain.features import (
    AccountState,
    Known,
    Signal,
    as_bytes,
    entry_vector,
    names,
    schema_hash,
)
from stopward.domain.features import (
    Result as Outcome,
)
from stopward.domain.history import Execution, ExecutionId, round_trips
from stopward.domain.identity import Symbol
from stopward.errors import InvalidInput
from stopward.local.cli import stopward_command
from stopward.local.exit_code import ExitCode
from tests.builders.history import an_execution
from tests.builders.models import ModelWorld
from tests.builders.past_features import FRIDAY, INDEX, minutes
from tests.builders.store import A_SESSION, NOON, D

AAPL = Symbol("AAPL")
BARS = minutes("AAPL")
MINUTE = timedelta(minutes=1)
FIRST_CLOSE = [bar for bar in BARS if bar.at < NOON][-1].close


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bars") / "bars.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        written = csv.writer(file)
        written.writerow(["symbol", "at", "open", "high", "low", "close", "volume"])
        for symbol in ("AAPL", INDEX):
            for bar in minutes(symbol):
                at = bar.at.isoformat()
                written.writerow([symbol, at, bar.open, bar.high, bar.low, bar.close, bar.volume])
    return path


def a_trade(number: int, at: Any, *, stop: str | None = None, **changes: Any) -> list[Execution]:
    """Return a round trip of ten minutes from a price near the bars."""
    price = D(f"{FIRST_CLOSE:.2f}")
    entry = an_execution(
        f"buy 100 at {price}",
        id=ExecutionId(f"b{number}"), at=at, effect="open",
        initial_stop=None if stop is None else price - D(stop), **changes,
    )  # fmt: skip
    exit_ = an_execution(
        f"sell 100 at {price + 1}", id=ExecutionId(f"s{number}"), at=at + 10 * MINUTE,
        effect="close", **changes,
    )  # fmt: skip
    return [entry, exit_]


def imported(world: ModelWorld, *executions: Execution, before: int = 0) -> None:
    """Import executions of AAPL, of which the first so many were imported before."""
    history = ImportedHistory(world._database, world.account_id, "tradervue")
    history.add(
        [
            SymbolHistory(
                symbol=AAPL, new=executions[before:], executions=len(executions),
                trades=round_trips(executions).trips,
            )
        ]
    )  # fmt: skip


def run(world: ModelWorld, folder: Path, *words: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(
        stopward_command,
        ["--folder", str(folder / "kept"), "model", "features",
         "--database-url", world.url, "--account", world.account_id, *words],
        standalone_mode=False,
    )  # fmt: skip


def told(world: ModelWorld, folder: Path, bars: Path) -> dict[str, Any]:
    done = run(world, folder, "--bars", str(bars), "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def vectors(world: ModelWorld) -> dict[str, Any]:
    return dict(
        world.rows(
            "select opened_by, vector from stopward.imported_features where account_id = %s"
            " order by opened_by"
        )
    )


def test_a_vector_is_that_of_all_that_was_known_at_the_entry(
    world: ModelWorld, tmp_path: Path, bars: Path
) -> None:
    imported(world, *a_trade(1, NOON, stop="1"), *a_trade(2, NOON + 30 * MINUTE, stop="2"))
    done = run(world, tmp_path, "--bars", str(bars))
    assert done.return_value == ExitCode.OK
    assert done.stdout.splitlines() == [
        "2 imported trades, 0 without a stop, of which no R is known",
        "  rebuilt 2 vectors, 0 were there before",
    ]
    again = run(world, tmp_path, "--bars", str(bars))
    assert again.stdout.splitlines()[1:] == ["  rebuilt 0 vectors, 2 were there before"]
    found = vectors(world)
    price = float(f"{FIRST_CLOSE:.2f}")
    signal = Signal(symbol=AAPL, side="long", entry=price, stop=price - 2.0, at=NOON + 30 * MINUTE)
    first = Outcome(symbol=AAPL, closed_at=NOON + 10 * MINUTE, r=1.0)
    known = Known(
        sessions=(FRIDAY, A_SESSION),
        bars=BARS,
        market_bars=minutes(INDEX),
        account=AccountState(results=(first,), open_positions=0),
    )
    wanted = dict(zip(names("entry"), entry_vector(signal, known), strict=True))
    stored = dict(zip(names("entry"), found["b2"], strict=True))
    # Days are made of the minutes that the file has: one is over, and no average of days is known.
    of_days = {name for name in wanted if as_bytes((wanted[name],)) != as_bytes((stored[name],))}
    assert of_days <= {"gap", "gap_atr", "daily_atr_percent"}
    assert stored["risk_atr"] is not None
    assert stored["day_r"] == 1.0


def test_again_it_stores_nothing_and_finds_them_as_they_are(
    world: ModelWorld, tmp_path: Path, bars: Path
) -> None:
    imported(world, *a_trade(1, NOON, stop="1"))
    told(world, tmp_path, bars)
    before = vectors(world)
    again = told(world, tmp_path, bars)
    counted = {name: again[name] for name in ("features_written", "features_compared")}
    assert counted == {"features_written": 0, "features_compared": 1}
    assert again["features_skewed"] == 0
    assert vectors(world) == before


def test_what_cannot_be_rebuilt_is_told_with_its_reason(
    world: ModelWorld, tmp_path: Path, bars: Path
) -> None:
    added = an_execution(
        f"buy 50 at {FIRST_CLOSE:.2f}", id=ExecutionId("b9"), at=NOON + 86 * MINUTE, effect="open"
    )
    entry, exit_ = a_trade(3, NOON + 80 * MINUTE, stop="1")
    of_150 = replace(exit_, quantity=D("150"))
    imported(
        world,
        *a_trade(0, A_SESSION.opens_at - timedelta(days=364), stop="1"),
        *a_trade(1, NOON),
        *a_trade(2, NOON + 30 * MINUTE, stop="1"),
        entry, added, of_150,
    )  # fmt: skip
    found = told(world, tmp_path, bars)
    assert (found["imported"], found["without_stop"]) == (4, 1)
    assert found["features_written"] == 1
    assert found["unfit"] == {"added_to": 1, "no_bars": 1}
    assert list(vectors(world)) == ["b2"]
    text = run(world, tmp_path, "--bars", str(bars)).stdout
    assert "1 without one: shares were added" in text


def test_a_trade_that_is_made_anew_loses_its_vector_and_gets_another(
    world: ModelWorld, tmp_path: Path, bars: Path
) -> None:
    first = a_trade(1, NOON, stop="1")
    kept = a_trade(5, NOON + 60 * MINUTE, stop="1")
    imported(world, *first, *kept)
    told(world, tmp_path, bars)
    before = vectors(world)
    # A later export has another fill of the first trade, a minute after its entry.
    fill = an_execution(
        f"buy 10 at {FIRST_CLOSE:.2f}", id=ExecutionId("b1b"), at=NOON + MINUTE, effect="open"
    )
    rest = an_execution(
        f"sell 10 at {FIRST_CLOSE + 1:.2f}", id=ExecutionId("s1b"), at=NOON + 11 * MINUTE,
        effect="close",
    )  # fmt: skip
    history = ImportedHistory(world._database, world.account_id, "tradervue")
    everything = sorted([*first, *kept, fill, rest], key=lambda each: each.at)
    history.add(
        [
            SymbolHistory(
                symbol=AAPL, new=(fill, rest), executions=6, trades=round_trips(everything).trips
            )
        ]
    )
    assert list(vectors(world)) == ["b5"]
    assert told(world, tmp_path, bars)["features_written"] == 1
    assert vectors(world)["b5"] == before["b5"]
    world.call("forget_import", source="tradervue")
    assert vectors(world) == {}


def test_what_was_entered_under_guard_is_not_counted_twice(
    world: ModelWorld, tmp_path: Path, bars: Path
) -> None:
    imported(world, *a_trade(1, NOON, stop="1"), *a_trade(2, NOON + 30 * MINUTE, stop="1"))
    world.execute(
        "update stopward.accounts set created_at = %s where id = %s",
        NOON + 20 * MINUTE,
        world.account_id,
    )
    found = told(world, tmp_path, bars)
    assert (found["imported"], found["features_written"]) == (2, 1)
    assert list(vectors(world)) == ["b1"]


def test_many_trades_come_page_by_page(world: ModelWorld, tmp_path: Path, bars: Path) -> None:
    # More than a page of a hundred, a minute apart, each over before the next one begins.
    many = []
    for number in range(120):
        entry, exit_ = a_trade(number, NOON + number * MINUTE, stop="1")
        many += [entry, replace(exit_, at=entry.at + timedelta(seconds=30))]
    imported(world, *many)
    assert told(world, tmp_path, bars)["features_written"] == 120
    assert len(vectors(world)) == 120


@pytest.mark.parametrize("words", [(), ("--bars", "nowhere.csv")])
def test_without_bars_it_says_where_they_would_come_from(
    world: ModelWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    for name in ("STOPWARD_BROKER_KEY_ID", "STOPWARD_BROKER_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidInput, match=r"--bars FILE|nowhere\.csv"):
        run(world, tmp_path, *words)


def test_the_schema_is_that_of_entries(world: ModelWorld, tmp_path: Path, bars: Path) -> None:
    imported(world, *a_trade(1, NOON, stop="1"))
    told(world, tmp_path, bars)
    (row,) = world.rows(
        "select schema_hash, at from stopward.imported_features where account_id = %s"
    )
    assert row == (schema_hash("entry"), NOON)
