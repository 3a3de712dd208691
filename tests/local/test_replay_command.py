"""`stopward replay` over files: figures, JSON, CSV, and refusals that name what was wrong."""

import csv
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stopward.errors import InvalidInput
from stopward.local.cli import stopward_command
from stopward.local.replay.options import commission_of, slippage_of
from stopward.local.replay.telling import Printer
from stopward.replay.terms import Commission
from stopward.rules.types import Slippage
from tests.builders.data import BARS_HEADER, POSITIONS_HEADER, a_file
from tests.builders.pictures import read
from tests.conftest import MACHINE_CODE

OPENS = datetime(2024, 1, 3, 14, 30, tzinfo=UTC)
PRICES = (
    (100.0, 100.4, 99.8, 100.2),
    (100.2, 101.3, 100.1, 101.2),
    (101.2, 102.6, 98.7, 101.0),
    (101.0, 101.2, 100.8, 101.1),
)
"""The third bar holds the stop at 99 and a target at 102; the last ends in between."""
RULES = '[account]\nadopt = "all"\n[rules.target]\ndistance = "2 r"\nresting = true\n'
Replay = Callable[..., Result]


def bars(symbol: str = "AAPL") -> list[str]:
    return [
        f"{symbol},{(OPENS + timedelta(minutes=n)).isoformat()},{o},{h},{low},{c},1000"
        for n, (o, h, low, c) in enumerate(PRICES)
    ]


def a_position(name: str, *, symbol: str = "AAPL", stop: str = "99", at: int = 0) -> str:
    entry = (OPENS + timedelta(minutes=at)).isoformat()
    return f"{name},{symbol},long,100,{entry},{PRICES[at][0]},{stop}"


@pytest.fixture(scope="module")
def machine_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all runs here share, with the machine code that tests keep."""
    home = tmp_path_factory.mktemp("stopward")
    MACHINE_CODE.mkdir(parents=True, exist_ok=True)
    (home / "machine-code").symlink_to(MACHINE_CODE)
    return home


@pytest.fixture
def replay(tmp_path: Path, machine_code: Path) -> Replay:
    """Run the command over small files; `positions` and `rules` replace the usual ones."""

    def run(
        *options: str,
        positions: tuple[str, ...] = (a_position("p1"), a_position("p2", at=3)),
        rules: str = RULES,
        other_rules: str | None = None,
        rows: tuple[str, ...] | None = None,
        command: str = "replay",
    ) -> Result:
        folders = {name: tmp_path / name for name in ("bars", "positions", "rules")}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        files = [
            ("--bars", a_file(folders["bars"], BARS_HEADER, *(rows or bars()))),
            ("--positions", a_file(folders["positions"], POSITIONS_HEADER, *positions)),
            ("--rules", a_file(folders["rules"], rules)),
        ]
        if other_rules is not None:
            folder = tmp_path / "other"
            folder.mkdir(exist_ok=True)
            files.append(("--rules", a_file(folder, other_rules)))
        named = [text for option, path in files for text in (option, str(path))]
        arguments = ["--folder", str(machine_code), command, *named, *options]
        return CliRunner().invoke(stopward_command, arguments, standalone_mode=False)

    return run


def positions_of(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(result.stdout)))


def test_every_position_is_told_with_its_exit(replay: Replay) -> None:
    first, second = positions_of(replay("--csv", "--slippage", "none"))
    assert (first["exit_at"], first["exit_price"], first["rule"]) == (
        "2024-01-03T14:32:00+00:00", "99.0", "stop",
    )  # fmt: skip
    assert (first["gross_r"], first["other_r"], first["ambiguous"]) == ("-1.0", "2.0", "True")
    assert (second["rule"], second["still_open"], second["other_r"]) == ("open", "True", "")


def test_the_json_holds_figures_and_sales(replay: Replay) -> None:
    told = json.loads(replay("--json", "--slippage", "none", "--commission", "1/order").stdout)
    assert told["summary"]["positions"] == 2
    assert told["summary"]["ambiguous_r"] == 3.0
    (sale,) = told["positions"][0]["sales"]
    assert (sale["quantity"], sale["price"], sale["rule"]) == (100.0, 99.0, "stop")
    assert told["positions"][0]["net"] == -102.0


def test_people_get_a_table_and_what_they_must_know(replay: Replay) -> None:
    told = replay().stdout
    assert "2 positions replayed" in told
    assert "1 position met stop and target in one bar" in told
    assert "Fewer than 30 positions" in told


def test_one_position_is_told_as_one(replay: Replay) -> None:
    told = replay(positions=(a_position("p1"),)).stdout
    assert "1 position replayed" in told
    assert "differ most" not in replay(command="whatif", other_rules=RULES).stdout


def test_of_a_narrow_table_no_name_is_cut(replay: Replay, tmp_path: Path) -> None:
    """The near target wins on the days to choose by, each time of another risk."""
    days = ("2024-01-03", "2024-01-04", "2024-01-05")
    grid = a_file(
        tmp_path,
        '[grid]\n"rules.target.distance" = ["0.5 r"]\n"rules.session_flat.minutes" = [30]',
        "[split]\nfit = 2\nembargo = 0\ntest = 1",
    )
    told = replay(
        "--grid", str(grid), "--commission", "1/order", command="sweep",
        positions=tuple(
            a_position(day, at=number % 2).replace("2024-01-03T", f"{day}T")
            for number, day in enumerate(days)
        ),
        rows=tuple(row.replace("2024-01-03T", f"{day}T") for day in days for row in bars()),
    ).stdout  # fmt: skip
    assert "session_flat" in told[: told.index("Chosen")]
    assert "…" not in told


class Closed(StringIO):
    """A pipe that nobody reads any more."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_has_enough_ends_the_telling() -> None:
    """The command line ends with 0 then, as it does for what is no table."""
    with pytest.raises(BrokenPipeError):
        Printer(file=Closed()).print("a table")


