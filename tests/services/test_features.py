"""A night of features: what it stores, what it leaves, what differs; and it loses nothing."""

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Any

import pytest

from stopward.adapters.memory_features import MemoryFeatures
from stopward.domain.features import (
    AccountState,
    Known,
    Result,
    Signal,
    as_bytes,
    entry_vector,
    names,
)
from stopward.domain.features.past_trade import UNFIT, PastPage, StoredVector, rebuilt
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.market import ClosedBar
from stopward.domain.position import Position
from stopward.errors import BrokerUnavailable, DatabaseRejected
from stopward.services.feature_book import FeatureBook
from stopward.services.features import (
    ASKED_FOR,
    COMPARED_FOR,
    MARGIN_SECONDS,
    PUT_AT_ONCE,
    FeatureChecker,
    FeatureSummary,
)
from tests.builders.features import MINUTE
from tests.builders.past_features import (
    ENTRY,
    FRIDAY,
    INDEX,
    a_vector,
    days,
    minutes,
    traded,
)
from tests.builders.store import A_SESSION, NOON, D, pulse
from tests.builders.store_world import MemoryWorld

EVENING = A_SESSION.closes_at + timedelta(hours=1)
SYMBOLS = tuple(Symbol(name) for name in ("AAPL", "MSFT", "S0", "S1", "S2", "S3", "S4"))
DAILY = {symbol: days(symbol) for symbol in SYMBOLS}
MINUTES = {symbol: minutes(symbol) for symbol in (INDEX, *SYMBOLS)}


@dataclass(slots=True)
class History:
    """The BarHistory of a night, and what was asked for. fails: calls that get no answer first."""

    minutes: Mapping[Symbol, Sequence[ClosedBar]] = field(default_factory=lambda: MINUTES)
    fails: int = 0
    asked: list[tuple[tuple[Symbol, ...], datetime, datetime]] = field(default_factory=list)
    asked_days: list[tuple[tuple[Symbol, ...], datetime, datetime]] = field(default_factory=list)

    def bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, Sequence[ClosedBar]]:
        self.asked.append((tuple(symbols), since, until))
        if self.fails:
            self.fails -= 1
            raise BrokerUnavailable("GET /v2/stocks/bars: no answer")
        found = {
            symbol: [b for b in self.minutes.get(symbol, ()) if since <= b.at <= until - MINUTE]
            for symbol in symbols
        }
        return {symbol: bars for symbol, bars in found.items() if bars}

    def daily_bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, Sequence[ClosedBar]]:
        self.asked_days.append((tuple(symbols), since, until))
        return {symbol: [b for b in DAILY[symbol] if since <= b.at < until] for symbol in symbols}


@pytest.fixture
def world() -> MemoryWorld:
    found = MemoryWorld()
    found.people.put_sessions([FRIDAY])
    return found


def run(
    world: MemoryWorld,
    bars: History | None = None,
    *,
    book: FeatureBook | None = None,
    seconds: Any = 900.0,
    most_trades: int = 100,
    index: Symbol | None = INDEX,
    now: datetime = EVENING,
    **options: Any,
) -> FeatureSummary:
    checker = FeatureChecker(
        book=book or MemoryFeatures(world.store, page_trades=2),
        bars=bars or History(),
        account_id=world.account_id,
        index=index,
        most_trades=most_trades,
    )
    remaining = seconds if callable(seconds) else lambda: seconds
    return checker.run(now=now, remaining_seconds=remaining, **options)


def kept(world: MemoryWorld, position: Position) -> StoredVector | None:
    key = (position.id, "entry", ENTRY, None)
    return world.store.book(world.account_id).vectors.get(key)


def feature(stored: StoredVector | None, name: str) -> float | None:
    assert stored is not None
    return stored.vector[names("entry").index(name)]


