"""The engine: however a walk is cut into stretches or shared out, the numbers are the same."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from stopward.domain.identity import PositionId, Symbol
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import RuleBook, parse
from stopward.errors import InvalidInput
from stopward.replay.engine import Walk, walk_alone
from stopward.replay.entries import opened
from stopward.replay.freqtrade import NO_SLIPPAGE
from stopward.replay.machine.kinds import Kind, handed
from stopward.replay.market import MarketColumns
from stopward.replay.results import Results, results_of
from stopward.replay.run import replay
from stopward.replay.table import bar_table
from stopward.replay.terms import Commission, Conditions
from stopward.rules.columns import Finer
from stopward.rules.types import Slippage
from tests.builders.kernel_random import dice
from tests.builders.replay import OPENS, a_table, columns_from, some_positions, some_sessions

D = Decimal
BOOK = parse(
    '[account]\nadopt = "all"\n[rules.breakeven]\narm = "0.5 r"\n'
    '[rules.session_flat]\nminutes = 5\n[rules.partial]\nat_1 = "0.6 r"\nfraction_1 = 0.5\n',
    source="test",
)
PLAIN = parse('[account]\nadopt = "all"\n', source="test")
ACME = Symbol("ACME")
FREE = Conditions(slippage=NO_SLIPPAGE)


def bits(results: Results) -> list[bytes]:
    columns = (*results.outcomes, results.net_r, results.mae_r, results.mfe_r)
    return [np.nan_to_num(np.asarray(column), nan=-9e9).tobytes() for column in columns]


def a_position(**changed: object) -> PositionRow:
    row = PositionRow(
        id=PositionId("p"),
        symbol=ACME,
        side="long",
        quantity=D(100),
        entry_at=OPENS,
        entry_price=D(100),
        initial_stop=D(99),
    )
    return replace(row, **changed)  # type: ignore[arg-type]


def minutes(*prices: tuple[float, float, float, float]) -> dict[Symbol, object]:
    rows = [(OPENS + timedelta(minutes=n), *bar) for n, bar in enumerate(prices)]
    return {ACME: columns_from(rows)}


def one(
    *prices: tuple[float, float, float, float],
    conditions: Conditions = FREE,
    finer: Finer | None = None,
    book: RuleBook = PLAIN,
    **changed: object,
) -> Results:
    """Return what becomes of one position entered at the first bar's open."""
    table = bar_table(minutes(*prices), sessions=some_sessions(1))  # type: ignore[arg-type]
    return replay([a_position(**changed)], table, book, conditions, finer=finer)


def test_a_walk_cut_anywhere_goes_on_where_it_ended() -> None:
    for seed in range(5):
        rng = dice(seed)
        table = a_table(rng)
        rows = opened(some_positions(rng, table, count=30), table, PLAIN)
        whole, cut = (
            Walk(opened=rows, columns=MarketColumns(table=table), book=BOOK, conditions=FREE)
            for _ in range(2)
        )
        everybody, end = np.arange(len(rows)), np.asarray(rows.entries.end)
        whole.on(everybody, end, BOOK.base)
        for _ in range(6):
            some = np.array(rng.sample(range(len(rows)), 20), np.int64)
            at = np.asarray(cut.courses.at)[some]
            cut.on(some, np.minimum(at + rng.randint(0, 30), end[some]), BOOK.base)
        cut.on(everybody, end, BOOK.base)
        assert bits(results_of(whole)) == bits(results_of(cut))


def test_two_workers_give_the_numbers_of_one() -> None:
    rng = dice(3)
    table = a_table(rng)
    positions = some_positions(rng, table, count=31)
    one_worker, two = (replay(positions, table, BOOK, FREE, workers=n) for n in (1, 2))
    assert bits(one_worker) == bits(two)


def test_positions_held_overnight_are_left_to_run_by_the_session_flat() -> None:
    rng = dice(4)
    table = a_table(rng, gaps=0.0)
    found = replay(some_positions(rng, table, count=60), table, BOOK, FREE)
    flat = [row for row in range(len(found)) if found.rule(row) == "session_flat"]
    assert flat
    for row in flat:
        position = found.positions[row]
        exit_bar = int(np.asarray(found.outcomes.bar)[row])
        day = table.sessions[table.session[exit_bar]].opens_at.date()
        assert position.entry_at.date() == day or "day" in position.tags


@pytest.mark.parametrize(
    ("entry_seconds", "first_bar"),
    [(0, 0), (30, 1), (59, 1), (60, 1), (-600, 0), (150, 3)],
    ids=[
        "at the open",
        "inside",
        "just before the end",
        "at the next",
        "before",
        "inside the third",
    ],
)
def test_a_position_begins_with_the_first_bar_that_is_wholly_its_own(
    entry_seconds: int, first_bar: int
) -> None:
    """Every bar trades through the stop, so the first one that counts fills it."""
    bars = [(100.0, 100.5, 98.5, 100.0)] * 6
    found = one(*bars, entry_at=OPENS + timedelta(seconds=entry_seconds))
    (sale,) = found.sales(0)
    assert sale.at == OPENS + timedelta(minutes=first_bar)
    assert (sale.price, sale.rule) == (99.0, "stop")


@pytest.mark.parametrize("count", [0, 1], ids=["a holiday", "before the open"])
def test_bars_outside_every_session_are_refused_with_when_they_begin(count: int) -> None:
    early = columns_from([(OPENS - timedelta(hours=1), 100.0, 101.0, 99.0, 100.0)])
    with pytest.raises(InvalidInput, match=r"\(the first begins 2026-11-02T13:30:00\+00:00\)"):
        bar_table({ACME: early}, sessions=some_sessions(count))


