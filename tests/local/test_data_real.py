"""Real data, as the packages ship it; and the path that is simulated inside a real day."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.domain.identity import Symbol
from stopward.errors import InvalidInput
from stopward.local.data import emini
from stopward.local.data.calendar import session_of
from stopward.local.data.packages import data_folder
from stopward.local.data.simulated_path import simulated_path, u_shape
from stopward.local.data.stocks import SPLITS, adjusted, bar_of, read_daily
from tests.builders.data import DATA, OPENS_AT, a_day


@pytest.fixture(scope="module")
def daily():
    return read_daily(DATA)


@pytest.fixture(scope="module")
def minutes(tmp_path_factory):
    return emini.read_minutes(DATA, cache=tmp_path_factory.mktemp("cache"))


def test_the_package_holds_12154_days_of_five_stocks(daily):
    assert {symbol: len(bars) for symbol, bars in daily.items()} == {
        "AAPL": 3270, "FB": 196, "GOOG": 2148, "IBM": 3270, "MSFT": 3270,
    }  # fmt: skip
    assert sum(len(bars) for bars in daily.values()) == 12_154


def test_every_day_is_a_session_of_the_calendar_in_order_and_inside_its_range(daily):
    for bars in daily.values():
        assert all(before.at < after.at for before, after in pairwise(bars))
        for bar in bars:
            assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
    days = {bar.at.astimezone(UTC).date() for bar in daily["IBM"]}
    assert all(session_of(day) is not None for day in days)


@pytest.mark.parametrize(
    ("symbol", "before", "after"),
    [
        ("AAPL", "2000-06-20", "2000-06-21"),
        ("AAPL", "2005-02-25", "2005-02-28"),
        ("MSFT", "2003-02-14", "2003-02-18"),
    ],
)
def test_a_split_is_a_jump_as_traded_and_none_once_adjusted(daily, symbol, before, after):
    last, first = date.fromisoformat(before), date.fromisoformat(after)
    raw = daily[symbol]
    assert bar_of(raw, first).open / bar_of(raw, last).close == pytest.approx(0.5, abs=0.02)
    smooth = adjusted(raw, as_of=first)
    assert bar_of(smooth, first).open / bar_of(smooth, last).close == pytest.approx(1, abs=0.03)
    assert bar_of(smooth, last).volume == 2 * bar_of(raw, last).volume
    assert len(SPLITS[symbol]) == (2 if symbol == "AAPL" else 1)


def test_bars_are_in_the_money_of_the_day_asked_for(daily):
    raw = daily["AAPL"]
    oldest = raw[0]
    assert adjusted(raw, as_of=date(2000, 6, 20))[0] == oldest
    assert adjusted(raw, as_of=date(2000, 6, 21))[0].close == oldest.close / 2
    latest = adjusted(raw, as_of=date(2013, 3, 1))
    assert latest[0].close == oldest.close / 4
    assert latest[-1] == raw[-1]
    assert len(latest) == len(raw)


def test_there_are_2264_minutes_of_the_e_mini(minutes):
    assert len(minutes) == 2264
    assert minutes[0].at == datetime(2013, 9, 1, 22, 0, tzinfo=UTC)  # Sunday, 17:00 in Chicago
    assert minutes[-1].at == datetime(2013, 9, 3, 18, 51, tzinfo=UTC)
    assert all(bar.close * 4 == int(bar.close * 4) for bar in minutes)
    gaps = [b.at - a.at for a, b in pairwise(minutes) if b.at - a.at > timedelta(minutes=1)]
    assert len(gaps) == 37


def test_the_regular_session_of_the_e_mini_ends_where_its_ticks_do(minutes):
    session = session_of(date(2013, 9, 3))
    assert session is not None
    bars = emini.closed_minutes(minutes, opens_at=session.opens_at, closes_at=session.closes_at)
    assert len(bars) == 321
    assert (bars[0].at, bars[0].open) == (session.opens_at, 1646.5)
    assert bars[0].high == 1648.0
    assert bars[-1].at == datetime(2013, 9, 3, 18, 50, tzinfo=UTC)  # 14:50 in New York
    assert all(b.at - a.at == timedelta(minutes=1) for a, b in pairwise(bars))


def test_minutes_read_from_the_cache_are_the_same_and_leave_nothing_else_behind(minutes, tmp_path):
    first = emini.read_minutes(DATA, cache=tmp_path / "new")
    again = emini.read_minutes(DATA, cache=tmp_path / "new")
    assert first == again == minutes
    assert [path.suffix for path in (tmp_path / "new").iterdir()] == [".csv"]


def test_a_missing_package_says_how_to_install_it(tmp_path):
    with pytest.raises(InvalidInput, match=r"pip install .* --target .* -r requirements/data.txt"):
        read_daily(tmp_path)
    with pytest.raises(InvalidInput, match="the data package mlfinpy is missing"):
        emini.read_minutes(tmp_path, cache=tmp_path)


def test_the_folder_of_the_packages_may_be_given_named_or_the_default(tmp_path):
    named = {"STOPWARD_DATA_FOLDER": str(tmp_path / "named")}
    assert data_folder(tmp_path, environment=named) == tmp_path
    assert data_folder(None, environment=named) == tmp_path / "named"
    assert data_folder(None, environment={}) == DATA


def test_a_simulated_path_keeps_the_real_open_high_low_close_and_volume(daily):
    for day in (*daily["FB"], *daily["AAPL"][2500:2600]):
        path = simulated_path(day, symbol=Symbol("X"), opens_at=OPENS_AT)
        assert len(path) == 390
        assert (path[0].open, path[-1].close) == (day.open, day.close)
        assert max(bar.high for bar in path) == day.high
        assert min(bar.low for bar in path) == day.low
        assert sum(bar.volume for bar in path) == day.volume


cents = st.integers(100, 100_000)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), low=cents, height=st.integers(0, 2000))
def test_a_simulated_path_is_a_path_of_cents_inside_the_day(data, low, height):
    inside = st.integers(low, low + height).map(lambda cent: cent / 100)
    first, last = data.draw(inside), data.draw(inside)
    day = a_day(prices=(first, (low + height) / 100, low / 100, last), volume=5000.0)
    path = simulated_path(day, symbol=Symbol("X-1"), opens_at=OPENS_AT)
    for bar in path:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert all(p == round(p, 2) for p in (bar.open, bar.high, bar.low, bar.close))
        assert bar.volume >= 0
    assert all(before.close == after.open for before, after in pairwise(path))
    assert max(bar.high for bar in path) == day.high
    assert min(bar.low for bar in path) == day.low


def test_a_day_has_one_path_whatever_it_is_called_and_another_day_another():
    first = simulated_path(a_day(), symbol=Symbol("A"), opens_at=OPENS_AT)
    again = simulated_path(a_day(), symbol=Symbol("B"), opens_at=OPENS_AT)
    other = simulated_path(a_day(day="2013-01-03"), symbol=Symbol("A"), opens_at=OPENS_AT)
    assert [bar.close for bar in first] == [bar.close for bar in again]
    assert [bar.close for bar in first] != [bar.close for bar in other]
    # The very prices: they must be the same on every machine and every Python.
    assert [bar.close for bar in first[:5]] == FIRST_CLOSES


FIRST_CLOSES = [100.4, 100.52, 100.24, 100.04, 99.97]


def test_volume_is_u_shaped():
    shares = u_shape()
    assert sum(shares) == pytest.approx(1.0)
    noon = sum(shares[180:210])
    assert sum(shares[:30]) > 2 * noon
    assert sum(shares[-30:]) > 1.5 * noon