def test_what_is_stored_is_what_the_pure_function_says_of_all_that_was_known(
    world: MemoryWorld,
) -> None:
    first = traded(world, "MSFT", tick=0)
    position = traded(world, "AAPL", tick=60, target=D("106"))
    summary = run(world)
    known = Known(
        sessions=(FRIDAY, A_SESSION),
        bars=MINUTES[Symbol("AAPL")],
        daily_bars=DAILY[Symbol("AAPL")],
        market_bars=MINUTES[INDEX],
        account=AccountState(
            results=(Result(symbol=first.symbol, closed_at=pulse(1), r=0.5),), open_positions=0
        ),
    )
    signal = Signal(
        symbol=Symbol("AAPL"), side="long", entry=100.0, stop=98.0, target=106.0, at=pulse(60)
    )
    stored = kept(world, position)
    assert stored is not None
    assert as_bytes(stored.vector) == as_bytes(entry_vector(signal, known))
    assert (stored.at, stored.rebuilt, stored.schema_hash) == (pulse(60), True, ENTRY)
    missing = {
        name for name, each in zip(names("entry"), stored.vector, strict=True) if each is None
    }
    assert missing == {"vix", "breadth", "recent_win_rate", "recent_mean_r", "symbol_mean_r"}
    assert summary.counts() == {
        "features_trades": 2,
        "features_written": 2,
        "features_unfit": 0,
        "features_compared": 2,
        "features_skewed": 0,
        "features_skew": 0,
        "features_failures": 0,
        "features_cut": 0,
    }


def test_a_second_run_stores_nothing_and_compares_again(world: MemoryWorld) -> None:
    traded(world)
    run(world)
    assert run(world) == FeatureSummary(compared=1)
    now = EVENING + COMPARED_FOR
    bars = History()
    assert run(world, bars, now=now) == FeatureSummary()
    assert bars.asked == []


def test_bars_are_asked_for_at_once_for_all_of_a_session_and_never_after_the_last_entry(
    world: MemoryWorld,
) -> None:
    traded(world, "AAPL")
    traded(world, "MSFT", tick=10)
    bars = History()
    run(world, bars)
    both = (Symbol("AAPL"), Symbol("MSFT"))
    once = ((*both, INDEX), FRIDAY.opens_at, pulse(10))
    assert bars.asked == [once, once], "to rebuild, and to compare"
    assert set(bars.asked_days) == {(both, pulse(10) - timedelta(days=100), pulse(10))}


def test_without_an_index_the_market_is_missing(world: MemoryWorld) -> None:
    position = traded(world)
    bars = History()
    run(world, bars, index=None)
    assert {symbols for symbols, _, _ in bars.asked} == {(Symbol("AAPL"),)}
    assert feature(kept(world, position), "market_trend") is None
    assert feature(kept(world, position), "rsi") is not None


def test_an_estimated_stop_was_no_stop_of_the_entry(world: MemoryWorld) -> None:
    position = traded(world, flags=("risk_estimated",))
    run(world)
    assert feature(kept(world, position), "risk_atr") is None
    assert feature(kept(world, position), "entry_distance") is not None


def at_other_prices(world: MemoryWorld) -> Position:
    low = D("40")
    return traded(world, average_entry=low, initial_stop=low - 2, stop=low - 2, price="41")


UNFIT_TRADES: dict[str, Any] = {
    "entry_unknown": lambda world: traded(world, flags=("entry_unknown",)),
    "added_to": lambda world: traded(world, flags=("risk_estimated", "rebased")),
    "split": lambda world: traded(world, flags=("split",)),
    "adopted_late": lambda world: traded(world, opened_at=NOON - timedelta(seconds=301)),
    "no_session": lambda world: traded(world, opened_at=NOON - timedelta(days=20)),
    "no_bars": lambda world: traded(world, "NVDA"),
    "other_scale": at_other_prices,
}


def test_every_reason_has_its_words_and_its_trade() -> None:
    assert set(UNFIT_TRADES) == set(UNFIT)