def test_a_page_is_written_with_the_trades_that_are_named(replay: Replay, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    result = replay("--html", str(file), "--trades", "p2", "--json")
    tree = read(file.read_text(encoding="utf-8"))
    assert tree.findtext("body/h1") == "2 positions replayed"
    assert [each.text for each in tree.iter("h3")][4:] == ["p2: AAPL, long"]
    assert json.loads(result.stdout)["summary"]["positions"] == 2
    assert f"the page is {file}" in result.stderr


def test_without_names_a_page_draws_what_is_worth_a_look(replay: Replay, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    assert "2 positions replayed" in replay("--html", str(file)).stdout
    text = file.read_text(encoding="utf-8")
    assert "worst, gave back most, stop and target in one bar" in text
    assert "<dt>timing</dt><dd>executable</dd>" in text
    assert "for comparison" not in text


def test_a_page_says_what_must_be_said_of_every_figure(replay: Replay, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    replay("--html", str(file), "--timing", "idealised")
    assert "Timing idealised, for comparison: live cannot" in file.read_text(encoding="utf-8")
    strategy = '{"minimal_roi": {"0": 0.01}, "stoploss": -0.05, "trailing_stop": false}'
    replay("--html", str(file), "--policy", "freqtrade", rules=strategy)
    text = file.read_text(encoding="utf-8")
    assert "Policy freqtrade: optimistic assumptions" in text
    assert "Entered at 100.00, stop 95.00;" in text


FILES = ("--bars", "bars.csv", "--positions", "positions.csv")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("--journal", *FILES), "--bars"),
        (("--journal", "--html", "page.html"), "--html"),
        (("--journal", "--csv"), "--csv"),
        (("--journal", "--rules", "my.toml"), "--rules"),
        (("--journal", "--slippage", "none"), "--slippage"),
        ((*FILES, "--since", "2026-11-23"), "--since"),
        ((*FILES, "--until", "2026-11-23"), "--until"),
        ((*FILES, "--account", "a1"), "--account"),
        ((*FILES, "--policy", "freqtrade", "--timing", "idealised"), "--timing"),
        ((*FILES, "--policy", "freqtrade", "--gap", "open"), "--gap"),
        ((*FILES, "--policy", "freqtrade", "--intrabar", "seconds.csv"), "--intrabar"),
    ],
    ids=str,
)
def test_an_option_that_would_mean_nothing_is_refused(words: tuple[str, ...], option: str) -> None:
    result = CliRunner().invoke(stopward_command, ["replay", *words])
    assert result.exit_code == 2
    assert re.search(f"{option} (is of|says nothing)", result.output)


