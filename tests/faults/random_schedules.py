"""Schedules from a seed: prices, positions, rules, wakes, and what goes wrong when."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from math import ceil
from random import Random

from stopward.domain.identity import Symbol
from stopward.domain.money import Side
from stopward.local.simulator import Settling
from tests.builders.faults import (
    Disturbance,
    FaultKind,
    GuardName,
    Hand,
    HandKind,
    Opening,
    Schedule,
    Wake,
)
from tests.builders.simulator import Prices

SYMBOLS = (Symbol("AAPL"), Symbol("MSFT"), Symbol("NVDA"))
FLAT_MINUTES = 8
SWINGS = (0.001, 0.004, 0.008, 0.015)
CLOSE_MINUTE = 390
PULSES = (10.0, 20.0)
WAKES = (2, 2, 4, 4, 6, 6, 8, 12, 30)
"""How long schedules are: mostly short, for what breaks mostly breaks in few steps."""
RULES = (
    '[rules.breakeven]\narm = "0.4 r"\n',
    "[rules.ratchet]\nat_1 = 0.5\nlock_1 = 0.1\nat_2 = 1\nlock_2 = 0.5\n",
    '[rules.percent_trail]\narm = "0.4 %"\ndistance = "0.5 %"\narm_2 = "off"\n',
    '[rules.bar_trail]\narm = "0.2 r"\nwindow = 1\n',
    '[rules.follow_targets]\ntarget_1 = "0.4 r"\ntarget_2 = "0.8 r"\ntarget_3 = "off"\n',
    '[rules.partial]\nat_1 = "0.3 r"\nfraction_1 = 0.5\nat_2 = "0.8 r"\nfraction_2 = 0.25\n',
    "[rules.time_stop]\nminutes = 2\n",
    "[rules.give_back]\narm_r = 0.5\nkeep = 0.5\n",
    '[rules.target]\ndistance = "1 r"\n',
    "[rules.session_flat]\nminutes = 4\n",
    "[limits.day_loss]\nloss_r = 1\n",
    "[limits.day_profit]\narm_r = 1\n",
)
QUANTITIES = tuple(Decimal(q) for q in ("100", "100", "7", "1", "40", "12.5", "0.75", "3.333"))
FAULTS: tuple[FaultKind, ...] = (
    "no_answer", "no_answer", "lost_answer", "lost_answer", "rate_limited", "late_effect", "stale",
    "hidden", "slow", "slow", "overlap", "overlap", "kill_before", "kill_after",
)  # fmt: skip
HANDS: tuple[HandKind, ...] = (
    "close", "reduce", "reduce", "reduce_keep", "add", "add", "tighten", "tighten", "loosen",
    "cancel", "cancel", "stop", "open", "open", "split", "hands_off", "opt_in", "halt", "resume",
    "flatten", "cap", "reject",
)  # fmt: skip
LONG_NUMBER = 1000
"""Overlapping wakes are numbered from here."""


def random_schedule(seed: int) -> Schedule:
    """Return the schedule of a seed, the same on every machine."""
    draw = Random(seed)  # noqa: S311 - nothing here is secret
    symbols = SYMBOLS[: draw.choice((1, 1, 1, 2, 3))]
    pulse, count = draw.choice(PULSES), draw.choice(WAKES)
    minutes = ceil(count / 2 * pulse / 60)
    near_close = draw.random() < 0.1
    start = CLOSE_MINUTE - max(minutes - 1, 1) if near_close else 1
    wakes = _wakes(draw, pulse=pulse, count=count)
    return Schedule(
        seed=seed,
        start_minute=start,
        prices={symbol: random_prices(draw, minutes + 1) for symbol in symbols},
        openings=tuple(random_opening(draw, symbol) for symbol in symbols if draw.random() < 0.9),
        rules=_rules(draw, symbols),
        mode="observe" if draw.random() < 0.04 else "guard",
        hands_off=(symbols[-1],) if draw.random() < 0.08 else (),
        latency=timedelta(milliseconds=draw.choice((1, 20, 150))),
        settling=draw.choice(
            (
                Settling(),
                Settling(),
                Settling(calls=2),
                Settling(calls=3, after=timedelta(seconds=0.4)),
                Settling(calls=None, after=timedelta(seconds=1)),
            )
        ),
        volume_share=Decimal("0.01") if draw.random() < 0.12 else None,
        skew_seconds=draw.choice((0.0, 0.0, 0.0, 1.5, -1.5)),
        wakes=wakes,
        disturbances=_disturbances(draw, wakes, symbols, pulse=pulse),
    )


def _wakes(draw: Random, *, pulse: float, count: int) -> tuple[Wake, ...]:
    names: tuple[GuardName, GuardName] = ("monitor", "breakeven")
    same_instant = draw.random() < 0.15
    wakes: list[Wake] = []
    for index in range(count):
        name = names[index % 2]
        seconds = (index // 2) * pulse + (0 if same_instant or name == "monitor" else pulse / 2)
        late = draw.choice((0.0, 0.0, 0.0, 0.3, 2.0)) if draw.random() < 0.3 else 0.0
        wakes.append(
            Wake(
                number=index,
                guard=name,
                seconds=seconds,
                late_seconds=late,
                cold=draw.random() < 0.05,
            )
        )
    for _ in range(draw.choice((0, 0, 1, 2, 3))):
        place = draw.randrange(len(wakes))
        match draw.choice(("twice", "later", "lost", "swap")):
            case "twice":
                wakes.insert(place, _again(draw, wakes[place], len(wakes)))
            case "later":
                where = min(place + draw.randint(1, 4), len(wakes))
                wakes.insert(where, _again(draw, wakes[place], len(wakes)))
            case "lost" if len(wakes) > 3:
                del wakes[place : place + draw.randint(1, 3)]
            case _:
                other = min(place + 1, len(wakes) - 1)
                wakes[place], wakes[other] = wakes[other], wakes[place]
    return tuple(wakes)


def _again(draw: Random, wake: Wake, number: int) -> Wake:
    return Wake(
        number=number + 500, guard=wake.guard, seconds=wake.seconds, cold=draw.random() < 0.5
    )


def random_prices(
    draw: Random, minutes: int, *, swings: Sequence[float] = SWINGS, jumps: float = 0.15
) -> tuple[Prices, ...]:
    """Return bars of a walk with jumps, then as many flat ones as calm needs.

    swings: how far a minute goes, as shares of the price; one is drawn. jumps: how many jump.
    """
    price = draw.choice((100.0, 48.0, 250.0, 12.0))
    swing = draw.choice(swings)
    rows: list[Prices] = []
    for _ in range(minutes):
        if draw.random() < jumps:
            price *= 1 + draw.uniform(-0.04, 0.04)
        opened = round(price, 2)
        closed = round(opened * (1 + draw.gauss(0, swing)), 2)
        high = round(max(opened, closed) * (1 + abs(draw.gauss(0, swing / 2))), 2)
        low = round(min(opened, closed) * (1 - abs(draw.gauss(0, swing / 2))), 2)
        rows.append((opened, high, low, closed))
        price = closed
    last = rows[-1][3]
    return (*rows, *[(last, last, last, last)] * FLAT_MINUTES)


def random_opening(draw: Random, symbol: Symbol) -> Opening:
    """Return what is held of a symbol at the start."""
    quantity = draw.choice(QUANTITIES)
    whole = quantity == quantity.to_integral_value()
    side: Side = "short" if whole and draw.random() < 0.4 else "long"
    stop = draw.choice((None, Decimal("0.005"), Decimal("0.01"), Decimal("0.02"), Decimal("0.05")))
    target = None
    if whole and stop is not None and draw.random() < 0.25:
        target = draw.choice((Decimal("0.01"), Decimal("0.05")))
    covered = Decimal(1)
    if whole and target is None and draw.random() < 0.15:
        covered = Decimal("0.4")
    return Opening(
        symbol=symbol, side=side, quantity=quantity, stop=stop, target=target, covered=covered
    )


def _rules(draw: Random, symbols: tuple[Symbol, ...]) -> str:
    chosen = draw.sample(RULES, draw.choice((0, 1, 1, 2, 2, 3, 5, 8)))
    adopt = '[account]\nadopt = "all"\n'
    if draw.random() < 0.1:
        names = ", ".join(f'"{symbol}"' for symbol in symbols)
        adopt = f'[account]\nadopt = "listed"\nallow = [{names}]\n'
    return adopt + "".join(sorted(chosen))


def _disturbances(
    draw: Random, wakes: tuple[Wake, ...], symbols: tuple[Symbol, ...], *, pulse: float
) -> tuple[Disturbance, ...]:
    found: list[Disturbance] = []
    split: set[Symbol] = set()
    for _ in range(draw.choice((0, 1, 2, 3, 4, 6, 9))):
        place = draw.randrange(len(wakes))
        wake = wakes[place]
        kind = draw.choice(FAULTS)
        overlap = None
        if kind == "overlap":
            overlap = random_overlap(draw, wakes, place, len(found))
        found.append(
            Disturbance(
                wake=wake.number,
                call=random_call(draw),
                kind=kind,
                amount=random_amount(draw, kind),
                overlap=overlap,
            )
        )
        if kind == "slow" and draw.random() < 0.5:
            overlap = random_overlap(draw, wakes, place, len(found))
            found.append(
                Disturbance(wake=wake.number, call=found[-1].call, kind="overlap", overlap=overlap)
            )
    for _ in range(draw.choice((0, 0, 1, 1, 2, 3, 5))):
        symbol = draw.choice(symbols)
        hand = draw.choice(HANDS)
        if symbol in split or (hand == "split" and found and draw.random() < 0.7):
            continue
        if hand == "split":
            split.add(symbol)
        found.append(
            Disturbance(
                wake=draw.choice(wakes).number,
                call=1 if hand in ("split", "hands_off", "opt_in") else random_call(draw),
                kind="hand",
                hand=Hand(
                    kind=hand,
                    symbol=symbol,
                    amount=Decimal(draw.choice(("0.1", "0.3", "0.5", "0.9", "1"))),
                    side=draw.choice(("long", "short")),
                ),
            )
        )
    return tuple(found)


def random_call(draw: Random) -> int:
    """Return at which call of a tick something happens."""
    return draw.choice((1, draw.randint(2, 8), draw.randint(2, 12), draw.randint(6, 30)))


def random_amount(draw: Random, kind: FaultKind) -> float:
    """Return how long a fault takes: seconds, or calls."""
    if kind == "slow":
        return draw.choice((0.5, 3.0, 9.0, 14.0, 16.0, 25.0))
    return float(draw.choice((1, 2, 4, 12)))


def random_overlap(draw: Random, wakes: tuple[Wake, ...], place: int, index: int) -> Wake:
    """Return a tick to run inside another: the next one, the same one again, or one out of turn."""
    later = wakes[min(place + 1, len(wakes) - 1)]
    match draw.choice(("next", "next", "same", "other")):
        case "next":
            return later
        case "same":
            wake = wakes[place]
        case _:
            wake = draw.choice(wakes)
    return Wake(number=LONG_NUMBER + index, guard=wake.guard, seconds=wake.seconds, cold=True)
