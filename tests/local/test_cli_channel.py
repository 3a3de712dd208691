"""Channels from the command line, on a real database."""

import io
from pathlib import Path

import pytest

from stopward.local import cli
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.outbox import Mailroom

ADDRESS = "https://hooks.slack.com/services/T/B/secret-path"


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str):
    with copy_of(postgres_server, template_database, "channels") as found:
        yield found


@pytest.fixture
def mail(url: str):
    found = Mailroom(url)
    yield found
    found.close()


@pytest.fixture
def call(url: str, mail: Mailroom, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "address").write_text(f"{ADDRESS}\n")

    def called(*arguments: str, account: str | None = mail.account_id) -> tuple[int, str, str]:
        about = () if account is None else ("--account", account)
        words = ("--folder", str(tmp_path / "home"), "channel", *arguments, "--database-url", url)
        code = cli.main([*words, *about])
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


def test_a_channel_is_put_tried_listed_and_removed(call, mail: Mailroom, tmp_path: Path) -> None:
    code, out, _ = call(
        "put", "chat", "--kind", "slack", "--address-file", str(tmp_path / "address"),
        "--topics", "alarm, halted", "--least-severity", "warning",
    )  # fmt: skip
    assert (code, out) == (
        0,
        f"account {mail.account_id}: channel chat is put; stopward channel try chat\n",
    )
    assert call("try", "chat")[0] == 0
    (row,) = mail.rows()
    assert (row["channel"], row["about"]) == ("chat", "trial")
    code, out, _ = call("list")
    assert code == 0
    assert out.splitlines()[1].split() == [
        "chat", "slack", "lambda", "alarm,halted", "from", "warning", "1", "0", "never",
    ]  # fmt: skip
    assert "secret-path" not in out
    assert call("put", "chat", "--off", "--topics", "all")[0] == 0
    assert "off: all from warning" in call("list")[1]
    assert call("remove", "chat")[1].endswith("channel chat is removed\n")
    assert call("remove", "chat")[1].endswith("channel chat was not there\n")
    assert "no channel" in call("list")[1]


def test_a_trial_says_when_it_goes(call, mail: Mailroom) -> None:
    mail.channel("desk")
    assert "it goes within a minute" in call("try", "desk")[1]
    mail.settle(mail.claim()[0], "put_back", hold_seconds=600)
    assert "it goes after 20" in call("try", "desk")[1]
    call("put", "desk", "--off")
    out = call("try", "desk")[1]
    assert "it goes once the channel is on" in out
    assert "within a minute" not in out


def test_what_was_given_up_is_queued_again(call, mail: Mailroom) -> None:
    mail.channel("desk")
    mail.tell()
    mail.settle(mail.claim()[0], "dead", error="answered 404")
    assert "answered 404" in call("list")[1]
    assert call("retry", "desk")[1] == f"account {mail.account_id}: 1 queued again\n"
    assert call("retry")[1] == f"account {mail.account_id}: 0 queued again\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("put", "chat", "--kind", "slack"), "address was null"),
        (("put", "Chat Room", "--kind", "slack"), "name was Chat Room"),
        (("try", "nowhere"), "channel nowhere is not known"),
    ],
)
def test_what_the_database_refuses_is_said(call, arguments: tuple[str, ...], told: str) -> None:
    code, out, err = call(*arguments)
    assert code == 5
    assert told in err
    assert out == ""


def test_an_address_that_is_not_safe_is_refused_and_not_repeated(
    call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("http://example.com/secret-path\n"))
    code, _, err = call("put", "chat", "--kind", "webhook", "--address-file", "-")
    assert code == 5
    assert "the address of kind webhook was not one" in err
    assert "secret-path" not in err


def test_an_empty_file_is_no_address(call, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    code, _, err = call("put", "chat", "--kind", "slack", "--address-file", str(tmp_path / "empty"))
    assert code == 3
    assert "its first line was empty" in err


def test_the_edge_function_is_told_where_and_told_no_more(
    call, mail: Mailroom, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("w" * 32)
    place = "https://project.supabase.co/functions/v1/notify"
    secret = ("--secret-file", str(tmp_path / "secret"))
    assert call("edge", place, *secret, account=None)[:2] == (0, "the edge function is told\n")
    found = mail.eyes.execute("select url, secret from stopward.edge_webhook").fetchall()
    assert found == [{"url": place, "secret": "w" * 32}]
    assert call("edge", "--off", account=None)[0] == 0
    assert mail.eyes.execute("table stopward.edge_webhook").fetchall() == []
    assert call("edge", account=None)[0] == 3
    assert call("edge", place, "--off", account=None)[0] == 3
