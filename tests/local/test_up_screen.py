"""What a person sees: the table, the lines of a log, the summary, its JSON."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from xml.dom import minidom

import pytest
from rich.console import Console

from stopward.errors import InvalidInput
from stopward.local.screen.drawing import check_drawable, draw
from stopward.local.screen.live import Screen, line_of
from stopward.local.screen.picture import (
    Action,
    AlarmLine,
    Picture,
    PositionLine,
    RuleLine,
    Summary,
)
from stopward.local.screen.reader import sentence_of
from stopward.local.screen.report import document, print_summary, win_rate
from stopward.local.screen.table import render
from stopward.local.screen.words import (
    counted,
    listed,
    money_text,
    plain,
    price_text,
    r_text,
)
from tests.builders.manual_clock import ManualClock

OPEN = datetime(2013, 9, 3, 13, 30, tzinfo=UTC)
RED = "\x1b[1;31m"

LINE = PositionLine(
    symbol="AAPL",
    side="long",
    quantity=Decimal("100.5"),
    r_now=1.25,
    best_r=2.0,
    stop=Decimal("99.10"),
    protected=True,
    action="move stop",
    action_at=OPEN,
    why="best +2R reached the +1R mark",
)
ALARM = AlarmLine(
    kind="unprotected",
    symbol="AAPL",
    severity="critical",
    message="stops cover 0 of 100 [shares]",
    count=1,
)
PICTURE = Picture(
    now=OPEN,
    positions=(LINE,),
    actions=(Action(at=OPEN, symbol="AAPL", what="move stop", rule="breakeven", why="best +2R"),),
    alarms=(ALARM,),
    trades=3,
    total_r=-0.5,
    ticks=12,
)
SUMMARY = Summary(
    account_id="local",
    session_day="2013-09-03",
    first=OPEN,
    last=OPEN + timedelta(hours=1),
    positions=4,
    trades=3,
    wins=2,
    total_r=1.5,
    result=Decimal("1234.50"),
    open_positions=1,
    rules=(RuleLine(rule="breakeven", fired=5, moves=2, exits=0, trades=1, result_r=0.25),),
    unprotected=(),
    unprotected_seconds=2.0,
    unprotected_seconds_by_guard=1.0,
    ticks=360,
    decisions=900,
    orders=9,
    alarms=(),
    functions={"monitor": {"answered": 60}},
    real_seconds=12.0,
)


def drawn(picture: Picture, *, width: int = 140, height: int | None = None) -> str:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system="standard", record=True
    )
    console.print(render(picture, width=width, height=height))
    return console.export_text(styles=True)


def printed(summary: Summary) -> str:
    output = io.StringIO()
    print_summary(Console(file=output, width=140), summary)
    return output.getvalue()


def test_a_position_shows_how_it_stands_and_why() -> None:
    text = drawn(PICTURE)
    for part in ("AAPL", "long", "100.5", "+1.25R", "+2.00R", "99.10", "move stop 09:30", "mark"):
        assert part in text


def test_an_unprotected_position_and_its_alarm_are_red() -> None:
    naked = drawn(
        replace(PICTURE, positions=(replace(LINE, protected=False),), alarms=(), total_r=0.5)
    )
    assert "NONE (99.10 wanted)" in naked
    assert RED in naked
    assert RED not in drawn(replace(PICTURE, alarms=(), total_r=0.5))
    assert RED in drawn(replace(PICTURE, total_r=0.5))
    assert "[shares]" in drawn(PICTURE)


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_every_row_takes_one_line_whatever_the_width(width: int) -> None:
    long = replace(LINE, why="reason " * 40, rule="adverse_excursion", symbol="BRK.B")
    action = replace(PICTURE.actions[0], why="reason " * 40, rule="adverse_excursion")
    alarm = replace(ALARM, message="message " * 40)
    picture = replace(PICTURE, positions=(long,) * 3, actions=(action,) * 2, alarms=(alarm,))
    lines = drawn(picture, width=width).splitlines()
    assert len(lines) == 1 + 1 + 3 + 1 + 2 + 1 + 1  # titles, head, positions, actions, alarm
    assert sum("…" in line for line in lines) >= 3


def test_a_narrow_table_names_the_rule_and_a_wide_one_tells_why() -> None:
    line = replace(LINE, rule="breakeven")
    narrow = drawn(replace(PICTURE, positions=(line,), actions=()), width=80)
    assert "breakeven" in narrow
    assert "reached" not in narrow
    assert "reached" in drawn(replace(PICTURE, positions=(line,), actions=()), width=120)


def test_a_position_that_nothing_was_done_for_says_so() -> None:
    fresh = replace(LINE, action="", action_at=None, why="", rule="")
    assert "held so far" in drawn(replace(PICTURE, positions=(fresh,)))


def test_a_picture_is_the_same_file_each_time_and_fetches_nothing(tmp_path: Path) -> None:
    draw(PICTURE, tmp_path / "one.svg")
    draw(PICTURE, tmp_path / "two.svg")
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "two.svg").read_text(encoding="utf-8")
    assert "move&#160;stop" in text
    assert text.count("http") == 1  # the name of the format
    assert minidom.parseString(text).documentElement.tagName == "svg"  # noqa: S318 (our own)


def test_a_picture_that_could_not_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no folder"):
        check_drawable(tmp_path / "gone" / "one.svg")
    check_drawable(tmp_path / "one.svg")
    with pytest.raises(InvalidInput, match="cannot be written"):
        draw(PICTURE, tmp_path)


def test_a_small_terminal_says_how_many_positions_it_left_out() -> None:
    many = tuple(replace(LINE, symbol=f"S{number:02d}") for number in range(30))
    text = drawn(replace(PICTURE, positions=many), height=24)
    assert "S12" in text
    assert "S13" not in text
    assert "... 17 more" in text


def test_a_log_gets_a_line_each_quarter_of_an_hour_and_no_more_is_read() -> None:
    output = io.StringIO()
    console = Console(file=output, width=140)
    reads = 0

    def read() -> Picture:
        nonlocal reads
        reads += 1
        return PICTURE

    last = OPEN + timedelta(minutes=40)
    with Screen(console, first=OPEN, last=last, clock=ManualClock(OPEN)) as screen:
        for minute in range(41):
            screen.step(OPEN + timedelta(minutes=minute), read=read)
    assert reads == output.getvalue().count("\n") == 3


def test_a_terminal_is_redrawn_no_oftener_than_it_can_be_seen() -> None:
    console = Console(file=io.StringIO(), width=140, force_terminal=True)
    clock = ManualClock(OPEN)
    reads = 0

    def read() -> Picture:
        nonlocal reads
        reads += 1
        return PICTURE

    with Screen(console, first=OPEN, last=OPEN + timedelta(hours=1), clock=clock) as screen:
        for second in range(10):
            screen.step(OPEN + timedelta(seconds=second), read=read)
        assert reads == 1
        clock.sleep_until(OPEN + timedelta(seconds=1))
        screen.step(OPEN + timedelta(seconds=11), read=read)
    assert reads == 2


def test_the_line_counts_what_matters() -> None:
    naked = replace(PICTURE, positions=(LINE, replace(LINE, protected=False)))
    assert line_of(naked) == "09:30  open 2  closed 3  -0.50R  ticks 12  alarms 1  unprotected 1"


def test_the_summary_says_the_win_rate_with_its_n() -> None:
    text = printed(SUMMARY)
    assert "67% of n = 3" in text
    assert "+1.50R, +1,234.50 dollars" in text
    assert "breakeven" in text
    assert "UNPROTECTED" not in text


def test_without_trades_there_is_no_win_rate() -> None:
    nothing = replace(SUMMARY, trades=0, wins=0)
    assert win_rate(nothing) is None
    assert "no trades" in printed(nothing)


def test_an_unprotected_end_names_symbol_and_remedy() -> None:
    text = printed(replace(SUMMARY, unprotected=("AAPL",), alarms=(ALARM,)))
    assert "UNPROTECTED at the end: AAPL" in text
    assert "place one at the broker" in text
    assert "critical: AAPL: stops cover 0 of 100 [shares]" in text


def test_the_document_is_json_with_money_as_text() -> None:
    found = json.loads(json.dumps(document(SUMMARY), allow_nan=False))
    assert found["result"] == "1234.50"
    assert found["first"] == "2013-09-03T13:30:00+00:00"
    assert found["rules"][0]["rule"] == "breakeven"
    assert found["win_rate"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("rule", "expected"), [("volume", "dry"), ("breakeven", "high enough"), ("other", "dry")]
)
def test_the_sentence_is_that_of_the_rule_which_decided(rule: str, expected: str) -> None:
    reasons = [
        {"rule": "volume", "sentence": "dry"},
        {"rule": "breakeven", "sentence": "high enough"},
    ]
    assert sentence_of(reasons, rule) == expected
    assert sentence_of([], rule) == sentence_of(None, rule) == ""


def test_numbers_read_as_people_write_them() -> None:
    assert (r_text(None), r_text(0.004), r_text(-1.0)) == ("-", "+0.00R", "-1.00R")
    assert [plain(Decimal(text)) for text in ("100", "1E+2", "0.370")] == ["100", "100", "0.37"]
    assert [price_text(Decimal(text)) for text in ("9.100000", "0.1234", "7")] == [
        "9.10",
        "0.1234",
        "7.00",
    ]
    assert money_text(Decimal("-1234.5")) == "-1,234.50"
    assert r_text(-0.004) == "+0.00R"
    assert [counted(number, "position") for number in (0, 1, 2)] == [
        "0 positions", "1 position", "2 positions",
    ]  # fmt: skip
    assert listed(["A", "B", "C"], most=2) == "A, B and 1 more"
    assert listed(["A", "B"], most=2) == "A, B"


def test_a_function_that_fails_shows_while_it_does() -> None:
    broken = replace(PICTURE, trouble="monitor_positions failed: " + "x" * 200)
    text = drawn(broken, width=100)
    assert "monitor_positions failed" in text
    assert len(text.splitlines()) == len(drawn(PICTURE, width=100).splitlines()) + 1
    assert "TROUBLE monitor_positions failed" in line_of(broken)


def test_a_log_of_several_days_says_the_day() -> None:
    output = io.StringIO()
    console = Console(file=output, width=140)
    later = OPEN + timedelta(days=1)
    with Screen(console, first=OPEN, last=later, clock=ManualClock(OPEN)) as screen:
        screen.step(later, read=lambda: PICTURE)
    assert output.getvalue().startswith("2013-09-04 09:30")
