"""A night of features: what it stores, what it leaves, what differs; and it loses nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
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
from stopward.domain.features.past_trade import UNFIT, PastPage, StoredVector
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.position import Position
from stopward.errors import DatabaseRejected
from stopward.services.features import (
    ASKED_FOR,
    COMPARED_FOR,
    MARGIN_SECONDS,
    FeatureSummary,
)
from tests.builders.feature_nights import DAILY, EVENING, MINUTES, History, feature, kept, run
from tests.builders.past_features import (
    ENTRY,
    FRIDAY,
    INDEX,
    traded,
)
from tests.builders.store import A_SESSION, NOON, D, pulse
from tests.builders.store_world import MemoryWorld


@pytest.fixture
def world() -> MemoryWorld:
    found = MemoryWorld()
    found.people.put_sessions([FRIDAY])
    return found


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
