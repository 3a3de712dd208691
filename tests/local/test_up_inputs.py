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
    assert whole.last == datetime(2024, 3, 6, 14, 31, tzinfo=UTC)


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
    to_a_minute = window(inputs, until="09:31", minutes=None)
    assert to_a_minute.last == datetime(2024, 3, 6, 14, 31, tzinfo=UTC)


def test_a_run_ends_with_the_last_bar_and_never_after_the_close(tmp_path: Path) -> None:
    late = BARS + "AAPL,2024-03-06T21:30:00Z,100.8,102,100.5,101.5,1000\n"
    whole = window(inputs_of(tmp_path, bars=late), until=None, minutes=None)
    assert whole.last == datetime(2024, 3, 6, 21, 0, tzinfo=UTC)
    with pytest.raises(InvalidInput, match=r"--until was 10:30; allowed is after 09:30 to 09:31"):
        window(inputs_of(tmp_path), until="10:30", minutes=None)


def test_a_price_that_stands_still_before_the_end_is_told(tmp_path: Path) -> None:
    bars = BARS + "".join(f"MSFT,2024-03-05T14:3{n}:00Z,9,9,9,9,1\n" for n in range(2))
    positions = POSITIONS + "p2,MSFT,long,1,2024-03-05T14:30:00Z,9,8\n"
    inputs = inputs_of(tmp_path, bars=bars, positions=positions)
    (told,) = inputs.standing_still(window(inputs, until=None, minutes=None).last)
    assert told.endswith("MSFT at 09:32")
    assert inputs.standing_still(window(inputs, until=None, minutes=2).last) == ()


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


def test_a_rules_file_that_says_nothing_is_not_the_standard_rules(tmp_path: Path) -> None:
    inputs = inputs_of(tmp_path, rules="# nothing\n")
    assert inputs.rules_toml == "# nothing\n"
    assert inputs.book.account.adopt == "listed"
    with pytest.raises(InvalidInput, match="is empty; write at least"):
        inputs_of(tmp_path, rules=" \n")


def test_a_byte_order_mark_is_no_rule(tmp_path: Path) -> None:
    inputs = inputs_of(tmp_path, rules='\ufeff[account]\nadopt = "none"\n')
    assert inputs.book.account.adopt == "none"


def test_rules_that_are_not_text_are_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_bytes(b"# \xe9\n")
    bars, positions = tmp_path / "bars.csv", tmp_path / "positions.csv"
    with pytest.raises(InvalidInput, match=r"rules\.toml: not UTF-8; save it as UTF-8"):
        read_inputs(
            bars=bars, positions=positions, rules=tmp_path / "rules.toml",
            data_folder=tmp_path, cache=tmp_path,
        )  # fmt: skip


def test_bad_rules_are_refused_with_their_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"rules\.toml"):
        inputs_of(tmp_path, rules="[rules.nonsense]\n")
