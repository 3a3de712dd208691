"""Schedules for the whole stack from a seed: minutes of two functions, and what goes wrong when."""

from dataclasses import replace
from decimal import Decimal
from random import Random

from stopward.domain.identity import Symbol
from tests.builders.faults import Disturbance, FaultKind, GuardName, Hand, Schedule, Wake
from tests.faults.random_schedules import HANDS, random_prices, random_schedule

MINUTES = (1, 2, 2, 3)
FAULTS: tuple[FaultKind, ...] = (
    "no_answer", "no_answer", "lost_answer", "lost_answer", "rate_limited", "server_error",
    "timeout_after", "half_answer", "late_effect", "stale", "slow", "slow", "kill_before",
    "kill_after", "overlap",
)  # fmt: skip
AGAIN = 500
"""Events that are delivered twice are numbered from here."""
INSIDE = 1_000
"""Those that a disturbance adds, from here."""


def random_stack_schedule(seed: int) -> Schedule:
    """Return the schedule of a seed, the same on every machine."""
    draw = Random(f"stack {seed}")  # noqa: S311 - nothing here is secret
    base = random_schedule(seed)
    minutes = draw.choice(MINUTES)
    wakes = _events(draw, minutes)
    return replace(
        base,
        prices={symbol: random_prices(draw, minutes + 1) for symbol in base.prices},
        wakes=wakes,
        disturbances=_disturbances(draw, wakes, tuple(base.prices)),
    )


def _events(draw: Random, minutes: int) -> tuple[Wake, ...]:
    names: tuple[GuardName, GuardName] = ("monitor", "breakeven")
    events = []
    for minute in range(minutes):
        for place, name in enumerate(names):
            if draw.random() < 0.04:
                continue  # a schedule that did not fire
            wake = Wake(
                number=2 * minute + place,
                guard=name,
                seconds=60.0 * minute,
                late_seconds=draw.choice((0.0, 0.0, 0.2, 1.0, 4.0, 25.0)),
                cold=draw.random() < 0.1,
            )
            events.append(wake)
            if draw.random() < 0.08:
                events.append(_again(draw, wake, AGAIN + wake.number))
    return tuple(events)


def _again(draw: Random, wake: Wake, number: int) -> Wake:
    late = wake.late_seconds + draw.choice((0.0, 0.0, 0.5, 10.0, 61.0))
    return replace(wake, number=number, late_seconds=late, cold=draw.random() < 0.5)


def _disturbances(
    draw: Random, wakes: tuple[Wake, ...], symbols: tuple[Symbol, ...]
) -> tuple[Disturbance, ...]:
    found: list[Disturbance] = []
    split: set[Symbol] = set()
    if not wakes:
        return ()
    for index in range(draw.choice((0, 1, 2, 3, 4, 6, 9))):
        wake = draw.choice(wakes)
        kind = draw.choice(FAULTS)
        found.append(
            Disturbance(
                wake=wake.number,
                call=_call(draw),
                kind=kind,
                amount=_amount(draw, kind),
                overlap=_again(draw, draw.choice(wakes), INSIDE + index)
                if kind == "overlap"
                else None,
            )
        )
    for _ in range(draw.choice((0, 0, 1, 1, 2, 3, 5))):
        hand = _hand(draw, symbols)
        if hand.symbol in split or (hand.kind == "split" and found):
            continue
        if hand.kind == "split":
            split.add(hand.symbol)
        at_the_start = hand.kind in ("split", "hands_off", "opt_in")
        found.append(
            Disturbance(
                wake=draw.choice(wakes).number,
                call=1 if at_the_start else _call(draw),
                kind="hand",
                hand=hand,
            )
        )
    return tuple(found)


def _hand(draw: Random, symbols: tuple[Symbol, ...]) -> Hand:
    return Hand(
        kind=draw.choice(HANDS),
        symbol=draw.choice(symbols),
        amount=Decimal(draw.choice(("0.1", "0.3", "0.5", "0.9", "1"))),
        side=draw.choice(("long", "short")),
    )


def _call(draw: Random) -> int:
    return draw.choice((1, draw.randint(2, 10), draw.randint(2, 30), draw.randint(6, 60)))


def _amount(draw: Random, kind: FaultKind) -> float:
    if kind == "slow":
        return draw.choice((0.5, 3.0, 9.0, 14.0, 16.0, 25.0))
    return float(draw.choice((1, 2, 4, 12)))
