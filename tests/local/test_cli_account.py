"""The commands that make an account ready and tell how it is: on a real database."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from stopward.domain.rulebook import parse
from stopward.local import cli
from tests.conftest import MakeDatabase

RULES = '[account]\nadopt = "listed"\nallow = ["AAPL"]\n\n[rules]\npreset = "standard"\n'
KEY_VARIABLES = (
    "STOPWARD_BROKER_KEY_ID", "STOPWARD_BROKER_SECRET_KEY", "APCA_API_KEY_ID",
    "APCA_API_SECRET_KEY", "STOPWARD_BROKER_URL", "STOPWARD_DATABASE_URL", "STOPWARD_ACCOUNT_ID",
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What one call of the command line came to."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


@pytest.fixture
def url(
    make_database: MakeDatabase, template_database: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return make_database(template=template_database)


@pytest.fixture
def call(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def called(*arguments: str, account: str | None = "main") -> Said:
        about = ("--account", account) if account is not None else ()
        where = ("--database-url", url)
        code = cli.main(["--folder", str(tmp_path / "home"), *arguments, *where, *about])
        found = capsys.readouterr()
        return Said(code, found.out, found.err)

    return called


def rows(url: str, query: str) -> list[dict[str, object]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_new_account_observes_and_says_what_it_lacks(call: Call, url: str) -> None:
    said = call("account", "open", "Main", "--equity", "135000")
    assert said.code == 0
    assert "opened; mode observe" in said.out
    assert "stopward rules put FILE" in said.err
    assert "session" not in said.err  # the rows of two years came with the migrations
    assert rows(url, "select id, name, mode, equity_prior_close from stopward.accounts") == [
        {"id": "main", "name": "Main", "mode": "observe", "equity_prior_close": Decimal(135000)}
    ]


def test_opening_an_account_again_never_changes_its_mode(call: Call, url: str) -> None:
    call("account", "open", "Main")
    call("account", "mode", "guard", "--yes-i-mean", "main")
    assert call("account", "open", "Renamed", "--equity", "1000").code == 0
    refused = call("account", "open", "Renamed", "--mode", "observe")
    assert refused.code == 3
    assert "stopward account mode observe" in refused.err
    assert rows(url, "select name, mode from stopward.accounts") == [
        {"name": "Renamed", "mode": "guard"}
    ]


@pytest.mark.parametrize("typed", ["", "\n", "Main\n", "mian\n", "y\n"])
def test_guard_needs_the_account_typed_again(
    call: Call, url: str, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    call("account", "open", "Main")
    type_in(monkeypatch, typed)
    said = call("account", "mode", "guard")
    assert said.code == 3
    assert "nothing was changed" in said.err
    assert rows(url, "select mode from stopward.accounts") == [{"mode": "observe"}]


def test_guard_is_on_once_the_account_was_typed_again(
    call: Call, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("account", "open", "Main", "--equity", "5000")
    type_in(monkeypatch, "main\n")
    said = call("account", "mode", "guard")
    assert (said.code, "orders are sent" in said.out) == (0, True)
    assert "mode guard already" in call("account", "mode", "guard").out
    assert rows(url, "select name, mode, equity_prior_close from stopward.accounts") == [
        {"name": "Main", "mode": "guard", "equity_prior_close": Decimal(5000)}
    ]
    assert "nothing is sent" in call("account", "mode", "observe").out


def test_a_new_account_that_guards_at_once_is_asked_for_too(call: Call, url: str) -> None:
    assert call("account", "open", "Main", "--mode", "guard", "--yes-i-mean", "other").code == 3
    assert rows(url, "select id from stopward.accounts") == []
    assert call("account", "open", "Main", "--mode", "guard", "--yes-i-mean", "main").code == 0
    assert rows(url, "select mode from stopward.accounts") == [{"mode": "guard"}]


@pytest.mark.parametrize("account", ["", "a b", "x" * 65])
def test_an_account_id_that_a_stack_would_refuse_is_refused(call: Call, account: str) -> None:
    said = call("account", "open", "Main", account=account)
    assert said.code == 3
    assert "--account" in said.err


@pytest.mark.parametrize("equity", ["0", "-5", "nan", "lots"])
def test_equity_that_is_no_amount_is_wrong_usage(call: Call, equity: str) -> None:
    assert call("account", "open", "Main", "--equity", equity).code == 2


def test_rules_are_checked_then_stored_with_the_hash_of_what_they_mean(
    call: Call, url: str, tmp_path: Path
) -> None:
    call("account", "open", "Main")
    path = tmp_path / "rules.toml"
    path.write_text(RULES, encoding="utf-8-sig")
    said = call("rules", "put", str(path))
    assert said.code == 0, said.err
    book = parse(RULES, source="here")
    assert f"hash: {book.hash[:12]}" in said.out
    stored = rows(url, "select hash, rules_toml from stopward.settings_versions")
    assert stored == [{"hash": book.hash, "rules_toml": RULES}]
    assert rows(url, "select rules_hash from stopward.accounts") == [{"rules_hash": book.hash}]


def test_rules_that_differ_in_comments_only_go_on_to_hold_and_say_so(
    call: Call, url: str, tmp_path: Path
) -> None:
    call("account", "open", "Main")
    path = tmp_path / "rules.toml"
    for text in (RULES, RULES + "# a note\n"):
        path.write_text(text, encoding="utf-8")
        said = call("rules", "put", str(path))
        assert said.code == 0, said.err
    assert "only comments differ" in said.out
    assert rows(url, "select rules_toml from stopward.settings_versions") == [{"rules_toml": RULES}]


@pytest.mark.parametrize(
    ("text", "said"), [("[rules.brakeeven]\n", "brakeeven"), ("[rules\n", "TOML"), (None, "cannot")]
)
def test_rules_that_are_wrong_are_never_stored(
    call: Call, url: str, tmp_path: Path, text: str | None, said: str
) -> None:
    call("account", "open", "Main")
    path = tmp_path / "rules.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    refused = call("rules", "put", str(path))
    assert (refused.code, said in refused.err) == (3, True)
    assert rows(url, "select hash from stopward.settings_versions") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("positions",),
        ("why", "AAPL"),
        ("alarms",),
        ("account", "show"),
        ("account", "mode", "observe"),
        ("halt",),
        ("tag", "AAPL", "swing"),
    ],
)
def test_an_account_that_was_never_opened_is_refused_by_name(
    call: Call, arguments: tuple[str, ...]
) -> None:
    said = call(*arguments, account="ghost")
    assert said.code == 5
    assert "account ghost is not known (rule unknown_account)" in said.err
    assert "stopward account open" in said.err
    assert said.out == ""


def test_an_open_account_without_anything_says_so(call: Call) -> None:
    call("account", "open", "Main")
    assert call("positions").out == "no open positions\n"
    assert call("alarms").out.startswith("no open alarms")
    assert call("alarms", "--all").out == "no alarms\n"
    assert '"Main", mode observe' in call("account", "show").out


ALARMS = """
insert into stopward.alarms (
    account_id, key, kind, symbol, message, severity, first_at, last_at, last_tick_at, count,
    cleared_at
) values
('main', 'a', 'loss_streak', null, '3 losses in a row', 'notice', {t}, {t}, {t}, 1, null),
('main', 'b', 'unprotected', 'AAPL', 'AAPL: stops cover 0 of 100 shares', 'critical',
    {t}, {t}, {t}, 2, null),