def test_a_position_after_the_last_bar_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"p: was entered at .*, after the last bar of ACME"):
        one((100, 101, 99.5, 100), entry_at=OPENS + timedelta(minutes=5))


def test_costs_come_off_one_after_another() -> None:
    """Stopped at 99 of 100 shares: 100 dollars lost; 2 cents of slippage; 1 dollar an order."""
    conditions = Conditions(
        slippage=Slippage(2.0, 0.0, 0.0, 0.0), commission=Commission(per_order=1.0)
    )
    found = one((100, 100.5, 98.9, 99.2), conditions=conditions)
    assert found.gross_r[0] == -1.0
    assert found.slipped_r[0] == pytest.approx(-1.02)
    assert found.net_r[0] == pytest.approx(-1.04)
    assert (found.gross[0], found.net[0]) == (-100.0, pytest.approx(-104.0))


@pytest.mark.parametrize(
    ("commission", "dollars"),
    [
        (Commission(per_share=0.01), 2.0),
        (Commission(per_share=0.01, least=1.5), 3.0),
        (Commission(fraction=0.001), 10.0 + 9.9),
        (Commission(), 0.0),
    ],
)
def test_the_entry_is_an_order_and_each_exit_another(
    commission: Commission, dollars: float
) -> None:
    found = one((100, 100.5, 98.9, 99.2), conditions=replace(FREE, commission=commission))
    assert found.gross[0] - found.net[0] == pytest.approx(dollars)


def test_nothing_is_decided_on_the_last_bar_of_a_session() -> None:
    """Live the very close is outside the session: what would be closed then is left overnight."""
    rows = [(OPENS + timedelta(minutes=39), 100.0, 100.4, 99.5, 100.2)]
    rows += [(OPENS + timedelta(days=1, minutes=n), 100.2, 100.6, 100.1, 100.3) for n in range(3)]
    table = bar_table({ACME: columns_from(rows)}, sessions=some_sessions(2))
    entry = OPENS + timedelta(minutes=39)
    found = replay([a_position(entry_at=entry)], table, BOOK, FREE)
    assert found.rule(0) == "open"


def test_what_is_open_at_the_end_is_booked_at_the_last_close_and_says_so() -> None:
    found = one((100, 101, 99.5, 100.4))
    assert (bool(found.is_open[0]), found.rule(0)) == (True, "open")
    assert found.gross_r[0] == pytest.approx(0.4)
    assert [(sale.quantity, sale.rule) for sale in found.sales(0)] == [(100.0, "open")]


def test_stop_and_target_in_one_bar_give_both_outcomes() -> None:
    found = one((100, 102.5, 98.5, 100), target=D(102))
    assert (bool(found.is_ambiguous[0]), found.rule(0)) == (True, "stop")
    assert (found.gross_r[0], found.other_r[0]) == (-1.0, 2.0)


@pytest.mark.parametrize(
    ("inside", "rule", "ambiguous"),
    [
        ([(100, 102.5, 100, 102), (102, 102, 98.5, 100)], "target", False),
        ([(100, 100, 98.5, 99), (99, 102.5, 99, 100)], "stop", False),
        ([(100, 102.5, 98.5, 100)], "stop", True),
        ([(100, 101, 99.5, 100)], "stop", True),
        ([], "stop", True),
    ],
    ids=["the target first", "the stop first", "no finer", "they contradict the bar", "none"],
)
def test_finer_bars_say_which_came_first(
    inside: list[tuple[float, float, float, float]], rule: str, ambiguous: bool
) -> None:
    prices = np.array(inside, np.float64).reshape(len(inside), 4).T.copy()
    finer = Finer(*prices, np.array([0]), np.array([len(inside)]))
    found = one((100, 102.5, 98.5, 100), target=D(102), finer=finer)
    assert (found.rule(0), bool(found.is_ambiguous[0])) == (rule, ambiguous)


def test_a_position_without_a_stop_gets_one_of_daily_ranges_and_is_flagged() -> None:
    """Fewer than 14 days are known, so two percent of the price are risked, as live does."""
    found = one((100, 101, 97.5, 100.4), initial_stop=None)
    assert bool(found.is_estimated[0])
    assert found.outcomes.price[0] == 98.0


def test_progress_is_told_until_all_are_done() -> None:
    rng = dice(5)
    table = a_table(rng)
    positions = some_positions(rng, table, count=12)
    told: list[int] = []
    walking = Walk(
        opened=opened(positions, table, BOOK),
        columns=MarketColumns(table=table),
        book=BOOK,
        conditions=FREE,
    )
    walk_alone(walking, progress=told.append)
    assert sum(told) == 12


@pytest.mark.parametrize("count", [1, 2, 30])
def test_however_few_positions_are_walked_by_the_same_machine_code(count: int) -> None:
    """Machine code is made for kinds; columns are of one only when equally far apart."""
    table = a_table(dice(5))

    def kinds(positions: int) -> tuple[Kind, ...]:
        rows = opened(some_positions(dice(5), table, count=positions), table, PLAIN)
        walking = Walk(opened=rows, columns=MarketColumns(table=table), book=PLAIN, conditions=FREE)
        return handed((walking.courses, rows.entries))[0]

    assert kinds(count) == kinds(7)
