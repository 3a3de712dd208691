"""Everyday stories, to be broken at each of their boundaries."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from stopward.domain.identity import Symbol
from stopward.domain.money import Side
from tests.builders.faults import Disturbance, FaultKind, Hand, HandKind, Opening, Schedule, grid
from tests.builders.guard import ADOPT_ALL
from tests.builders.simulator import AAPL, Prices, flat

D = Decimal
Story = Callable[[], Schedule]
BREAKEVEN = ADOPT_ALL + '[rules.breakeven]\narm = "0.5 r"\n'
TARGET = ADOPT_ALL + '[rules.target]\ndistance = "1 r"\n'
TIME_STOP = ADOPT_ALL + "[rules.time_stop]\nminutes = 1\n"
SESSION_FLAT = ADOPT_ALL + "[rules.session_flat]\nminutes = 4\n"
PARTIAL = (
    ADOPT_ALL
    + '[rules.partial]\nat_1 = "0.5 r"\nfraction_1 = 0.5\nat_2 = "2 r"\nfraction_2 = 0.25\n'
)
TRAIL = ADOPT_ALL + '[rules.percent_trail]\narm = "0.4 %"\ndistance = "0.5 %"\narm_2 = "off"\n'
GRID = grid(10, pulse=20.0)


def walk(*closes: float) -> tuple[Prices, ...]:
    """Return bars from 100 whose close is the next one's open, then flat ones."""
    opens = (100.0, *closes[:-1])
    rows = [(o, max(o, c), min(o, c), c) for o, c in zip(opens, closes, strict=True)]
    return (*rows, *flat(closes[-1], 10))


def by_hand(
    wake: int,
    kind: HandKind,
    *,
    call: int = 1,
    before: str = "",
    amount: str = "0.5",
    symbol: Symbol = AAPL,
    side: Side = "long",
) -> Disturbance:
    """Return an act of the trader before a call of a wake, or before the so-manieth of a kind."""
    hand = Hand(kind=kind, amount=D(amount), symbol=symbol, side=side)
    return Disturbance(wake=wake, call=call, what=before, kind="hand", hand=hand)


def fault(
    wake: int, call: int, kind: FaultKind, *, at: str = "", amount: float = 1.0
) -> Disturbance:
    """Return a fault at a call of a wake, or at the so-manieth of a kind."""
    return Disturbance(wake=wake, call=call, what=at, kind=kind, amount=amount)


UP = {AAPL: walk(100, 103)}
DOWN = {AAPL: walk(100, 97)}


def base(
    *, rules: str = ADOPT_ALL, up: bool = False, down: bool = False, **opening: object
) -> Schedule:
    """Return one position, guarded for ten wakes. opening: what differs from `Opening()`."""
    prices = UP if up else DOWN if down else {AAPL: walk(100)}
    return Schedule(
        prices=prices,
        rules=rules,
        openings=(Opening(**opening),),  # type: ignore[arg-type]
        wakes=GRID,
        start_minute=2,
    )


STORIES: Mapping[str, Story] = {
    "a naked long is armed": lambda: base(stop=None),
    "a partly covered short is covered": lambda: base(side="short", covered=D("0.4")),
    "a stop moves to breakeven": lambda: base(rules=BREAKEVEN, up=True),
    "a bracket's stop moves": lambda: base(rules=BREAKEVEN, up=True, target=D("0.1")),
    "a target is taken": lambda: base(rules=TARGET, up=True),
    "a short is closed by time": lambda: base(rules=TIME_STOP, side="short"),
    "a half is sold": lambda: base(rules=PARTIAL, up=True),
    "a half of a fraction is sold": lambda: base(rules=PARTIAL, up=True, quantity=D("12.5")),
    "a half of a bracket is sold": lambda: base(rules=PARTIAL, up=True, target=D("0.1")),
    "a stop fills": lambda: base(down=True, stop=D("0.01")),
    "the day ends": lambda: replace(base(rules=SESSION_FLAT), start_minute=388),
    "the trader closes": lambda: replace(base(), disturbances=(by_hand(3, "close"),)),
    "the trader adds": lambda: replace(base(), disturbances=(by_hand(3, "add"),)),
    "the trader cancels the stop": lambda: replace(base(), disturbances=(by_hand(3, "cancel"),)),
    "the trader closes past our stop": lambda: replace(
        base(stop=None), disturbances=(by_hand(3, "reduce_keep", amount="1"),)
    ),
    "a split": lambda: replace(base(), disturbances=(by_hand(3, "split"),)),
    "everything is flattened": lambda: replace(base(), disturbances=(by_hand(3, "flatten"),)),
    "a share trades thinly": lambda: replace(base(rules=TARGET, up=True), volume_share=D("0.005")),
}
