"""`stopward attribution` of an account, on a real database, with bars from a file."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from stopward.local import cli
from stopward.local.postgres import EmbeddedPostgres
from stopward.local.replay.account import reasons, worths
from stopward.local.replay.bar_files import columns_of
from stopward.local.replay.known_bars import KnownBars
from tests.builders.access import copy_of
from tests.builders.attribution import SomeBars, night, timed_out
from tests.builders.lived import ACME, bars_from
from tests.builders.replay import OPENS
from tests.builders.said import Said
from tests.builders.store_world import PostgresWorld

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "attribution_command") as found:
        yield found


@pytest.fixture
def world(url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(url)
    yield found
    found.close()


Ask = Callable[..., Said]


@pytest.fixture
def ask(
    url: str,
    world: PostgresWorld,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Ask:
    for name in ("STOPWARD_BROKER_KEY_ID", "APCA_API_KEY_ID"):
        monkeypatch.delenv(name, raising=False)

    def called(*arguments: str | Path) -> Said:
        where = ("--database-url", url, "--account", world.account_id)
        code = cli.main(["attribution", *where, *(str(each) for each in arguments)])
        found = capsys.readouterr()
        return Said(code, found.out, found.err)

    return called


def a_file(bars: SomeBars, folder: Path) -> Path:
    path = folder / "bars.csv"
    rows = [
        f"{bar.symbol},{bar.at.isoformat()},{bar.open},{bar.high},{bar.low},{bar.close},{bar.volume:g}"
        for own in bars.known.values()
        for bar in own
    ]
    path.write_text("\n".join(("symbol,at,open,high,low,close,volume", *rows)), encoding="utf-8")
    return path


def test_the_figures_are_stored_and_told(world: PostgresWorld, ask: Ask, tmp_path: Path) -> None:
    first, second = timed_out(world, "AAPL"), timed_out(world, "MSFT", tick=41)
    told = ask("--bars", a_file(night(first, second), tmp_path), "--json")
    assert told.code == 0, told.err
    (rule,) = told.document["rules"]
    assert told.document["account_id"] == world.account_id
    assert (told.document["figures_known"], told.document["figures_changed"]) == (2, 2)
    assert (rule["rule"], rule["fired"], rule["saved_r"], rule["cost_r"]) == (
        "time_stop", 2, pytest.approx(1.91), 0,
    )  # fmt: skip
    assert rule["net"] == {
        "total_r": pytest.approx(1.91), "low_r": None, "high_r": None, "days": 1,
    }  # fmt: skip
    assert (rule["unknown"], rule["unknown_because"]) == (0, {})


def test_a_second_run_says_that_there_was_nothing_to_do(
    world: PostgresWorld, ask: Ask, tmp_path: Path
) -> None:
    bars = a_file(night(timed_out(world)), tmp_path)
    first = ask("--bars", bars)
    assert "1 trade walked again: 1 figures known, 0 unknown, 1 other than before." in first.out
    assert "All positions are of one day: there is no interval." in first.out
    second = ask("--bars", bars)
    assert second.out.startswith("There was nothing to do")
    assert second.out.partition("what each rule")[2] == first.out.partition("what each rule")[2]


def test_what_is_unknown_is_counted_with_its_reason_and_filled_by_more_bars(
    world: PostgresWorld, ask: Ask, tmp_path: Path
) -> None:
    position = timed_out(world)
    short = a_file(night(position, after=()), tmp_path)
    told = ask("--bars", short, "--json").document
    assert told["rules"][0]["unknown_because"] == {"bars_end": 1}
    assert (told["rules"][0]["saved_r"], told["rules"][0]["net"]["total_r"]) == (None, None)
    assert "unknown: 1 for the bars end, or have a hole" in ask("--bars", short).out
    whole = a_file(night(position), tmp_path)
    filled = ask("--bars", whole, "--since", "2026-11-23", "--json").document
    assert (filled["figures_known"], filled["figures_changed"]) == (1, 1)
    assert filled["rules"][0]["unknown_because"] == {}


def test_since_tells_later_trades_only(world: PostgresWorld, ask: Ask, tmp_path: Path) -> None:
    bars = a_file(night(timed_out(world)), tmp_path)
    told = ask("--bars", bars, "--since", "2026-11-24")
    assert "No rule has closed anything of a trade yet." in told.out
    assert ask("--bars", bars, "--again", "--json").document["figures_changed"] == 1
    assert ask("--bars", bars, "--again", "--json").document["figures_changed"] == 0


def test_a_trade_that_cannot_be_attributed_is_told_and_ends_with_1(
    world: PostgresWorld, ask: Ask, tmp_path: Path
) -> None:
    good, bad = timed_out(world, "AAPL"), timed_out(world, "MSFT", tick=41)
    world._eyes.execute("set session_replication_role = replica")
    world._eyes.execute(
        "insert into stopward.settings_versions values (%s, 'broken', '[account')",
        (world.account_id,),
    )
    world._eyes.execute(
        "update stopward.decisions set rules_hash = 'broken' where position_id = %s", (bad.id,)
    )
    told = ask("--bars", a_file(night(good, bad), tmp_path), "--json")
    assert told.code == 1
    assert told.document["failures"][0].startswith(f"{bad.id}: ")
    assert bad.id in told.err
    assert told.document["figures_known"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 3, "--bars FILE to read the bars from a file"),
        (("--bars", "nowhere.csv"), 3, "nowhere.csv"),
        (("--rules", "my.toml"), 2, "--rules is of files"),
        (("--slippage", "none"), 2, "--slippage is of files"),
        (("--since", "yesterday"), 2, "a day is needed"),
        (("--bars", "b.csv", "--positions", "p.csv", "--since", "2026-11-23"), 2, "of an account"),
        (("--bars", "b.csv", "--positions", "p.csv", "--again"), 2, "of an account"),
        (("--bars", "b.csv", "--positions", "p.csv", "--feed", "sip"), 2, "of an account"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused(
    ask: Ask, arguments: tuple[str, ...], code: int, says: str
) -> None:
    found = ask(*arguments)
    assert (found.code, found.out) == (code, "")
    assert says in found.err


def test_an_account_that_was_not_opened_is_refused(
    url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, world: PostgresWorld
) -> None:
    bars = a_file(night(timed_out(world)), tmp_path)
    where = ["--database-url", url, "--account", "nobody", "--bars", str(bars)]
    assert cli.main(["attribution", *where]) == 5
    assert "unknown_account" in capsys.readouterr().err


def test_known_bars_are_told_as_the_port_tells_them() -> None:
    bars = bars_from(*[(100.0, 101.0, 99.0, 100.5)] * 4)
    source = KnownBars({ACME: columns_of(bars)})
    everything = source.bars([ACME], since=OPENS, until=OPENS + 4 * MINUTE)
    assert everything == {ACME: bars}
    some = source.bars([ACME], since=OPENS + MINUTE, until=OPENS + 3 * MINUTE)
    assert some == {ACME: bars[1:3]}
    assert source.bars([ACME], since=OPENS, until=OPENS + MINUTE / 2) == {}


def row(rule: str, saved_r: float | None, day: int, **changes: Any) -> dict[str, object]:
    return {
        "rule": rule,
        "saved_r": saved_r,
        "session_day": date(2026, 11, day),
        "attributed_at": OPENS,
        "unknown_because": None if saved_r is not None else "bars_end",
        **changes,
    }


def test_a_rule_is_worth_what_is_known_of_it_by_day() -> None:
    rows = [
        row("breakeven", 1.0, 2),
        row("breakeven", -0.25, 3),
        row("breakeven", 0.5, 4),
        row("breakeven", None, 4),
        row("time_stop", None, 4, attributed_at=None, unknown_because=None),
    ]
    first, second = worths(rows)
    assert (first.rule, second.rule) == ("time_stop", "breakeven")
    assert (second.fired, second.saved, second.cost, second.unknown) == (4, 1.5, -0.25, 1)
    assert (second.net.total, second.net.days) == (1.25, 3)
    assert second.net.low < second.net.total < second.net.high
    assert (first.fired, first.net.total, first.unknown) == (1, 0, 1)
    assert reasons(rows) == {"breakeven": {"bars_end": 1}, "time_stop": {"not_asked": 1}}