('main', 'c', 'day_loss_near', null, '75% is used', 'warning', {t}, {t}, {t}, 1, null),
('main', 'd', 'order_rejected', 'MSFT', 'MSFT: refused', 'critical', {t}, {t}, {t}, 1, {t})
"""


def test_alarms_are_told_the_gravest_first(call: Call, url: str) -> None:
    call("account", "open", "Main")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ALARMS.format(t="'2026-11-23T15:00:00Z'").encode())
    lines = call("alarms").out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["critical", "warning", "notice"]
    assert lines[0] == (
        "critical  AAPL     unprotected: stops cover 0 of 100 shares "
        "(2 times since 2026-11-23 10:00:00, last 2026-11-23 10:00:00 New York)"
    )
    with_cleared = call("alarms", "--all").out.splitlines()
    assert with_cleared[:3] == lines[:3]
    assert "MSFT" in with_cleared[3]
    assert "over since 2026-11-23 10:00:00" in with_cleared[3]


@pytest.mark.parametrize(
    ("symbol", "tag", "said"), [("tsla", "swing", "in capitals"), ("TSLA", "a b", "tag was")]
)
def test_a_tag_that_could_never_match_is_refused(
    call: Call, symbol: str, tag: str, said: str
) -> None:
    call("account", "open", "Main")
    refused = call("tag", symbol, tag)
    assert (refused.code, said in refused.err) == (3, True)


def test_a_database_without_migrations_is_told_with_its_remedy(
    make_database: MakeDatabase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = ("--database-url", make_database(), "--account", "main")
    assert cli.main(["--folder", str(tmp_path), "positions", *about]) == 5
    assert "stopward db migrate" in capsys.readouterr().err
    assert cli.main(["--folder", str(tmp_path), "halt", *about]) == 5
    assert "stopward db migrate" in capsys.readouterr().err


def test_members_are_let_in_and_out_again(call: Call, url: str) -> None:
    person = "7a6f3a52-8a4b-4f0e-9a5c-0f2f3c1d2e3f"
    call("account", "open", "Main")
    for _ in range(2):
        said = call("account", "member", "add", person)
        assert (said.code, f"{person} may read it" in said.out) == (0, True)
    assert [str(row["user_id"]) for row in rows(url, "select * from stopward.members")] == [person]
    assert call("account", "member", "remove", person).code == 0
    assert rows(url, "select * from stopward.members") == []


def test_a_member_needs_an_account_that_is_open_and_an_id(call: Call) -> None:
    person = "7a6f3a52-8a4b-4f0e-9a5c-0f2f3c1d2e3f"
    assert "unknown_account" in call("account", "member", "add", person).err
    assert call("account", "member", "add", "somebody").code == 2


def test_an_account_is_put_into_a_fleet_and_out_again(call: Call, url: str) -> None:
    call("account", "open", "Main")
    for arguments, fleet, says in (
        (("paper",), "paper", "in the fleet of paper from the next minute on"),
        (("live",), "live", "in the fleet of live from the next minute on"),
        (("--leave",), None, "in no fleet from the next minute on"),
    ):
        said = call("account", "fleet", *arguments)
        assert (said.code, says in said.out) == (0, True)
        assert rows(url, "select fleet from stopward.accounts") == [{"fleet": fleet}]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "say the stage"),
        (("paper", "--leave"), "say the stage"),
        (("Paper!",), 'stage was "Paper!"'),
    ],
)
def test_a_fleet_that_cannot_be_is_refused(
    call: Call, url: str, arguments: tuple[str, ...], says: str
) -> None:
    call("account", "open", "Main")
    said = call("account", "fleet", *arguments)
    assert (said.code, says in said.err) == (3, True)
    assert rows(url, "select fleet from stopward.accounts") == [{"fleet": None}]


def test_an_account_that_was_never_opened_is_in_no_fleet(call: Call) -> None:
    assert "unknown_account" in call("account", "fleet", "paper").err
