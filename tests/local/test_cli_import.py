"""`stopward import`: preview, question, writing, and taking back; on a real database."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from stopward.local import cli
from tests.builders.history_files import ALPACA, IBKR_PLAIN, TRADERVUE
from tests.conftest import MakeDatabase

NEW_YORK = ("--timezone", "America/New_York")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, object]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Call = Callable[..., Said]


@pytest.fixture
def url(
    make_database: MakeDatabase, template_database: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    for name in ("STOPWARD_DATABASE_URL", "STOPWARD_ACCOUNT_ID"):
        monkeypatch.delenv(name, raising=False)
    found = make_database(template=template_database)
    with psycopg.connect(found) as connection:
        connection.execute("""select api.open_account('{"account_id": "main", "name": "Main"}')""")
    return found


@pytest.fixture
def call(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def called(text: str | None, *arguments: str, account: str = "main") -> Said:
        file = tmp_path / "export.csv"
        if text is not None:
            file.write_text(text, encoding="utf-8")
        given = () if text is None else (str(file),)
        where = ("--database-url", url, "--account", account)
        folder = ("--folder", str(tmp_path / "home"))
        code = cli.main([*folder, "import", *given, *arguments, *where])
        found = capsys.readouterr()
        return Said(code, found.out.replace(str(tmp_path), "."), found.err)

    return called


def stored(url: str) -> tuple[int, int]:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select (select count(*) from stopward.imported_executions),"
            " (select count(*) from stopward.imported_trades)"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def test_a_preview_shows_everything_and_writes_nothing(call: Call, url: str) -> None:
    said = call(TRADERVUE, *NEW_YORK, "--preview")
    assert said.code == 0
    assert said.out.splitlines() == [
        "./export.csv: tradervue, 4 executions, 2024-01-17 to 2024-01-18 (New York), times read "
        "in America/New_York",
        "symbol  trades  long  short  won  fees  result  left open",
        "SPY          1     1      0    1  1.83   35.17",
        "TSLA         1     0      1    1  0.52   54.48",
        "note: closed, but opened before the file begins, so no trade: TSLA 1000 on 2024-01-18",
        "note: 2 trades without an initial stop: their R is unknown, and stays so",
    ]
    assert stored(url) == (0, 0)


def test_it_asks_before_it_writes(call: Call, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(text: str, **_options: object) -> bool:
        asked.append(text)
        raise cli.click.Abort

    monkeypatch.setattr("click.confirm", refuse)
    assert call(TRADERVUE, *NEW_YORK).code == 130
    assert asked == ["Store 4 executions and 2 trades in account main?"]
    assert stored(url) == (0, 0)
    monkeypatch.setattr("click.confirm", lambda _text, **_options: True)
    said = call(TRADERVUE, *NEW_YORK)
    assert said.out.endswith("account main: 4 executions and 2 trades stored\n")
    assert stored(url) == (4, 2)


def test_importing_again_writes_nothing_and_asks_nothing(call: Call, url: str) -> None:
    assert call(TRADERVUE, *NEW_YORK, "--yes").code == 0
    said = call(TRADERVUE, *NEW_YORK)
    assert said.out.splitlines()[1:] == [
        "note: 4 executions of it stored already, left as they are",
        "account main: nothing new; nothing was written",
    ]
    assert stored(url) == (4, 2)


def test_an_overlapping_export_adds_what_is_new(call: Call, url: str) -> None:
    head, first, second, *_ = TRADERVUE.splitlines(keepends=True)
    said = call(head + first, *NEW_YORK, "--yes")
    assert "note: open at the end, so no trade yet: SPY long 100 since 2024-01-17" in said.out
    assert stored(url) == (1, 0)
    said = call(head + first + second, *NEW_YORK, "--yes")
    assert "account main: 1 execution and 1 trade stored" in said.out
    assert stored(url) == (2, 1)


def test_the_wrong_zone_the_second_time_is_seen(call: Call, url: str) -> None:
    assert call(TRADERVUE, *NEW_YORK, "--yes").code == 0
    said = call(TRADERVUE, "--timezone", "America/Chicago", "--yes")
    assert said.code == 3
    assert "is it the right --timezone? `stopward import --forget tradervue`" in said.err
    assert stored(url) == (4, 2)


def test_a_zone_that_puts_trades_into_the_night_is_doubted(call: Call) -> None:
    said = call(TRADERVUE, "--timezone", "Asia/Tokyo", "--preview")
    assert "2 of 4 executions lie outside 4:00 to 20:00 of a weekday in New York" in said.out


def test_json_is_one_document(call: Call, url: str) -> None:
    said = call(IBKR_PLAIN, *NEW_YORK, "--json", "--yes")
    assert said.code == 0
    found = said.document
    assert found["source"] == "ibkr"
    assert found["written"] == {"executions": 2, "trades": 1, "trades_removed": 0}
    assert (found["result"], found["fees"]) == ("11.791912", "0.708088")
    assert found["left_out"] == {
        "level of detail ORDER, no execution": 1,
        "level of detail CLOSED_LOT, no execution": 1,
        "asset class OPT, no stock": 1,
        "currency EUR, not USD": 1,
    }
    assert found["symbols"] == [
        {
            "symbol": "BRK.B", "trades": 1, "long": 1, "short": 0, "won": 1, "fees": "0.71",
            "result": "11.79", "left_open": None,
        }
    ]  # fmt: skip
    assert call(IBKR_PLAIN, *NEW_YORK, "--json", "--preview").document["written"] is None


def test_another_source_with_the_same_symbols_is_told(call: Call) -> None:
    assert call(ALPACA, "--yes").code == 0
    text = "Date,Time,Symbol,Quantity,Price,Side\n1/3/2024,09:30:05,AAPL,60,184.25,Buy\n"
    said = call(text, *NEW_YORK, "--preview")
    assert "another source has executions of AAPL too" in said.out


def test_a_source_is_taken_back(call: Call, url: str) -> None:
    assert call(TRADERVUE, *NEW_YORK, "--yes").code == 0
    assert call(ALPACA, "--yes").code == 0
    said = call(None, "--forget", "tradervue", "--yes")
    assert said.out == "account main: 4 executions and 2 trades of tradervue taken back\n"
    assert stored(url) == (3, 1)
    said = call(None, "--forget", "alpaca", "--yes", "--json")
    assert said.document == {"executions": 3, "trades": 1}


def test_a_bad_row_stops_it_and_is_left_out_when_asked(call: Call, url: str) -> None:
    text = TRADERVUE + "01/19/2024,10:00:00,SPY,ten,470,Buy,,,\n"
    said = call(text, *NEW_YORK, "--yes")
    assert said.code == 3
    assert 'row 6, column Quantity: was "ten"; write a plain number' in said.err
    assert stored(url) == (0, 0)
    said = call(text, *NEW_YORK, "--yes", "--skip-bad-rows")
    assert "note: 1 bad row skipped; the first:\nnote: row 6, column Quantity" in said.out
    assert stored(url) == (4, 2)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 3, "say which it is, as in --timezone America/New_York"),
        (("--timezone", "New York"), 3, "--timezone was 'New York'; allowed is a name such as"),
        (("--timezone", "../etc"), 3, "--timezone was '../etc'"),
        ((*NEW_YORK, "--json"), 2, "--json asks nothing: add --yes, or --preview"),
        ((*NEW_YORK, "--forget", "ibkr"), 2, "say a FILE to import, or --forget and a source"),
        ((*NEW_YORK, "--format", "alpaca"), 3, "row 1: missing transaction_time"),
    ],
)
def test_what_cannot_be_meant(
    call: Call, url: str, arguments: tuple[str, ...], code: int, said: str
) -> None:
    found = call(TRADERVUE, *arguments)
    assert found.code == code
    assert said in found.err
    assert stored(url) == (0, 0)


def test_an_account_that_was_never_opened(call: Call, url: str) -> None:
    said = call(TRADERVUE, *NEW_YORK, "--yes", account="nobody")
    assert said.code == 5
    assert "open it with `stopward account open" in said.err
    assert stored(url) == (0, 0)


def test_a_preview_needs_no_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STOPWARD_DATABASE_URL", raising=False)
    file = tmp_path / "export.json"
    file.write_text(ALPACA, encoding="utf-8")
    folder = ("--folder", str(tmp_path / "home"))
    assert cli.main([*folder, "import", str(file), "--preview"]) == 0
    out = capsys.readouterr().out
    assert "AAPL         1     1      0    1  0.00   74.60" in out
    assert "note: not compared with what is stored: no database was named" in out
    assert cli.main([*folder, "import", str(file)]) == 3
    assert cli.main([*folder, "import", str(tmp_path / "none.csv"), "--preview"]) == 3
