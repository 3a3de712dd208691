"""`stopward replay --journal` on a real database: a session decided again, and what was changed."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from stopward.adapters.administration import Administration
from stopward.adapters.postgres import PostgresDatabase, PostgresStore
from stopward.errors import InvalidInput
from stopward.local import cli, journal_command
from stopward.local.journal_command import moment_of
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.guard import ACCOUNT, ADOPT_ALL, a_world
from tests.builders.said import Said

RULES = f"{ADOPT_ALL}[rules.breakeven]\narm = 1\n[rules.give_back]\n"
RISING = [(100 + n / 2, 100.6 + n / 2, 99.9 + n / 2, 100.5 + n / 2) for n in range(12)]


@pytest.fixture(scope="module")
def journal(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    """The URL of a database in which a guard ran for some minutes, with pulses inside them."""
    with copy_of(postgres_server, template_database, "journal_command") as url:
        run_a_guard(url)
        yield url


def run_a_guard(url: str) -> None:
    database, store = PostgresDatabase(url), PostgresStore(url)
    with a_world(*RISING, rules=RULES, database=(store, Administration(database))) as world:
        world.open(stop="98")
        for pulse in range(4, 45):
            world.tick(pulse / 4)
    store.close()
    database.close()


@pytest.fixture
def tables(journal: str) -> Iterator[psycopg.Connection[Any]]:
    """The owner's hand, which may do anything to the rows; what it did is undone."""
    with psycopg.connect(journal, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("create temporary table kept as select * from stopward.decisions")
        yield connection
        connection.execute("delete from stopward.decisions")
        connection.execute("insert into stopward.decisions select * from kept")


def asked(capsys: pytest.CaptureFixture[str], url: str, *arguments: str) -> Said:
    where = ("--database-url", url, "--account", ACCOUNT)
    code = cli.main(["replay", "--journal", *where, *arguments])
    found = capsys.readouterr()
    return Said(code, found.out, found.err)


def test_every_row_agrees(journal: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = asked(capsys, journal)
    assert said.code == 0, said.out
    assert "agree to the last bit" in said.out
    told = asked(capsys, journal, "--json").document
    assert told["rows"] == told["agreed"] > 10
    assert told["disagreements"] == []


def test_a_window_of_time_is_read(journal: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole = asked(capsys, journal, "--json").document["rows"]
    at = "2024-01-03T14:35:00Z"
    before = asked(capsys, journal, "--json", "--until", at).document["rows"]
    since = asked(capsys, journal, "--json", "--since", at).document["rows"]
    assert before + since == whole
    assert 0 < before < whole
    assert asked(capsys, journal, "--json", "--since", "2024-01-04").document["rows"] == 0
    assert asked(capsys, journal, "--json", "--since", "2024-01-03").document["rows"] == whole


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ("stop = stop + 0.01", "decision"),
        ("fired = fired + 1", "fired"),
        ("state = jsonb_set(state, '{9}', to_jsonb(100.0))", "fired"),
        ("mask = 'nonsense'", "inputs"),
    ],
)
def test_a_row_that_was_changed_is_found_and_printed_whole(
    journal: str,
    tables: psycopg.Connection[Any],
    capsys: pytest.CaptureFixture[str],
    change: str,
    field: str,
) -> None:
    changed = f"update stopward.decisions set {change} where kind = 'move_stop'"  # noqa: S608
    count = tables.execute(changed.encode()).rowcount
    said = asked(capsys, journal)
    assert said.code == 1
    assert "AAPL at 2024-01-03 14:" in said.out
    assert f"position {ACCOUNT}/AAPL" in said.out
    assert f"\n  {field}\n    written " in said.out
    assert '  row {"position_id"' in said.out
    assert '  view {"symbol"' in said.out
    told = asked(capsys, journal, "--json")
    assert told.code == 1
    assert told.document["disagreed"] == count >= 1
    first = told.document["disagreements"][0]
    assert field in [each["field"] for each in first["differences"]]
    assert first["row"]["symbol"] == "AAPL"


def test_rows_that_cannot_be_decided_again_are_counted(
    journal: str, tables: psycopg.Connection[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    whole = asked(capsys, journal, "--json").document["rows"]
    tables.execute(
        "update stopward.decisions set rule_set = null, hand_loosened = null, covered = null,"
        " crossed = null where tick_at < '2024-01-03 14:35Z'"
    )
    tables.execute(
        "update stopward.decisions set rule_version = '2020.1' where tick_at > '2024-01-03 14:39Z'"
    )
    said = asked(capsys, journal)
    assert said.code == 0
    assert "written without its circumstances: not decided again" in said.out
    assert "decided by another version of the rules: not decided again" in said.out
    told = asked(capsys, journal, "--json").document
    assert told["rows"] == whole
    assert min(told["lacking_circumstances"], told["other_versions"], told["agreed"]) > 0
    assert told["agreed"] + told["lacking_circumstances"] + told["other_versions"] == whole


def test_of_many_that_disagree_the_first_are_shown_and_all_counted(
    journal: str,
    tables: psycopg.Connection[Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_command, "MOST_SHOWN", 2)
    count = tables.execute("update stopward.decisions set fired = fired + 1").rowcount
    said = asked(capsys, journal)
    assert said.out.count("DISAGREES") == 2
    assert f"and {count - 2} more that disagree" in said.out
    assert f"{count} disagree" in said.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--positions FILE, or --journal"),
        (("--journal", "--since", "yesterday"), "'yesterday' is no day"),
        (("--journal", "--since", "2024-01-03T10:00:00"), "no time with a zone"),
        (("--journal", "--since", "2024-01-04", "--until", "2024-01-03"), "is not before"),
    ],
)
def test_a_wrong_call_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert cli.main(["replay", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_an_unknown_account_and_a_database_that_is_away_are_told(
    journal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asking = ["replay", "--journal", "--account", "nobody", "--database-url"]
    assert cli.main([*asking, journal]) == 5
    assert "stopward account open" in capsys.readouterr().err
    assert cli.main([*asking, "postgresql://postgres@127.0.0.1:1/none"]) == 5


def test_a_day_begins_at_midnight_in_new_york() -> None:
    assert moment_of("2024-07-01").isoformat() == "2024-07-01T04:00:00+00:00"
    assert moment_of("2024-01-03T10:00:00-05:00").isoformat() == "2024-01-03T15:00:00+00:00"
    with pytest.raises(InvalidInput):
        moment_of("2024-02-30")
