"""The demo's market, positions and rules."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from stopward.domain.rulebook import parse
from stopward.domain.rulebook.reading import SYMBOL
from stopward.local.data.demo import (
    BUYING_POWER,
    EQUITY,
    demo_market,
    demo_positions,
    demo_rules,
    mean_true_range,
)
from stopward.local.data.stocks import bar_of, read_daily
from tests.builders.data import DATA


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return demo_market(DATA, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def positions(market):
    return demo_positions(market)


def test_the_session_is_the_real_one_of_the_e_mini_ticks(market):
    assert market.session.opens_at == datetime(2013, 9, 3, 13, 30, tzinfo=UTC)
    assert market.session.closes_at == datetime(2013, 9, 3, 20, 0, tzinfo=UTC)


def test_there_are_25_symbols_with_bars_inside_the_session(market):
    assert len(market.bars) == len(market.instruments) == len(market.origins) == 25
    for symbol, bars in market.bars.items():
        assert SYMBOL.fullmatch(symbol)
        assert {bar.symbol for bar in bars} == {symbol}
        assert bars[0].at == market.session.opens_at
        assert all(market.session.contains(bar.at) for bar in bars)
        assert len(bars) == (321 if symbol == "ES" else 390)
        tick = float(market.instruments[symbol].tick_at(Decimal(100)))
        for bar in bars:
            for price in (bar.open, bar.high, bar.low, bar.close):
                assert price / tick == pytest.approx(round(price / tick), abs=1e-6)


def test_every_stock_symbol_is_a_real_day_and_says_that_its_path_is_simulated(market):
    daily = read_daily(DATA)
    for symbol, origin in market.origins.items():
        if symbol == "ES":
            assert origin.label == "real E-mini minutes of 2013-09-03"
            continue
        real, bars = bar_of(daily[origin.ticker], origin.day), market.bars[symbol]
        assert origin.label == f"{origin.ticker} of {origin.day}, simulated path"
        assert (bars[0].open, bars[-1].close) == (real.open, real.close)
        assert max(bar.high for bar in bars) == real.high
        assert min(bar.low for bar in bars) == real.low
        assert sum(bar.volume for bar in bars) == real.volume


def test_daily_bars_end_before_the_session_and_are_enough_for_the_average_range(market):
    assert "ES" not in market.daily_bars
    for symbol, bars in market.daily_bars.items():
        assert len(bars) == 30
        assert bars[-1].at < market.session.opens_at
        assert {bar.symbol for bar in bars} == {symbol}
        assert mean_true_range(bars[-15:]) > 0
    # A split inside the warm-up would show as a jump: FB-A's days before are those of 2012.
    assert bars[0].at > datetime(2013, 7, 1, tzinfo=UTC)


def test_the_usual_volume_of_each_minute_sums_to_a_usual_day(market):
    assert "ES" not in market.usual_volume
    for symbol, volumes in market.usual_volume.items():
        assert len(volumes) == 390
        mean = sum(bar.volume for bar in market.daily_bars[symbol][-20:]) / 20
        assert sum(volumes) == pytest.approx(mean)


def test_the_positions_are_a_traders_25(market, positions):
    assert len(positions) == len({row.id for row in positions}) == 25
    assert {row.symbol for row in positions} == set(market.bars)
    assert Counter(row.side for row in positions) == {"long": 14, "short": 11}
    assert sum(row.target is not None for row in positions) == 4
    assert sum(row.initial_stop is None for row in positions) == 1
    assert sum("hands-off" in row.tags for row in positions) == 1
    fractional = [row for row in positions if row.is_fractional]
    assert [row.side for row in fractional] == ["long"] * 3
    assert all(row.target is None for row in fractional)  # a broker takes only simple orders


def test_entries_are_real_opens_between_09_35_and_11_00_in_new_york(market, positions):
    for row in positions:
        assert (
            datetime(2013, 9, 3, 13, 35, tzinfo=UTC)
            <= row.entry_at
            <= datetime(2013, 9, 3, 15, 0, tzinfo=UTC)
        )
        assert row.entry_price == market.open_at(row.symbol, row.entry_at)


def test_each_risk_is_small_and_all_together_fit_the_buying_power(positions):
    for row in positions:
        if row.risk_dollars is not None:
            assert 0 < row.risk_dollars <= EQUITY * Decimal("0.005")
    assert sum(row.quantity * row.entry_price for row in positions) <= BUYING_POWER


def test_stops_and_targets_lie_on_the_tick_on_their_sides(market, positions):
    for row in positions:
        tick = market.instruments[row.symbol].tick_at(row.entry_price)
        way = 1 if row.side == "long" else -1
        for price, side in ((row.initial_stop, -way), (row.target, way)):
            if price is not None:
                assert price % tick == 0
                assert (price - row.entry_price) * side > 0


def test_the_demos_rules_are_valid_and_flatten_the_e_mini_before_its_ticks_end(market):
    book = parse(demo_rules(), source="demo.toml")
    flat = book.rules_for("ES", ()).session_flat
    assert flat is not None
    left = market.session.minutes_to_close(market.bars["ES"][-1].at)
    assert flat.minutes > left
    assert book.rules_for("AAPL-A", ()).momentum is None
    assert book.rules_for("FB-E", ("scalp",)).momentum is not None
    assert book.account.refusal("IBM-D", ("hands-off",)) is not None
