"""One trade bar by bar: where the price was, where the stop rested, and what was sold where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stopward.report.axes import Scale, ticks, widened
from stopward.report.frame import DOT, bottom_axis, frame_for, left_axis, legend
from stopward.report.markup import LINE, WIDTH, element, label, number, path, picture, titled
from stopward.report.moment import time_marks

HEIGHT: Final = 250
"""Of the chart alone; the list of exits comes below it."""
MOST_BARS: Final = 130
"""Of a chart, three units each: more are drawn together, by their highest and lowest."""
RING: Final = 7.5
"""Radius of what holds the number of an exit."""
ASIDE: Final = 13.0
"""From an exit to its number, so that the stop below it is seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """One fill. bar: its place among the bars of the trade, from 0; text: as it is told."""

    bar: int
    price: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A trade and the bars around it, oldest first; prices in dollars.

    at: start of each bar, in the zone in which it is told. entered: place of the entry bar.
    stops: what rested while each bar traded, from the entry bar on to the one of the last exit.
    target: None where none rested.
    """

    at: Sequence[datetime]
    high: Sequence[float]
    low: Sequence[float]
    close: Sequence[float]
    entered: int
    entry: float
    stops: Sequence[float]
    target: float | None
    exits: Sequence[Exit]


def staircase(trade: Trade, *, title: str) -> str:
    """Return the chart: bars, entry, the stop's staircase, target, numbered exits told below."""
    size = -(-len(trade.at) // MOST_BARS)
    drawn = grouped(trade, size)
    low, high = _range(drawn)
    is_seen = drawn.target is not None and low <= drawn.target <= high
    entries = [("line stop", "stop"), ("entry", f"entry {price_text(drawn.entry)}")]
    if drawn.target is not None:
        entries.append(
            ("target", f"target {price_text(drawn.target)}{'' if is_seen else ', not shown'}")
        )
    marks, top = legend(entries, top=0)
    values = ticks(low, high)
    frame = frame_for(values, top=top + 7, bottom=HEIGHT - 24)
    across, upwards = frame.across(0, len(drawn.at)), frame.upwards(low, high)
    times = [(across.at(mark.place / size), mark.text) for mark in time_marks(trade.at, most=5)]
    parts = [marks, left_axis(frame, upwards, values), bottom_axis(frame, times)]
    parts += [
        element("path", d=_ranges(drawn, across, upwards), class_="range"),
        element("path", d=_closes(drawn, across, upwards), class_="close"),
    ]
    begin = across.at(drawn.entered)
    if is_seen and drawn.target is not None:
        parts.append(_level(begin, across.at(_end(drawn)), upwards.at(drawn.target), "target"))
    parts += [
        _level(begin, across.at(_end(drawn)), upwards.at(drawn.entry), "entry"),
        element("path", d=_steps(drawn, across, upwards), class_="line stop"),
        _pointer(begin, upwards.at(drawn.entry), f"entry at {price_text(drawn.entry)}"),
    ]
    for place, sale in enumerate(drawn.exits):
        x, y = across.at(sale.bar + 0.5), upwards.at(sale.price)
        ring = x + ASIDE if x + 2 * ASIDE < WIDTH else x - ASIDE
        parts.append(
            titled("circle", sale.text, cx=x, cy=y, r=DOT, class_="exit")
            + titled("circle", sale.text, cx=ring, cy=y, r=RING, class_="ring")
            + label(str(place + 1), ring, y + 4, anchor="middle", class_="word ring-number")
        )
        below = HEIGHT + LINE * (place + 0.8)
        parts.append(label(f"{place + 1}. {sale.text}", frame.left, below))
    height = HEIGHT + LINE * len(drawn.exits) + 6
    return picture("".join(parts), title=title, description=_said(trade), height=height)


def price_text(price: float) -> str:
    """Return a price with two decimals, or with four where cents are not enough."""
    cents = f"{price:,.2f}"
    return cents if abs(price - round(price, 2)) < 5e-5 else f"{price:,.4f}"


def grouped(trade: Trade, size: int) -> Trade:
    """Return the trade with so many bars drawn as one.

    A group has the highest high, the lowest low, the last close, and the last of its stops.
    """
    if size == 1:
        return trade
    groups = [slice(first, first + size) for first in range(0, len(trade.at), size)]
    resting: dict[int, float] = {
        (trade.entered + number) // size: stop for number, stop in enumerate(trade.stops)
    }
    return Trade(
        at=[trade.at[group.start] for group in groups],
        high=[max(trade.high[group]) for group in groups],
        low=[min(trade.low[group]) for group in groups],
        close=[trade.close[group][-1] for group in groups],
        entered=trade.entered // size,
        entry=trade.entry,
        stops=list(resting.values()),
        target=trade.target,
        exits=[
            Exit(bar=sale.bar // size, price=sale.price, text=sale.text) for sale in trade.exits
        ],
    )


def _end(trade: Trade) -> int:
    return trade.entered + len(trade.stops)


def _range(trade: Trade) -> tuple[float, float]:
    """Return the prices of the chart; a target is among them unless it would halve the rest."""
    prices = [*trade.low, *trade.high, *trade.stops, trade.entry]
    prices += [sale.price for sale in trade.exits]
    low, high = min(prices), max(prices)
    if trade.target is not None:
        with_target = (min(low, trade.target), max(high, trade.target))
        if with_target[1] - with_target[0] <= 2 * (high - low):
            low, high = with_target
    return widened(low, high)


def _ranges(trade: Trade, across: Scale, upwards: Scale) -> str:
    return "".join(
        f"M{number(across.at(place + 0.5))} {number(upwards.at(high))}V{number(upwards.at(low))}"
        for place, (high, low) in enumerate(zip(trade.high, trade.low, strict=True))
    )


def _closes(trade: Trade, across: Scale, upwards: Scale) -> str:
    return "".join(
        f"M{number(across.at(place + 0.5))} {number(upwards.at(close))}"
        f"H{number(across.at(place + 1))}"
        for place, close in enumerate(trade.close)
    )


def steps(trade: Trade) -> Iterator[tuple[int, int, float]]:
    """Yield the stairs: first bar, one past the last, and the stop that rested in them."""
    first = 0
    for place, stop in enumerate(trade.stops):
        is_last = place + 1 == len(trade.stops)
        if is_last or trade.stops[place + 1] != stop:
            yield trade.entered + first, trade.entered + place + 1, stop
            first = place + 1


def _steps(trade: Trade, across: Scale, upwards: Scale) -> str:
    return path(
        [
            (across.at(bar), upwards.at(stop))
            for first, end, stop in steps(trade)
            for bar in (first, end)
        ]
    )


def _level(begin: float, end: float, y: float, class_: str) -> str:
    return element("line", x1=begin, x2=end, y1=y, y2=y, class_=class_)


def _pointer(x: float, y: float, said: str) -> str:
    return titled("path", said, d=f"M{number(x)} {number(y)}l-9 -5v10Z", class_="entry-mark")


def _said(trade: Trade) -> str:
    moves = sum(1 for _ in steps(trade)) - 1
    moved = "once" if moves == 1 else f"{moves:,} times"
    target = "" if trade.target is None else f", target {price_text(trade.target)}"
    return (
        f"Entered at {price_text(trade.entry)}, stop {price_text(trade.stops[0])}{target}; "
        f"the stop moved {moved}, to {price_text(trade.stops[-1])} at the end. "
        + "; ".join(sale.text for sale in trade.exits)
        + "."
    )
