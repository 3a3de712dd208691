"""Bars of a minute for many accounts: each symbol is asked for once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from stopward.errors import BrokerUnavailable
from stopward.services.shared_bars import SharedBars
from tests.builders.attribution import SomeBars
from tests.builders.past_features import INDEX, minutes
from tests.builders.store import NOON

AAPL, MSFT, NONE = Symbol("AAPL"), Symbol("MSFT"), Symbol("NONE")
SINCE = NOON - timedelta(minutes=5)


class Source(SomeBars):
    """A BarHistory that has bars of AAPL, MSFT and the index."""

    def __init__(self, fails: int = 0) -> None:
        super().__init__({each: minutes(each) for each in (AAPL, MSFT, INDEX)}, fails=fails)
        self.days = 0

    def daily_bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, Sequence[ClosedBar]]:
        self.days += 1
        return {}

    @property
    def symbols(self) -> list[tuple[Symbol, ...]]:
        return [symbols for symbols, _, _ in self.asked]


def ask(
    shared: SharedBars, *symbols: Symbol, until: datetime = NOON
) -> Mapping[Symbol, Sequence[ClosedBar]]:
    return shared.bars(symbols, since=SINCE, until=until)


def test_what_is_known_is_not_asked_for_again_and_comes_as_the_source_has_it() -> None:
    source = Source()
    shared = SharedBars(source=source)
    first, second = ask(shared, AAPL, INDEX), ask(shared, MSFT, AAPL, INDEX)
    assert source.symbols == [(AAPL, INDEX), (MSFT,)]
    alone = Source().bars([MSFT, AAPL, INDEX], since=SINCE, until=NOON)
    assert second == alone
    assert {AAPL, INDEX} == set(first)
    assert all(len(bars) == 5 for bars in second.values())


def test_a_symbol_without_bars_is_absent_and_not_asked_for_again() -> None:
    source = Source()
    shared = SharedBars(source=source)
    assert ask(shared, NONE) == ask(shared, NONE) == {}
    assert source.symbols == [(NONE,)]


def test_what_the_minute_before_wanted_comes_with_the_first_question_alone() -> None:
    source = Source()
    shared = SharedBars(source=source, expected=frozenset({MSFT, INDEX}))
    assert set(ask(shared, AAPL, INDEX)) == {AAPL, INDEX}
    ask(shared, MSFT)
    ask(shared, NONE)
    assert source.symbols == [(AAPL, INDEX, MSFT), (NONE,)]
    assert shared.wanted == {AAPL, INDEX, MSFT, NONE}


def test_who_is_only_expected_is_not_wanted() -> None:
    shared = SharedBars(source=Source(), expected=frozenset({MSFT}))
    ask(shared, AAPL)
    assert shared.wanted == {AAPL}


def test_another_minute_is_asked_for_anew() -> None:
    source = Source()
    shared = SharedBars(source=source)
    ask(shared, AAPL)
    assert len(ask(shared, AAPL, until=NOON - timedelta(minutes=1))[AAPL]) == 4
    assert source.symbols == [(AAPL,), (AAPL,)]


def test_a_broker_that_is_gone_is_not_waited_for_again_in_the_minute() -> None:
    source = Source()
    shared = SharedBars(source=source)
    ask(shared, AAPL)
    source.fails = 1
    for symbol in (MSFT, INDEX):
        with pytest.raises(BrokerUnavailable, match="no answer"):
            ask(shared, AAPL, symbol)
    assert source.symbols == [(AAPL,), (MSFT,)]
    assert set(ask(shared, AAPL)) == {AAPL}, "what is known stays"


def test_daily_bars_are_the_sources() -> None:
    source = Source()
    assert SharedBars(source=source).daily_bars([AAPL], since=SINCE, until=NOON) == {}
    assert source.days == 1
