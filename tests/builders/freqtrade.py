"""Builders for the exits of freqtrade: hourly bars, a long entered at 100.00 at the first open."""

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from stopward.rules.codes import RULE_NAMES
from stopward.rules.columns import Bars, Courses, Entries, Exits, Log, Market, Outcomes, StopPath
from stopward.rules.course import MOST_EXITS
from stopward.rules.freqtrade import MOST_ROI_STEPS, NO_STEP, FreqtradeRules, RoiStep
from stopward.rules.freqtrade_walk import Clock, finish_freqtrade, walk_freqtrade
from stopward.rules.parameters import Rules
from stopward.rules.types import NAN, Slippage

HOUR = 60.0
Prices = tuple[float, float, float, float]
"""Open, high, low, close."""
FREE = Slippage(0.0, 0.0, 0.0, 0.0)
NIGHT = 1440.0 - 390.0
"""Minutes from one session's close to the next one's open."""


class Left(NamedTuple):
    """How a position left: number of the bar, price, rule; `none` when the bars ended first."""

    bar: int
    price: float
    rule: str


class Walked(NamedTuple):
    """What the walk wrote about one position."""

    left: Left
    other_price: float
    slipped: float
    stops: list[float]


def roi_steps(roi: Mapping[int, float]) -> tuple[RoiStep, ...]:
    """Return a table of profits by age in minutes, as the kernel takes it."""
    steps = tuple(RoiStep(float(minutes), roi[minutes]) for minutes in sorted(roi))
    return steps + (NO_STEP,) * (MOST_ROI_STEPS - len(steps))


def strategy(
    stoploss: float = -0.1,
    *,
    roi: Mapping[int, float] | None = None,
    trails: bool = False,
    positive: float = NAN,
    offset: float = 0.0,
    only_past_offset: bool = False,
    fee: float = 0.0,
) -> FreqtradeRules:
    """Return exits: a stop 10 % away and nothing else, unless said otherwise."""
    return FreqtradeRules(
        stoploss=stoploss,
        trailing_stop=float(trails),
        trailing_stop_positive=positive,
        trailing_stop_positive_offset=offset,
        trailing_only_offset_is_reached=float(only_past_offset),
        minimal_roi=roi_steps(roi or {}),
        fee=fee,
    )


def price_columns(bars: Sequence[Prices]) -> Bars:
    """Return bars of which nothing but their prices is known."""
    missing = [NAN] * len(bars)
    columns = dict.fromkeys(Bars._fields, missing)
    for place, name in enumerate(("open", "high", "low", "close")):
        columns[name] = [bar[place] for bar in bars]
    return Bars(**columns)


def one_entry(
    bars: Sequence[Prices], *, side: float, entry: float, at_open: bool, per_unit: float = 100.0
) -> Entries:
    """Return one position of one share; its own stop and target are not looked at."""
    return Entries(
        side=[side],
        entry=[entry],
        risk=[1.0],
        quantity=[1.0],
        lot=[1.0],
        per_unit=[per_unit],
        stop=[NAN],
        target=[NAN],
        fees=[0.0],
        start=[0],
        end=[len(bars)],
        at_open=[float(at_open)],
    )


def walked_there(
    bars: Sequence[Prices],
    rules: FreqtradeRules,
    *,
    side: float = 1.0,
    entry: float = 100.0,
    at_open: bool = True,
    bar_minutes: float = HOUR,
    per_unit: float = 100.0,
    slippage: Slippage = FREE,
    night_before: int | None = None,
) -> Walked:
    """Return what becomes of a position, interpreted; a night may lie before one of its bars."""
    entries = one_entry(bars, side=side, entry=entry, at_open=at_open, per_unit=per_unit)
    exits = Exits(*([NAN] * MOST_EXITS for _ in Exits._fields))
    path = StopPath([0], [NAN] * len(bars))
    courses = Courses([0], *([NAN] for _ in Courses._fields[1:]))
    outcomes = Outcomes(*([NAN] for _ in Outcomes._fields))
    market = Market(price_columns(bars), None)
    night = len(bars) if night_before is None else night_before
    starts = [bar_minutes * at + (NIGHT if at >= night else 0.0) for at in range(len(bars))]
    clock = Clock(starts, bar_minutes)
    log = Log(exits, path)
    walk_freqtrade([0], courses, entries, market, clock, rules, Rules(), slippage, log)
    finish_freqtrade([0], courses, entries, market, slippage, log, outcomes)
    return Walked(
        left=Left(int(outcomes.bar[0]), outcomes.price[0], RULE_NAMES[int(outcomes.rule[0])]),
        other_price=outcomes.other_price[0],
        slipped=exits.slipped[0],
        stops=[stop for stop in path.stop if not math.isnan(stop)],
    )


def a_strategy(rng: Random) -> FreqtradeRules:
    """Return random exits of about the size that the bars of `kernel_random` move."""
    positive = rng.choice([NAN, 0.002, 0.004, 0.01])
    return strategy(
        -rng.choice([0.004, 0.01, 0.02, 0.99]),
        roi={
            minutes: rng.choice([-1.0, -0.002, 0.0, 0.003, 0.008, 0.02])
            for minutes in rng.sample([0, 1, 2, 3, 5, 8, 13, 30], rng.randint(0, 4))
        },
        trails=rng.random() < 0.7,
        positive=positive,
        offset=rng.choice([0.0, 0.005, 0.011]),
        only_past_offset=rng.random() < 0.5,
        fee=rng.choice([0.0, 0.0, 0.0005, 0.001]),
    )