@pytest.mark.parametrize("reason", UNFIT)
def test_a_trade_that_cannot_be_rebuilt_is_counted_and_left(
    world: MemoryWorld, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vector is written once: rather none than one of prices that nobody saw."""
    monkeypatch.setitem(DAILY, Symbol("NVDA"), ())
    if reason == "no_session":
        # Adopted within five minutes, on a day without a session.
        monkeypatch.setattr("stopward.domain.features.past_trade.LATEST_ADOPTION", timedelta(99))
    position, good = UNFIT_TRADES[reason](world), traded(world, "MSFT", tick=10)
    summary = run(world)
    assert summary.unfit == Counter({reason: 1})
    assert kept(world, position) is None
    assert kept(world, good) is not None
    assert (summary.trades, summary.written, summary.failures) == (2, 1, [])


def test_five_minutes_are_not_late(world: MemoryWorld) -> None:
    position = traded(world, opened_at=NOON - timedelta(seconds=300))
    assert run(world).written == 1
    assert kept(world, position) is not None


def test_bars_that_come_later_are_used_the_next_time(world: MemoryWorld) -> None:
    position = traded(world)
    assert run(world, History({})).unfit == {"no_bars": 1}
    assert run(world).written == 1
    assert kept(world, position) is not None


def test_no_answer_about_bars_ends_the_run_and_loses_nothing(world: MemoryWorld) -> None:
    traded(world, "AAPL")
    traded(world, "MSFT", tick=10)
    summary = run(world, History(fails=1))
    assert summary.failures == ["bars: GET /v2/stocks/bars: no answer"]
    assert (summary.is_cut, summary.written) == (True, 0)
    assert run(world).written == 2


def test_a_run_ends_when_its_time_or_its_count_is_up_and_the_next_goes_on(
    world: MemoryWorld,
) -> None:
    for number in range(5):
        traded(world, f"S{number}", tick=10 * number)
    assert run(world, most_trades=2).counts()["features_written"] == 2
    seconds = chain([MARGIN_SECONDS], repeat(MARGIN_SECONDS - 0.1))
    summary = run(world, seconds=lambda: next(seconds))
    assert (summary.written, summary.compared, summary.is_cut) == (2, 0, True)
    last = run(world)
    assert (last.written, last.compared, last.is_cut) == (1, 5, False)


def test_what_closed_long_ago_is_asked_for_when_a_person_says_since_when(
    world: MemoryWorld,
) -> None:
    traded(world)
    now = pulse(1) + ASKED_FOR + timedelta(seconds=1)
    assert run(world, now=now) == FeatureSummary()
    assert run(world, now=now, since=pulse(1)).written == 1


@dataclass(slots=True)
class _Odd:
    """A book with a row that cannot be read, and one position that is refused."""

    book: MemoryFeatures
    refused: PositionId
    puts: list[int] = field(default_factory=list)

    def read_entries(self, account_id: AccountId, **asked: Any) -> PastPage:
        return replace(self.book.read_entries(account_id, **asked), unreadable=("x: odd",))

    def put_schema(self, schema_hash: str, names: Sequence[str]) -> None:
        self.book.put_schema(schema_hash, names)

    def put_vectors(self, account_id: AccountId, vectors: Sequence[StoredVector]) -> int:
        self.puts.append(len(vectors))
        if self.refused in [each.position_id for each in vectors]:
            raise DatabaseRejected("refused", rule="trade_features_written_once")
        return self.book.put_vectors(account_id, vectors)


def test_one_refused_vector_and_one_odd_row_are_told_and_the_others_stored(
    world: MemoryWorld,
) -> None:
    good, bad = traded(world, "AAPL"), traded(world, "MSFT", tick=10)
    summary = run(world, book=_Odd(MemoryFeatures(world.store), bad.id))
    assert summary.failures == ["x: odd", f"{bad.id}: refused", "x: odd"], "once a reading"
    assert (kept(world, good) is not None, kept(world, bad)) == (True, None)
    assert summary.written == 1


def test_prices_that_are_none_are_told_and_the_others_stored(world: MemoryWorld) -> None:
    bars = dict(MINUTES)
    twice = MINUTES[Symbol("MSFT")]
    bars[Symbol("MSFT")] = (twice[0], *twice)
    good, bad = traded(world, "AAPL"), traded(world, "MSFT", tick=10)
    summary = run(world, History(bars))
    assert [each.split(":")[0] for each in summary.failures] == [bad.id]
    assert "oldest first" in summary.failures[0]
    assert kept(world, good) is not None


def test_what_was_served_is_left_as_it_is(world: MemoryWorld) -> None:
    position = traded(world)
    served = a_vector(position, rebuilt=False)
    book = MemoryFeatures(world.store)
    book.put_schema(ENTRY, names("entry"))
    book.put_vectors(world.account_id, (served,))
    summary = run(world)
    assert (summary.trades, summary.written) == (0, 0)
    assert kept(world, position) == served
    assert PUT_AT_ONCE <= 1_000


def served(world: MemoryWorld, position: Position, *, at: datetime) -> StoredVector:
    """Store the vector of a position as it was served at a time, and return it."""
    book = MemoryFeatures(world.store)
    book.put_schema(ENTRY, names("entry"))
    book.put_vectors(world.account_id, (a_vector(position, at=at, rebuilt=False),))
    page = book.read_entries(
        world.account_id, schema_hash=ENTRY, at=EVENING, since=NOON, results=200, lag_seconds=60,
        stored=True,
    )  # fmt: skip
    trade = next(each for each in page.trades if each.position_id == position.id)
    again = rebuilt(
        trade,
        page,
        bars=MINUTES[trade.symbol],
        daily_bars=DAILY[trade.symbol],
        market_bars=MINUTES[INDEX],
    )
    assert isinstance(again, StoredVector)
    right = replace(again, rebuilt=False)
    world.store.book(world.account_id).vectors[position.id, "entry", ENTRY, None] = right
    return right


def test_a_served_vector_is_made_again_as_of_the_time_when_it_was_served(
    world: MemoryWorld,
) -> None:
    position = traded(world, opened_at=NOON - timedelta(seconds=100), tick=10)
    served(world, position, at=NOON + timedelta(seconds=45))
    summary = run(world)
    assert (summary.compared, summary.skewed, summary.is_skewed) == (1, 0, False)


def one_ulp_up(stored: StoredVector, name: str) -> StoredVector:
    """Return a vector with the next float32 in place of one number."""
    place = names("entry").index(name)
    number = stored.vector[place]
    assert number is not None
    (bits,) = struct.unpack("<i", struct.pack("<f", number))
    (above,) = struct.unpack("<f", struct.pack("<i", bits + 1))
    return replace(stored, vector=(*stored.vector[:place], above, *stored.vector[place + 1 :]))


def test_one_bit_is_skew_and_its_feature_is_named(world: MemoryWorld) -> None:
    position, good = traded(world, "AAPL"), traded(world, "MSFT", tick=10)
    right = served(world, position, at=pulse(0))
    served(world, good, at=pulse(10))
    vectors = world.store.book(world.account_id).vectors
    vectors[position.id, "entry", ENTRY, None] = one_ulp_up(right, "rsi")
    summary = run(world)
    assert (summary.compared, summary.skewed, summary.is_skewed) == (2, 1, True)
    assert summary.differing == {"rsi": 1}
    assert summary.counts()["features_skew"] == 1
    assert vectors[position.id, "entry", ENTRY, None] != right, "what was served stays"


def test_a_number_that_was_missing_is_skew_too(world: MemoryWorld) -> None:
    position = traded(world)
    right = served(world, position, at=pulse(0))
    empty = replace(right, vector=(None, *right.vector[1:]))
    world.store.book(world.account_id).vectors[position.id, "entry", ENTRY, None] = empty
    assert run(world).differing == {names("entry")[0]: 1}


@pytest.mark.parametrize(
    ("skewed", "compared", "expected"),
    [(0, 0, False), (0, 10, False), (1, 999, True), (1, 1_000, False), (2, 1_000, True)],
)
def test_more_than_one_in_a_thousand_is_too_many(
    skewed: int, compared: int, expected: bool
) -> None:
    assert FeatureSummary(skewed=skewed, compared=compared).is_skewed is expected
