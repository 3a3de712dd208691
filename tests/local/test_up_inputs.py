"""What a run lives on: read whole, refused before anything is written."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from stopward.errors import InvalidInput
from stopward.local.up.inputs import Inputs, read_inputs, window

BARS = """symbol,at,open,high,low,close,volume
AAPL,2024-03-05T14:30:00Z,100,101,99.5,100.5,1000
AAPL,2024-03-05T14:31:00Z,100.5,101,100,100.8,1000
AAPL,2024-03-06T14:30:00Z,100.8,102,100.5,101.5,1000
"""
POSITIONS = """position_id,symbol,side,quantity,entry_at,entry_price,initial_stop
p1,AAPL,long,100,2024-03-05T14:30:00Z,100,98
"""


def inputs_of(
    folder: Path, *, bars: str = BARS, positions: str = POSITIONS, rules: str | None = None
) -> Inputs:
    (folder / "bars.csv").write_text(bars, encoding="utf-8")
    (folder / "positions.csv").write_text(positions, encoding="utf-8")
    if rules is not None:
        (folder / "rules.toml").write_text(rules, encoding="utf-8")
    return read_inputs(
        bars=folder / "bars.csv",
        positions=folder / "positions.csv",
        rules=None if rules is None else folder / "rules.toml",
        data_folder=folder,
        cache=folder,
    )


def test_the_traders_files_span_the_sessions_that_their_bars_cover(tmp_path: Path) -> None:
    inputs = inputs_of(tmp_path)
    assert [session.day for session in inputs.sessions] == ["2024-03-05", "2024-03-06"]
    assert [position.id for position in inputs.positions] == ["p1"]
    assert inputs.book.account.adopt == "all"
    whole = window(inputs, until=None, minutes=None)
    assert whole.first == datetime(2024, 3, 5, 14, 30, tzinfo=UTC)
    assert whole.last == datetime(2024, 3, 6, 21, 0, tzinfo=UTC)


def test_the_calendar_reaches_back_far_enough_for_daily_bars(tmp_path: Path) -> None:
    calendar = inputs_of(tmp_path).calendar
    assert sum(session.day < "2024-03-05" for session in calendar) > 14
    assert calendar[-1].day > "2024-03-06"


def test_the_traders_own_rules_are_used(tmp_path: Path) -> None:
    inputs = inputs_of(tmp_path, rules='[account]\nadopt = "listed"\nallow = ["AAPL"]\n')
    assert inputs.book.account.adopt == "listed"


def test_minutes_and_until_shorten_the_run(tmp_path: Path) -> None:
    inputs = inputs_of(tmp_path)
    assert window(inputs, until=None, minutes=20).last == datetime(2024, 3, 5, 14, 50, tzinfo=UTC)
    half_past = window(inputs, until="10:30", minutes=None)
    assert half_past.last == datetime(2024, 3, 6, 15, 30, tzinfo=UTC)


def test_an_end_before_the_open_is_refused(tmp_path: Path) -> None:
    one_day = "\n".join(BARS.splitlines()[:3])
    inputs = inputs_of(tmp_path, bars=one_day)
    with pytest.raises(InvalidInput, match="--until was 09:00; allowed"):
        window(inputs, until="09:00", minutes=None)


def test_bars_outside_every_session_are_refused(tmp_path: Path) -> None:
    saturday = BARS.replace("2024-03-05", "2024-03-02").replace("2024-03-06", "2024-03-03")
    early = POSITIONS.replace("2024-03-05", "2024-03-02")
    with pytest.raises(InvalidInput, match="no bar lies in a session"):
        inputs_of(tmp_path, bars=saturday, positions=early)


def test_bad_rules_are_refused_with_their_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"rules\.toml"):
        inputs_of(tmp_path, rules="[rules.nonsense]\n")
