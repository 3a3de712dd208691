"""Situations that freqtrade's own tests of its backtest cover, told anew in numbers of our own.

Each has been run through that backtest, version 2026.9, and gave the same bar, price and reason.
"""

from typing import NamedTuple

from stopward.rules.freqtrade import FreqtradeRules
from tests.builders.freqtrade import Left, Prices, strategy

FLAT: Prices = (100, 100.5, 99.5, 100)
STOP, ROI, TRAIL, OPEN = "stop", "aged_target", "percent_trail", "none"


class Case(NamedTuple):
    """Bars from the entry bar on, and how the position leaves. side: +1 long, -1 short."""

    name: str
    rules: FreqtradeRules
    bars: tuple[Prices, ...]
    left: Left
    side: float = 1.0
    entry: float = 100.0


FIVE = strategy(-0.05)
FOUR_UP = strategy(-0.05, roi={0: 0.04})
TEN_TRAILS = strategy(-0.1, trails=True)
PAST_FIVE = strategy(-0.1, trails=True, positive=0.03, offset=0.05, only_past_offset=True)
FROM_FIVE = strategy(-0.1, trails=True, positive=0.03, offset=0.05)
LATER = strategy(-0.1, roi={0: 0.2, 120: 0.01})
LATER_INSIDE = strategy(-0.1, roi={0: 0.2, 119: 0.01})

FIXED = (
    Case("the stop", FIVE, (FLAT, (99, 99.5, 94, 96), FLAT), Left(1, 95, STOP)),
    Case("a touch is a hit", FIVE, (FLAT, (99, 99.5, 95, 96), FLAT), Left(1, 95, STOP)),
    Case("a tick short of it", FIVE, (FLAT, (99, 99.5, 95.01, 96), FLAT), Left(2, 100, OPEN)),
    Case("stop in the entry bar", FIVE, ((100, 101, 94, 99), FLAT), Left(0, 95, STOP)),
    Case("the whole bar past the stop", FIVE, (FLAT, (93, 94, 92, 93), FLAT), Left(1, 93, STOP)),
    Case("a gap that comes back", FIVE, (FLAT, (93, 96, 92, 95), FLAT), Left(1, 95, STOP)),
    Case("stop and profit", FOUR_UP, (FLAT, (100, 105, 94, 103), FLAT), Left(1, 95, STOP)),
    Case("profit", FOUR_UP, (FLAT, (100, 106, 99, 105), FLAT), Left(1, 104, ROI)),
    Case("profit only touched", FOUR_UP, (FLAT, (100, 104, 99, 103), FLAT), Left(2, 100, OPEN)),
    Case("profit by a tick", FOUR_UP, (FLAT, (100, 104.01, 99, 103), FLAT), Left(1, 104, ROI)),
    Case("profit in the entry bar", FOUR_UP, ((100, 106, 99, 105), FLAT), Left(0, 104, ROI)),
    Case("entry bar, both", FOUR_UP, ((100, 106, 94, 105), FLAT), Left(0, 95, STOP)),
    Case("the whole bar past it", FOUR_UP, (FLAT, (106, 107, 105, 106), FLAT), Left(1, 105, ROI)),
    Case("a step begins, open past it", LATER,
         (FLAT, FLAT, (103, 104, 100, 101), FLAT), Left(2, 103, ROI)),
    Case("a step begins, open short of it", LATER,
         (FLAT, FLAT, (100.5, 103, 99, 100), FLAT), Left(2, 101, ROI)),
    Case("a step begins, open at it", LATER,
         (FLAT, FLAT, (101, 103, 99, 100), FLAT), Left(2, 101, ROI)),
    Case("a step that began inside a bar", LATER_INSIDE,
         (FLAT, FLAT, (103, 104, 99.5, 101), FLAT), Left(2, 101, ROI)),
    Case("such a step, the whole bar past it", LATER_INSIDE,
         (FLAT, FLAT, (103, 104, 102.5, 103), FLAT), Left(2, 102.5, ROI)),
    Case("the step has not begun", LATER,
         (FLAT, (103, 104, 102, 103), (100.5, 100.9, 100, 100.5), FLAT), Left(3, 100, OPEN)),
    Case("a profit of -1 at an open", strategy(roi={0: 0.2, 120: -1}),
         (FLAT, FLAT, (98.5, 99.5, 97, 99), FLAT), Left(2, 98.5, ROI)),
    Case("a profit of -1 inside a bar", strategy(roi={0: 0.2, 65: -1}),
         (FLAT, FLAT, (98.5, 99.5, 97, 99), FLAT), Left(2, 97, ROI)),
    Case("a loss accepted", strategy(roi={0: 0.2, 60: -0.02}),
         (FLAT, (97, 99, 96, 97), FLAT), Left(1, 98, ROI)),
    Case("the bars end", FIVE, (FLAT, FLAT, (101, 102, 100.5, 102)), Left(2, 101, OPEN)),
    Case("the stop in the last bar", FIVE, (FLAT, (99, 99.5, 94, 96)), Left(1, 95, STOP)),
)  # fmt: skip
"""Without a trail; a short mirrored about its entry does the same."""

