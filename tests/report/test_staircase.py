"""A trade bar by bar: every bar, the stop in its stairs, each exit at its bar and price."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.report.staircase import Exit, Trade, grouped, price_text, staircase, steps
from tests.builders.pictures import marks, place, points, read, title, words

OPENS = datetime(2024, 1, 3, 9, 30, tzinfo=UTC)


def a_trade(bars: int = 6, *, entered: int = 1, **changed: object) -> Trade:
    """Return a trade from 100, stop 99 and then 100.5, sold at 100.5 in the last bar but one."""
    close = [100.0 + 0.25 * number for number in range(bars)]
    held = bars - 1 - entered
    trade = Trade(
        at=[OPENS + timedelta(minutes=number) for number in range(bars)],
        high=[price + 0.5 for price in close],
        low=[price - 0.5 for price in close],
        close=close,
        entered=entered,
        entry=100.0,
        stops=[99.0] * (held - 2) + [100.5] * 2,
        target=None,
        exits=[Exit(bar=bars - 2, price=100.5, text="stop, 100 at 100.50, 09:34")],
    )
    return replace(trade, **changed)  # type: ignore[arg-type]


def test_every_bar_is_a_line_with_its_close() -> None:
    tree = read(staircase(a_trade(), title="p1"))
    ranges = re.findall(r"M(\S+?) (\S+?)V([\d.]+)", marks(tree, "range")[0].attrib["d"])
    closes = re.findall(r"M(\S+?) (\S+?)H([\d.]+)", marks(tree, "close")[0].attrib["d"])
    assert len(ranges) == len(closes) == 6
    for (x, high, low), (_, close, _) in zip(ranges, closes, strict=True):
        assert float(close) == pytest.approx((float(high) + float(low)) / 2, abs=0.02)
        assert float(x) <= 480


def test_the_stop_is_a_staircase_at_the_bars_in_which_it_rested() -> None:
    tree = read(staircase(a_trade(), title="p1"))
    stairs = points(marks(tree, "line stop", "path")[0])
    assert len(stairs) == 4
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = stairs
    assert (y0, y2) == (y1, y3)
    assert x1 == x2
    assert y2 < y0
    assert x1 - x0 == pytest.approx(x3 - x2, abs=0.02)
    middles = [float(x) for x in re.findall(r"M(\S+) \S+V", marks(tree, "range")[0].attrib["d"])]
    half = (middles[1] - middles[0]) / 2
    assert (x0, x3) == pytest.approx((middles[1] - half, middles[4] + half), abs=0.02)


def test_exits_stand_at_their_bar_and_price_and_are_told_in_order() -> None:
    sold = [Exit(bar=3, price=101.0, text="partial, 50"), Exit(bar=4, price=100.5, text="stop, 50")]
    tree = read(staircase(a_trade(exits=sold), title="p1"))
    first, second = marks(tree, "exit")
    stairs = points(marks(tree, "line stop", "path")[0])
    assert place(second, "cy") == (stairs[-1][1],)
    assert place(second, "cx")[0] < stairs[-1][0]
    assert place(first, "cy") < place(second, "cy")
    assert [title(first), title(second)] == ["partial, 50", "stop, 50"]
    assert words(tree)[-4:] == ["1", "1. partial, 50", "2", "2. stop, 50"]


def test_the_entry_is_a_level_and_a_pointer() -> None:
    tree = read(staircase(a_trade(), title="p1"))
    level = marks(tree, "entry", "line")[-1]
    (pointer,) = marks(tree, "entry-mark")
    assert title(pointer) == "entry at 100.00"
    x, y = place(level, "x1", "y1")
    assert pointer.attrib["d"].startswith(f"M{x:g} {y:g}")


@pytest.mark.parametrize(
    ("target", "said", "lines"),
    [(102.0, "target 102.00", 2), (150.0, "target 150.00, not shown", 1), (None, None, 0)],
)
def test_a_target_is_drawn_unless_it_would_squash_the_rest(
    target: float | None, said: str | None, lines: int
) -> None:
    tree = read(staircase(a_trade(target=target), title="p1"))
    assert len(marks(tree, "target", "line")) == lines
    assert (said in words(tree)) == (said is not None)


def test_it_is_told_in_words() -> None:
    markup = staircase(a_trade(target=102.0), title="p1")
    assert (
        "p1. Entered at 100.00, stop 99.00, target 102.00; the stop moved once, to 100.50 at the "
        "end. stop, 100 at 100.50, 09:34."
    ) in markup


@given(bars=st.integers(5, 60), entered=st.integers(0, 1), size=st.integers(1, 12))
def test_bars_drawn_as_one_keep_extremes_stops_and_places(
    bars: int, entered: int, size: int
) -> None:
    wild = [100.0 + (number * 37 % 11) for number in range(bars)]
    trade = a_trade(bars, entered=entered, high=wild, low=[price - 50 for price in wild])
    found = grouped(trade, size)
    groups = [wild[first : first + size] for first in range(0, bars, size)]
    assert found.high == [max(group) for group in groups]
    assert found.low == [min(group) - 50 for group in groups]
    assert len(found.at) == -(-bars // size)
    assert found.close[-1] == trade.close[-1]
    assert found.stops[-1] == trade.stops[-1]
    assert len(found.stops) == (trade.entered + len(trade.stops) - 1) // size - found.entered + 1
    assert [sale.bar for sale in found.exits] == [sale.bar // size for sale in trade.exits]


@given(st.lists(st.sampled_from([99.0, 99.5, 100.0]), min_size=1, max_size=20))
def test_stairs_lie_end_to_end_and_each_is_another_stop(stops: list[float]) -> None:
    found = list(steps(a_trade(30, stops=stops)))
    resting = [stop for first, end, stop in found for _ in range(first, end)]
    assert resting == stops
    assert found[0][0] == 1
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert all(before[2] != after[2] for before, after in pairwise(found))


def test_a_long_trade_is_drawn_with_few_marks() -> None:
    markup = staircase(a_trade(5000), title="p1")
    (ranges,) = marks(read(markup), "range")
    assert ranges.attrib["d"].count("M") <= 130
    assert len(markup) < 20_000


@pytest.mark.parametrize(
    ("price", "text"),
    [(100.0, "100.00"), (1234.5, "1,234.50"), (0.1234, "0.1234"), (99.999999, "100.00")],
)
def test_prices_as_they_are_written(price: float, text: str) -> None:
    assert price_text(price) == text
