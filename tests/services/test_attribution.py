"""A night of attribution: what it stores, what it leaves, and that it loses nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from stopward.adapters.memory_attribution import MemoryAttribution
from stopward.domain.attribution.counterfactual import figures
from stopward.domain.attribution.track import track_of
from stopward.domain.attribution.trade import Figure, TradePage
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.position import Position
from stopward.errors import DatabaseRejected
from stopward.services.attribution import (
    MARGIN_SECONDS,
    AttributionBook,
    AttributionSummary,
    Attributor,
)
from tests.builders.attribution import BOOK, DOWN, MINUTE, OUT, SomeBars, night, timed_out
from tests.builders.lived import bars_from
from tests.builders.store import A_SESSION, NOON, D
from tests.builders.store_world import MemoryWorld

EVENING = A_SESSION.closes_at + timedelta(hours=1)
TOMORROW = replace(
    A_SESSION,
    day="2026-11-24",
    opens_at=A_SESSION.opens_at + timedelta(days=1),
    closes_at=A_SESSION.closes_at + timedelta(days=1),
)


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()


def run(
    world: MemoryWorld,
    bars: SomeBars,
    *,
    book: AttributionBook | None = None,
    now: datetime = EVENING,
    seconds: Any = 900.0,
    most_trades: int = 100,
    **options: Any,
) -> AttributionSummary:
    attributor = Attributor(
        book=book or MemoryAttribution(world.store, page_trades=2),
        bars=bars,
        account_id=world.account_id,
        most_trades=most_trades,
    )
    remaining = seconds if callable(seconds) else lambda: seconds
    return attributor.run(now=now, remaining_seconds=remaining, **options)


def kept(world: MemoryWorld, position: Position) -> Figure | None:
    found = world.store.book(world.account_id).figures.get((position.id, "time_stop"))
    return None if found is None else found.figure


def test_what_is_stored_is_what_the_pure_function_says(world: MemoryWorld) -> None:
    position = timed_out(world)
    bars = night(position)
    page = MemoryAttribution(world.store).read_unattributed(world.account_id, at=EVENING)
    summary = run(world, bars)
    (expected,) = figures(
        page.trades[0],
        track_of(bars.known[Symbol("AAPL")], sessions=[A_SESSION], usual_volume=(),
                 periods=BOOK.periods),
        page.rule_sets,
        session_flat_tag="",
    )  # fmt: skip
    assert kept(world, position) == expected
    assert expected.without_r == D("-1.005")
    assert summary.counts() == {
        "attribution_trades": 1,
        "attribution_known": 1,
        "attribution_unknown": 0,
        "attribution_changed": 1,
        "attribution_failures": 0,
        "attribution_cut": 0,
    }


def test_a_second_run_has_nothing_to_do(world: MemoryWorld) -> None:
    position = timed_out(world)
    run(world, night(position))
    bars = night(position)
    assert run(world, bars) == AttributionSummary()
    assert bars.asked == []


def test_what_bars_left_unknown_is_filled_once_more_have_come(world: MemoryWorld) -> None:
    world.people.put_sessions([TOMORROW])
    position = timed_out(world)
    first = run(world, night(position, after=()))
    assert (first.unknown, first.changed) == ({"bars_end": 1}, 1)
    stored = kept(world, position)
    assert stored is not None
    assert stored.without_r is None
    assert run(world, night(position)) == AttributionSummary()
    second = run(world, night(position), now=TOMORROW.closes_at + MINUTE)
    assert (second.known, second.changed, second.unknown) == (1, 1, {})
    assert kept(world, position) == replace(stored, without_r=D("-1.005"), because=None)


def test_a_trade_that_lives_on_overnight_gets_the_bars_of_the_next_sessions(
    world: MemoryWorld,
) -> None:
    """Sold in the last minutes; without the rule it is held, and stopped the next morning."""
    world.people.put_sessions([TOMORROW])
    late = A_SESSION.closes_at - 3 * MINUTE
    tick = int((late - NOON).total_seconds()) // 10 + 11
    position = timed_out(world, tick=tick)
    bars = night(position, after=())
    morning = bars_from(OUT, DOWN, start=TOMORROW.opens_at, symbol=Symbol("AAPL"))
    bars.known = {Symbol("AAPL"): (*bars.known[Symbol("AAPL")], *morning)}
    now = TOMORROW.closes_at + MINUTE
    assert run(world, bars, now=now).known == 1
    found = kept(world, position)
    assert found is not None
    assert found.without_r == D("-1.005")
    assert [until for _, _, until in bars.asked] == [A_SESSION.closes_at, TOMORROW.closes_at]


def test_bars_are_asked_for_at_once_for_all_of_a_session_and_never_after_now(
    world: MemoryWorld,
) -> None:
    bars = night(timed_out(world, "AAPL"), timed_out(world, "MSFT", tick=41))
    now = NOON + timedelta(hours=1)
    run(world, bars, now=now)
    assert bars.asked == [((Symbol("AAPL"), Symbol("MSFT")), A_SESSION.opens_at, now)]


def test_one_bad_position_is_told_and_skipped(world: MemoryWorld) -> None:
    good, bad = timed_out(world, "AAPL"), timed_out(world, "MSFT", tick=41, tags=("odd",))
    book = world.store.book(world.account_id)
    broken = replace(
        BOOK.rule_set_for(bad.symbol, bad.tags), numbers={"time_stop": (3.0, 1.0)}, digest="0" * 16
    )
    book.rule_sets[broken.digest] = broken
    book.journal = [
        replace(each, row=_guarded_by(each.row, broken.digest))
        if each.row.position_id == bad.id
        else each
        for each in book.journal
    ]
    summary = run(world, night(good, bad))
    assert summary.failures == [f"{bad.id}: rule set {'0' * 16} holds what has another digest"]
    assert (summary.known, summary.is_cut) == (1, False)
    assert kept(world, good) is not None
    assert kept(world, bad) is None
    assert run(world, night(bad)).failures == summary.failures


def _guarded_by(row: Any, digest: str) -> Any:
    return replace(row, circumstances=replace(row.circumstances, rule_set=digest))


def test_a_row_that_cannot_be_read_is_told_and_the_others_are_done(world: MemoryWorld) -> None:
    position = timed_out(world)
    summary = run(world, night(position), book=_Unreadable(MemoryAttribution(world.store)))
    assert (summary.failures, summary.known) == (["p9: no number"], 1)


@dataclass
class _Unreadable:
    """A book one of whose rows is no trade."""

    book: MemoryAttribution

    def read_unattributed(self, account_id: AccountId, **asked: Any) -> TradePage:
        page = self.book.read_unattributed(account_id, **asked)
        return replace(page, unreadable=("p9: no number",))

    def put_figures(self, account_id: AccountId, found: Sequence[Figure], *, at: datetime) -> int:
        return self.book.put_figures(account_id, found, at=at)


def test_without_an_answer_of_the_broker_it_is_told_and_done_the_next_night(
    world: MemoryWorld,
) -> None:
    position = timed_out(world)
    bars = night(position)
    bars.fails = 1
    summary = run(world, bars)
    assert summary.failures == ["bars: GET /v2/stocks/bars: no answer"]
    assert (summary.is_cut, kept(world, position)) == (True, None)
    assert run(world, bars).known == 1


def test_what_time_or_count_leave_is_done_the_next_night(world: MemoryWorld) -> None:
    bars = night(*(timed_out(world, name, tick=11 + 30 * n) for n, name in enumerate("ABCDE")))
    by_count = run(world, bars, most_trades=1)
    assert (by_count.trades, by_count.is_cut) == (2, True)
    left = count(int(MARGIN_SECONDS), -1)
    by_time = run(world, bars, seconds=lambda: float(next(left)))
    assert (by_time.trades, by_time.is_cut) == (2, True)
    last = run(world, bars)
    assert (last.trades, last.is_cut) == (1, False)
    assert run(world, bars) == AttributionSummary()


@dataclass
class _Refusing:
    """A book that refuses every call that names one position."""

    book: MemoryAttribution
    refused: str
    calls: list[int] = field(default_factory=list)

    def read_unattributed(self, account_id: AccountId, **asked: Any) -> TradePage:
        return self.book.read_unattributed(account_id, **asked)

    def put_figures(self, account_id: AccountId, found: Sequence[Figure], *, at: datetime) -> int:
        self.calls.append(len(found))
        if any(each.position_id == self.refused for each in found):
            raise DatabaseRejected("no such number", rule="attribution_is_number")
        return self.book.put_figures(account_id, found, at=at)


def test_a_figure_that_is_refused_keeps_no_other_from_being_stored(world: MemoryWorld) -> None:
    good, bad = timed_out(world, "AAPL"), timed_out(world, "MSFT", tick=41)
    book = _Refusing(MemoryAttribution(world.store), bad.id)
    summary = run(world, night(good, bad), book=book)
    assert summary.failures == [f"{bad.id}: no such number"]
    assert (summary.known, book.calls) == (1, [2, 1, 1])
    assert kept(world, good) is not None


@pytest.mark.parametrize(
    ("change", "because"),
    [("rules", "no_rules"), ("journal", "no_rules"), ("bars", "no_bars")],
)
def test_why_it_is_unknown_is_stored(world: MemoryWorld, change: str, because: str) -> None:
    position = timed_out(world)
    bars = night(position)
    book = world.store.book(world.account_id)
    if change == "rules":
        book.rules.clear()
    elif change == "journal":
        book.journal.clear()
    else:
        bars.known = {}
    assert run(world, bars).unknown == {because: 1}
    found = kept(world, position)
    assert found is not None
    assert (found.without_r, found.because) == (None, because)


def test_again_asks_for_what_is_known_and_since_says_from_when(world: MemoryWorld) -> None:
    position = timed_out(world)
    run(world, night(position))
    again = run(world, night(position), again=True)
    assert (again.trades, again.changed) == (1, 0)
    assert run(world, night(position), again=True, since=date(2026, 11, 24)) == AttributionSummary()