TRAILED = (
    Case("raised, then hit", TEN_TRAILS,
         (FLAT, (100, 105, 97, 104), (100, 101, 94, 95), FLAT), Left(2, 94.5, TRAIL)),
    Case("raised and hit in one bar", TEN_TRAILS,
         (FLAT, (100, 110, 97, 98), FLAT), Left(1, 99, TRAIL)),
    Case("the stop was hit first", TEN_TRAILS,
         (FLAT, (100, 112, 88, 110), FLAT), Left(1, 90.45, TRAIL)),
    Case("the first stop was hit first", TEN_TRAILS,
         ((100, 112, 88, 110), FLAT), Left(0, 90, STOP)),
    Case("under the offset it trails as the stop", FROM_FIVE,
         (FLAT, (100, 104.5, 99, 103), (98, 99, 93, 94), FLAT), Left(2, 94.05, TRAIL)),
    Case("noise takes a stop a tick nearer: 104 * 0.9 is 93.60000000000001", FROM_FIVE,
         (FLAT, (100, 104, 99, 103), (98, 99, 93, 94), FLAT), Left(2, 93.61, TRAIL)),
    Case("over the offset it is tighter", FROM_FIVE,
         (FLAT, (104, 106, 103, 105), (104, 105, 100, 101), FLAT), Left(2, 102.82, TRAIL)),
    Case("not before the offset", PAST_FIVE,
         (FLAT, (100, 104.9, 99, 104), (98, 99, 89, 94), FLAT), Left(2, 90, STOP)),
    Case("past the offset", PAST_FIVE,
         (FLAT, (104, 106, 103, 105), (104, 105, 100, 101), FLAT), Left(2, 102.82, TRAIL)),
    Case("past the offset and hit in one bar", PAST_FIVE,
         (FLAT, (101, 106, 100, 101), FLAT), Left(1, 102.82, TRAIL)),
    Case("at the offset it trails as the stop", PAST_FIVE,
         (FLAT, (104, 105, 103, 104), (98, 99, 94, 94), FLAT), Left(2, 94.5, TRAIL)),
    Case("a gap past the trail", PAST_FIVE,
         (FLAT, (104, 106, 103, 105), (97, 101, 95, 96), FLAT), Left(2, 97, TRAIL)),
    Case("a gap past the trail that comes back", PAST_FIVE,
         (FLAT, (104, 106, 103, 105), (97, 103, 95, 96), FLAT), Left(2, 102.82, TRAIL)),
    Case("entry bar: from the open", strategy(trails=True, positive=0.01),
         ((100, 110, 98, 98.5), FLAT), Left(0, 99, TRAIL)),
    Case("entry bar: from the offset",
         strategy(trails=True, positive=0.01, offset=0.02, only_past_offset=True),
         ((100, 110, 98, 98.5), FLAT), Left(0, 101, TRAIL)),
    Case("entry bar: never outside it", strategy(trails=True, positive=0.03),
         ((100, 110, 98, 98.5), FLAT), Left(0, 98, TRAIL)),
    Case("profit before the trail",
         strategy(roi={0: 0.04}, trails=True, positive=0.03, offset=0.05, only_past_offset=True),
         (FLAT, (101, 106, 100, 101), FLAT), Left(1, 104, ROI)),
    Case("a profit that shrank before the trail",
         strategy(roi={0: 0.2, 119: 0.03}, trails=True, positive=0.03, offset=0.05,
                  only_past_offset=True),
         (FLAT, (104, 106, 103, 105), (97, 105, 95, 96), FLAT), Left(2, 103, ROI)),
    Case("a short, raised then hit", TEN_TRAILS,
         (FLAT, (100, 103, 95, 96), (100, 106, 99, 105), FLAT), Left(2, 104.5, TRAIL), -1.0),
    Case("a short, raised and hit in one bar", TEN_TRAILS,
         (FLAT, (100, 103, 90, 102), FLAT), Left(1, 99, TRAIL), -1.0),
    Case("a short past the offset", PAST_FIVE,
         (FLAT, (96, 96.5, 94, 95), (96, 99, 95, 98), FLAT), Left(2, 96.82, TRAIL), -1.0),
    Case("a short not before the offset", PAST_FIVE,
         (FLAT, (100, 101, 95.1, 96), (102, 111, 101, 105), FLAT), Left(2, 110, STOP), -1.0),
    Case("a gap past a short's trail", PAST_FIVE,
         (FLAT, (96, 96.5, 94, 95), (103, 107, 99, 105), FLAT), Left(2, 103, TRAIL), -1.0),
    Case("a short's entry bar: from the open", strategy(trails=True, positive=0.01),
         ((100, 102, 90, 101.5), FLAT), Left(0, 101, TRAIL), -1.0),
    Case("a short's entry bar: from the offset",
         strategy(trails=True, positive=0.01, offset=0.02, only_past_offset=True),
         ((100, 102, 90, 101.5), FLAT), Left(0, 99, TRAIL), -1.0),
    Case("a short's profit before its trail",
         strategy(roi={0: 0.04}, trails=True, positive=0.03, offset=0.05, only_past_offset=True),
         (FLAT, (99, 100, 94, 99), FLAT), Left(1, 96, ROI), -1.0),
)  # fmt: skip
"""With a trail, which is a share of the extreme and so is not the same on both sides."""

