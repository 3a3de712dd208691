"""A small picture of a few bars: ranges, the stop as it rested, the target, the fills."""

from collections.abc import Iterator
from typing import Final

from stopward.report.axes import Scale
from stopward.report.markup import element, number, path, titled, words
from tests.builders.bar_cases import MINUTES, BarCase

WIDTH: Final = 168
HEIGHT: Final = 104
EDGE: Final = 8
BAR: Final = 38
"""From one bar to the next."""
STYLE: Final = """\
.paper { fill: #fff } .range { stroke: #1a1f24 } .night { stroke: #5b6570 }
.stop { stroke: #c2410c } .target { stroke: #0b7a75 } .entry { fill: #2457a6 }
.fill { fill: #1a1f24; stroke: #fff } path, line { fill: none; stroke-width: 1.8 }
.stop { stroke-width: 2.4 } .target { stroke-dasharray: 3 3 } .night { stroke-dasharray: 1 3 }
@media (prefers-color-scheme: dark) {
.paper { fill: #12171c } .range { stroke: #e6eaee } .night { stroke: #9aa6b2 }
.stop { stroke: #f58a5b } .target { stroke: #4fc3b8 } .entry { fill: #86b2ff }
.fill { fill: #e6eaee; stroke: #12171c } }
"""
"""The colors of the product's own page (stopward.report.style)."""


def bar_picture(case: BarCase) -> str:
    """Return the case as an SVG: each bar with its open to the left and its close to the right."""
    prices = [price for bar in case.bars for price in bar]
    prices += [float(case.stop)] if case.target is None else map(float, (case.stop, case.target))
    upwards = Scale(low=min(prices), high=max(prices), start=HEIGHT - EDGE, end=EDGE)
    body = "".join(
        [
            element("style", STYLE),
            element("rect", width=WIDTH, height=HEIGHT, rx=6, class_="paper"),
            *_bars(case, upwards),
            *_levels(case, upwards),
            _entry(case, upwards),
            *_fills(case, upwards),
        ]
    )
    return element(
        "svg",
        element("title", words(f"{case.happens}: {case.booked}")) + body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
    )


def _middle(bar: float) -> float:
    return EDGE + BAR * (bar + 0.5)


def _bars(case: BarCase, upwards: Scale) -> Iterator[str]:
    half = BAR / 3
    for place, bar in enumerate(case.bars):
        opened, high, low, close = (number(upwards.at(price)) for price in bar)
        x = _middle(place)
        strokes = (
            f"M{number(x)} {high}V{low}"
            f"M{number(x - half)} {opened}H{number(x)}M{number(x)} {close}H{number(x + half)}"
        )
        yield element("path", d=strokes, class_="range")
    nights = zip(case.at, case.at[1:], strict=False)
    for place, (before, after) in enumerate(nights):
        if before // MINUTES != after // MINUTES:
            x = EDGE + BAR * (place + 1)
            yield element("line", x1=x, x2=x, y1=EDGE, y2=HEIGHT - EDGE, class_="night")


def _levels(case: BarCase, upwards: Scale) -> Iterator[str]:
    """Yield the staircase of the stop, as it was walked, and the target over the same bars."""
    trace = case.traced()
    corners: list[tuple[float, float]] = []
    for place, stop in enumerate(trace.stops.tolist(), start=trace.first):
        y = upwards.at(stop)
        corners += [(EDGE + BAR * place, y), (EDGE + BAR * (place + 1), y)]
    yield element("path", d=path(corners), class_="stop")
    if case.target is not None:
        y = upwards.at(float(case.target))
        yield element("line", x1=corners[0][0], x2=corners[-1][0], y1=y, y2=y, class_="target")


def _entry(case: BarCase, upwards: Scale) -> str:
    x, y = number(EDGE + BAR * case.entry_seconds / 60), number(upwards.at(100.0))
    return titled("path", "entry at 100", d=f"M{x} {y}l-7 -4v8Z", class_="entry")


def _fills(case: BarCase, upwards: Scale) -> Iterator[str]:
    """Yield a mark for each fill: at the left of its bar when it is its open, else at its range."""
    for place, price, rule in case.fills:
        opened, close = case.bars[place][0], case.bars[place][3]
        x = _middle(place)
        if price == opened:
            x -= BAR / 3
        elif rule == "open" and price == close:
            x += BAR / 3
        said = f"{price:g}: {rule}"
        yield titled("circle", said, cx=x, cy=upwards.at(price), r=4, class_="fill")