def test_what_the_environment_says_is_no_mistake(
    replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOPWARD_ACCOUNT_ID", "a1")
    assert replay("--csv").exception is None


def test_finer_bars_settle_what_one_bar_does_not(replay: Replay, tmp_path: Path) -> None:
    start = OPENS + timedelta(minutes=2)
    inside = [(101.2, 102.6, 101.0, 102.0), (102.0, 102.0, 98.7, 101.0)]
    rows = [
        f"AAPL,{(start + timedelta(seconds=30 * n)).isoformat()},{o},{h},{low},{c},1"
        for n, (o, h, low, c) in enumerate(inside)
    ]
    (first,) = positions_of(
        replay("--csv", "--intrabar", str(a_file(tmp_path, BARS_HEADER, *rows)),
               positions=(a_position("p1"),))
    )  # fmt: skip
    assert (first["rule"], first["exit_price"], first["ambiguous"]) == ("target", "102.0", "False")


def test_attribution_says_what_each_rule_did(replay: Replay) -> None:
    """Without its target the first position, stopped, is as it was: the stop came first."""
    told = json.loads(replay("--json", "--slippage", "none", command="attribution").stdout)
    (target,) = told["rules"]
    assert (target["rule"], target["fired"], target["unknown"]) == ("target", 0, 0)
    assert told["positions"][0]["saved_r"] == {"target": 0.0}
    shown = replay(command="attribution").stdout
    assert "what each rule did" in shown
    assert "All positions are of one day" in shown


def test_whatif_pairs_two_rule_files(replay: Replay) -> None:
    """A target at half an R is traded through in the second bar, before the stop."""
    near = RULES.replace("2 r", "0.5 r")
    options = ("--json", "--slippage", "none")
    told = json.loads(replay(*options, other_rules=near, command="whatif").stdout)
    assert (told["changed"], told["better"], told["worse"]) == (1, 1, 0)
    (most,) = told["differ_most"]
    assert (most["position_id"], most["first_r"], most["second_r"]) == ("p1", -1.0, 0.5)
    assert "p1" in replay(other_rules=near, command="whatif").stdout
    refused = replay(command="whatif")
    assert "--rules was given 1 times; two files are compared" in str(refused.exception)


def test_a_strategy_of_freqtrade_is_walked_as_it_would_be_there(replay: Replay) -> None:
    """Its profit of 1 % is reached inside the second bar; ours is a target that rests."""
    strategy = '{"minimal_roi": {"0": 0.01}, "stoploss": -0.05, "trailing_stop": false}'
    result = replay("--policy", "freqtrade", rules=strategy)
    assert "Policy freqtrade:" in result.stdout
    stopped = strategy.replace("-0.05", "-0.01")
    (row, _) = positions_of(replay("--csv", "--policy", "freqtrade", rules=stopped))
    assert row["gross_r"] == row["slipped_r"]
    (first, _) = positions_of(
        replay("--csv", "--policy", "freqtrade", "--slippage", "none", rules=strategy)
    )
    assert (first["exit_at"], float(first["exit_price"])) == ("2024-01-03T14:31:00+00:00", 101.0)


def test_a_sweep_is_judged_on_later_days_or_refused(replay: Replay, tmp_path: Path) -> None:
    """Two days of one position each: the first chooses, the second judges."""
    later = [row.replace("2024-01-03", "2024-01-04") for row in bars()]
    more = [row.replace("2024-01-03", "2024-01-05") for row in bars()]
    days = ("2024-01-03", "2024-01-04", "2024-01-05")
    held = tuple(a_position(day).replace("2024-01-03T", f"{day}T") for day in days)
    grid = a_file(
        tmp_path,
        '[grid]\n"rules.target.distance" = ["0.5 r", "1 r"]',
        "[split]\nfit = 2\nembargo = 0\ntest = 1",
    )
    told = replay(
        "--json", "--grid", str(grid), command="sweep", positions=held,
        rows=(*bars(), *later, *more),
    )  # fmt: skip
    found = json.loads(told.stdout)
    assert (found["tried"], len(found["folds"])) == (3, 1)
    assert found["folds"][0]["positions"] == 1
    assert found["holds"] is False
    refused = replay("--grid", str(grid), command="sweep")
    assert "positions were entered on 1 days; the split needs 3 at least" in str(refused.exception)


SCORED = RULES + "[rules.model_tighten]\n"
SILENT = "note: model_tighten is silent in a replay: it goes by scores, and bars have none\n"


def test_a_rule_that_no_replay_hears_is_told_and_changes_nothing(replay: Replay) -> None:
    heard, silent = replay("--json"), replay("--json", rules=SCORED)
    assert silent.stdout == heard.stdout
    assert (heard.stderr, silent.stderr) == ("", SILENT)
    measured = replay("--json", rules=RULES + "[rules.adverse_excursion]\n").stderr
    assert measured.startswith("note: adverse_excursion is silent in a replay: its limit is")
    assert replay("--json", rules=RULES + "[rules.adverse_excursion]\nlimit_r = 1\n").stderr == ""


def test_what_it_was_worth_is_unknown(replay: Replay) -> None:
    result = replay("--json", command="attribution", rules=SCORED)
    assert result.stderr == SILENT
    rules = {each["rule"]: each for each in json.loads(result.stdout)["rules"]}
    assert rules["model_tighten"]["unknown"] == 2


def test_of_two_files_and_of_a_grid_the_same_is_told(replay: Replay, tmp_path: Path) -> None:
    assert replay("--json", command="whatif", other_rules=SCORED).stderr == SILENT
    days = ("2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08")
    rows = tuple(row.replace("2024-01-03T", f"{day}T") for day in days for row in bars())
    held = tuple(a_position(day).replace("2024-01-03T", f"{day}T") for day in days)
    (tmp_path / "tried").mkdir()
    grid = a_file(
        tmp_path / "tried",
        '[grid]\n"rules.model_tighten.below" = [0.3, 0.4]',
        "[split]\nfit = 2\nembargo = 0\ntest = 1",
    )
    told = replay("--grid", str(grid), command="sweep", positions=held, rows=rows)
    assert told.exception is None
    assert told.stderr == SILENT


def test_positions_that_the_rules_leave_alone_are_not_walked_and_told(replay: Replay) -> None:
    rules = RULES.replace('adopt = "all"', 'adopt = "listed"\nallow = ["AAPL"]')
    result = replay(
        "--json",
        rules=rules,
        rows=(*bars(), *bars("MSFT")),
        positions=(a_position("p1"), a_position("p9", symbol="MSFT")),
    )
    told = json.loads(result.stdout)
    assert [row["position_id"] for row in told["positions"]] == ["p1"]
    assert list(told["left_alone"]) == ["p9"]


LISTED = RULES.replace('adopt = "all"', 'adopt = "listed"\nallow = ["AAPL"]')
TWO = (a_position("p1"), a_position("p9", symbol="MSFT"))
LEFT = 'note: 1 position is left alone, p9 because account.adopt is "listed"'


@pytest.mark.parametrize(
    ("command", "options", "others"),
    [
        ("replay", ("--csv",), {"rules": LISTED}),
        ("attribution", ("--json",), {"rules": LISTED}),
        ("whatif", ("--json",), {"rules": LISTED, "other_rules": RULES}),
        ("whatif", ("--json",), {"rules": RULES, "other_rules": LISTED}),
    ],
)
def test_where_no_table_tells_it_a_note_does(
    replay: Replay, command: str, options: tuple[str, ...], others: dict[str, str]
) -> None:
    """Of two rule files a position is compared that both guard."""
    rows = (*bars(), *bars("MSFT"))
    result = replay(*options, command=command, rows=rows, positions=TWO, **others)
    assert result.stderr.startswith(LEFT)
    assert "p1" in result.stdout
    assert "p9" not in result.stdout


def test_bars_outside_sessions_are_counted(replay: Replay) -> None:
    early = [row.replace("T14:3", "T13:3") for row in bars()]
    result = replay("--csv", rows=(*early, *bars()))
    assert result.stderr == "note: 4 of 8 bars lie outside sessions: passed over\n"


def test_an_entry_long_before_the_bars_is_flagged(replay: Replay) -> None:
    old = a_position("p1").replace("2024-01-03T", "2023-12-29T")
    (row,) = positions_of(replay("--csv", positions=(old,)))
    assert row["misses_bars"] == "True"
    told = " ".join(replay(positions=(old,)).stdout.split())
    assert "1 position lived through more than 30 minutes of session without a bar" in told


def test_what_finer_bars_would_settle_is_said_where_they_are_heard(replay: Replay) -> None:
    assert "--intrabar FILE settles" in replay().stdout
    strategy = '{"minimal_roi": {"0": 0.01}, "stoploss": -0.005, "trailing_stop": false}'
    told = replay("--policy", "freqtrade", rules=strategy).stdout
    assert "stop and target in one bar" in told
    assert "--intrabar" not in told


@pytest.mark.parametrize(
    ("options", "positions", "words"),
    [
        (("--slippage", "1 dog"), None, '"1 dog" is not a number and one of tick, spread, %'),
        (("--commission", "1/share, 2/share"), None, "/share is there twice"),
        (("--equity", "none"), None, "allowed is an amount of dollars above 0"),
        (("--json", "--csv"), None, "choose one"),
        (("--trades", "p1"), None, "--trades chooses what --html FILE draws"),
        (("--html", "no-such-folder/page.html"), None, "there is no folder no-such-folder"),
        (("--html", "page.html", "--trades", "p7"), None, 'no position is called "p7"'),
        ((), (a_position("p1", symbol="MSFT"),), "the bars have no such symbol; they have AAPL"),
        ((), (a_position("p1"), a_position("p1", at=1)), "is used twice"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_told(
    replay: Replay, options: tuple[str, ...], positions: tuple[str, ...] | None, words: str
) -> None:
    result = replay(*options) if positions is None else replay(*options, positions=positions)
    assert isinstance(result.exception, InvalidInput)
    assert words in str(result.exception)
    assert result.stdout == ""


def test_every_position_left_alone_is_refused_with_the_reason(replay: Replay) -> None:
    result = replay(rules=RULES.replace('"all"', '"none"'))
    assert 'every position is left alone: account.adopt is "none"' in str(result.exception)


@pytest.mark.parametrize(
    ("command", "told"),
    [("replay", "--positions FILE, or --journal\n"), ("whatif", "--positions FILE\n")],
)
def test_without_files_it_says_what_it_needs(command: str, told: str) -> None:
    result = CliRunner().invoke(stopward_command, [command])
    assert result.exit_code == 2
    assert f"--bars FILE and {told}" in result.output


@pytest.mark.parametrize(
    ("text", "exits", "slippage"),
    [
        (None, False, Slippage(1.0, 0.5, 0.0, 0.0)),
        (None, True, Slippage(1.0, 0.5, 0.0, 1.0)),
        ("none", False, Slippage(0.0, 0.0, 0.0, 0.0)),
        ("2 ticks", False, Slippage(2.0, 0.0, 0.0, 0.0)),
        ("1 tick, .5 spread, 0.05 %", False, Slippage(1.0, 0.5, 0.0005, 0.0)),
    ],
)
def test_slippage_as_people_write_it(text: str | None, exits: bool, slippage: Slippage) -> None:
    assert slippage_of(text, exits=exits) == slippage


@pytest.mark.parametrize(
    ("text", "commission"),
    [
        (None, Commission()),
        ("none", Commission()),
        ("0.005/share, 1 least", Commission(per_share=0.005, least=1.0)),
        ("1/order, 0.1 %", Commission(per_order=1.0, fraction=0.001)),
    ],
)
def test_commission_as_people_write_it(text: str | None, commission: Commission) -> None:
    assert commission_of(text) == commission
