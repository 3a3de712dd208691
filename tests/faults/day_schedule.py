"""A whole session of 25 positions, with every fault on and a trader who does not sit still."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

from stopward.domain.identity import Symbol
from stopward.local.simulator import Settling
from tests.builders.faults import Disturbance, GuardName, Hand, HandKind, Schedule, Wake
from tests.faults.random_schedules import (
    FAULTS,
    HANDS,
    random_amount,
    random_call,
    random_opening,
    random_overlap,
    random_prices,
)

MINUTES = 390
POSITIONS = 25
PULSE_SECONDS = 20.0
FAULTY = 0.1
"""The share of ticks in which something goes wrong."""
HANDY = 0.05
"""The share of ticks in which the trader does something besides opening positions."""
INSIDE = 20_000
"""Ticks that run inside others are numbered from here."""
NEAR = 12
"""How many ticks back another may be that runs inside one."""
OPENED = 2
"""Symbols that the trader looks at before each tick, to open a position where none is held."""
SWINGS = (0.0005, 0.001, 0.002)
JUMPS = 0.004
"""Of the minutes, as on a busy day; jumps are up to 4 %."""
RULES = """
[account]
adopt = "all"
[rules.breakeven]
arm = "0.5 r"
[rules.ratchet]
at_1 = 1
lock_1 = 0.5
at_2 = 2
lock_2 = 1.2
[rules.chandelier]
arm = "1 r"
distance = "2 atr"
[rules.partial]
at_1 = "1 r"
fraction_1 = 0.5
[rules.give_back]
arm_r = 1.5
keep = 0.5
[rules.time_stop]
minutes = 90
[rules.session_flat]
minutes = 5
[limits.day_loss]
loss_r = 500
"""
AFTERWARDS: dict[HandKind, tuple[HandKind, int]] = {
    "halt": ("resume", 3),
    "flatten": ("resume", 3),
    "hands_off": ("opt_in", 15),
}
"""What the trader takes back, and how many pulses later."""
SELDOM: frozenset[HandKind] = frozenset({"flatten", "halt"})


def day_schedule(seed: int, *, minutes: int = MINUTES, positions: int = POSITIONS) -> Schedule:
    """Return a session of so many minutes: both functions three times a minute, and all faults."""
    draw = Random(f"day {seed}")  # noqa: S311 - nothing here is secret
    symbols = tuple(Symbol(f"S{number:02}") for number in range(positions))
    wakes = tuple(_wakes(draw, minutes))
    return Schedule(
        seed=seed,
        start_minute=MINUTES - minutes + 1,
        prices={
            symbol: random_prices(draw, minutes, swings=SWINGS, jumps=JUMPS) for symbol in symbols
        },
        openings=tuple(random_opening(draw, symbol) for symbol in symbols),
        rules=RULES,
        latency=timedelta(milliseconds=60),
        settling=Settling(calls=2),
        volume_share=Decimal("0.1"),
        skew_seconds=0.4,
        wakes=wakes,
        disturbances=tuple(_disturbances(draw, wakes, symbols)),
    )


def _wakes(draw: Random, minutes: int) -> Iterator[Wake]:
    names: tuple[GuardName, GuardName] = ("monitor", "breakeven")
    pulses = int((minutes - 1) * 60 / PULSE_SECONDS)
    for index in range(2 * pulses):
        yield Wake(
            number=index,
            guard=names[index % 2],
            seconds=(index // 2) * PULSE_SECONDS,
            late_seconds=draw.choice((0.0, 0.0, 0.0, 0.3, 2.0)),
            cold=draw.random() < 0.01,
        )


def _disturbances(
    draw: Random, wakes: tuple[Wake, ...], symbols: tuple[Symbol, ...]
) -> Iterator[Disturbance]:
    for place, wake in enumerate(wakes):
        for _ in range(OPENED):
            yield _by_hand(draw, wake, "open", symbols, call=1)
        if draw.random() < FAULTY:
            kind = draw.choice(FAULTS)
            # Only ticks of the last minutes: one of the future would take the market there.
            near = wakes[max(place - NEAR, 0) : place + 2]
            here = min(place, NEAR)
            overlap = None
            if kind == "overlap":
                overlap = random_overlap(draw, near, here, 0)
                if overlap not in near:
                    overlap = replace(overlap, number=INSIDE + place)
            yield Disturbance(
                wake=wake.number,
                call=random_call(draw),
                kind=kind,
                amount=random_amount(draw, kind),
                overlap=overlap,
            )
        if draw.random() < HANDY:
            kind_of_hand = draw.choice(HANDS)
            if kind_of_hand in SELDOM and draw.random() < 0.9:
                continue
            first = kind_of_hand in ("split", "hands_off", "opt_in")
            call = 1 if first else random_call(draw)
            yield (act := _by_hand(draw, wake, kind_of_hand, symbols, call=call))
            back, pulses = AFTERWARDS.get(kind_of_hand, (None, 0))
            if back is not None and act.hand is not None:
                later = wakes[min(place + 2 * pulses, len(wakes) - 1)]
                yield _by_hand(draw, later, back, (act.hand.symbol,), call=1)


def _by_hand(
    draw: Random, wake: Wake, kind: HandKind, symbols: tuple[Symbol, ...], *, call: int
) -> Disturbance:
    hand = Hand(
        kind=kind,
        symbol=draw.choice(symbols),
        amount=Decimal(draw.choice(("0.1", "0.3", "0.5", "0.9", "1"))),
        side=draw.choice(("long", "short")),
    )
    return Disturbance(wake=wake.number, call=call, kind="hand", hand=hand)