PAID = (
    Case("a fee moves no stop", strategy(-0.05, fee=0.001),
         (FLAT, (99, 99.5, 94, 96), FLAT), Left(1, 95, STOP)),
    Case("a profit has its fees inside", strategy(-0.05, roi={0: 0.04}, fee=0.001),
         (FLAT, (100, 106, 99, 105), FLAT), Left(1, 104.21, ROI)),
    Case("a short's profit has its fees inside", strategy(-0.05, roi={0: 0.04}, fee=0.001),
         (FLAT, (100, 101, 95, 96), FLAT), Left(1, 95.81, ROI), -1.0),
    Case("and so has the offset", PAST_FIVE._replace(fee=0.001),
         (FLAT, (104, 105.2, 103, 104), (98, 99, 89, 94), FLAT), Left(2, 90, STOP)),
    Case("an offset reached after fees", PAST_FIVE._replace(fee=0.001),
         (FLAT, (104, 105.3, 103, 104), (98, 103, 97, 98), FLAT), Left(2, 102.15, TRAIL)),
)  # fmt: skip

BETTER = (
    Case("entered better than the open, the bar closed against it", strategy(roi={0: 0.01}),
         ((100, 104, 99, 99.98), (99, 104, 98, 100), FLAT), Left(1, 100.01, ROI), 1.0, 99.02),
    Case("entered better than the open, the bar closed past it", strategy(roi={0: 0.01}),
         ((104, 106, 99, 101), FLAT), Left(0, 100.01, ROI), 1.0, 99.02),
    Case("a short entered better than the open", strategy(roi={0: 0.01}),
         ((100, 101, 96, 100.02), (101, 102, 96, 100), FLAT), Left(1, 99.97, ROI), -1.0, 100.98),
)  # fmt: skip
"""With an entry price of their own, inside the entry bar."""

CASES = (*FIXED, *TRAILED, *PAID, *BETTER)
