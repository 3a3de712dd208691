"""One position twice: guarded live, one pulse a closed bar, and replayed over the same bars."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

import numpy as np

from stopward.domain.identity import PositionId
from stopward.domain.money import Side, round_stop
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import parse
from stopward.local.simulator import Execution
from stopward.replay.freqtrade import NO_SLIPPAGE
from stopward.replay.run import replay
from stopward.replay.table import Columns, bar_table, microseconds
from stopward.replay.terms import Conditions
from tests.builders.faults import Opening, Schedule, Wake
from tests.builders.guard import ADOPT_ALL
from tests.builders.simulator import AAPL, SESSIONS, Prices, at

BARS = 60
"""Of a story, in minutes; the first ends as the position is opened."""
TICK = Decimal("0.01")
VOLUME = 6000.0
FREE = Conditions(slippage=NO_SLIPPAGE)
"""Fills at the price: what they cost is no part of what is compared."""
PATIENT = """
[rules.session_flat]
minutes = {minutes}
[rules.give_back]
arm_r = {far}
keep = 0.5
[rules.momentum]
below_r = {near}
[rules.partial]
at_1 = "{near} r"
fraction_1 = 0.5
at_2 = "{far} r"
fraction_2 = 0.25
[rules.breakeven]
arm = "{middle} r"
[rules.ratchet]
at_1 = {middle}
lock_1 = 0.1
at_2 = {far}
lock_2 = {middle}
[rules.chandelier]
arm = "{near} r"
distance = "2 atr"
window = {window}
[rules.bar_trail]
arm = "{middle} r"
window = {window}
[rules.follow_targets]
target_1 = "{near} r"
target_2 = "{middle} r"
target_3 = "{far} r"
[rules.model_tighten]
"""
HASTY = (
    PATIENT
    + """
[rules.time_stop]
minutes = {quiet}
[rules.volume]
limit = 0.4
[rules.aged_target]
r_1 = {far}
minutes_2 = {quiet}
r_2 = {middle}
minutes_3 = 40
r_3 = {near}
[rules.average_trail]
arm = "{near} r"
"""
)
STANDARD = """
[rules]
preset = "standard"
[rules.breakeven]
arm = "{near} r"
[rules.session_flat]
minutes = {minutes}
"""
RULES = (STANDARD, PATIENT, HASTY)
"""Which rules are on decides what is compiled, so there are three sets; their values are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A fill that closed shares. bar: start of the bar in which it happened."""

    bar: datetime
    quantity: float
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Bars from a minute before the position on, its opening and its rules."""

    seed: int
    start_minute: int
    prices: tuple[Prices, ...]
    opening: Opening
    rules: str

    def schedule(self, *, pulse: float = 60.0) -> Schedule:
        """Return it for a guard that wakes every `pulse` seconds and answers at once."""
        count = int((BARS - 1) * 60 / pulse)
        return Schedule(
            seed=self.seed,
            start_minute=self.start_minute,
            prices={AAPL: self.prices},
            openings=(self.opening,),
            rules=self.rules,
            latency=timedelta(0),
            spread_ticks=0,
            pulse_seconds=60,
            wakes=tuple(
                Wake(number=number, guard="monitor", seconds=number * pulse)
                for number in range(count)
            ),
        )

    @property
    def ends_at(self) -> datetime:
        """When the last bar begins: nobody looks at it once it is closed."""
        return at(self.start_minute - 2 + BARS)


def a_story(seed: int) -> Story:
    """Return a random one; each bar opens where the one before closed, in whole cents."""
    draw = Random(seed)  # noqa: S311 - nothing here is secret
    near_close = draw.random() < 0.15
    start = 391 - BARS if near_close else 1
    side: Side = draw.choice(("long", "short"))
    return Story(
        seed=seed,
        start_minute=start,
        prices=_walk(draw, swing=draw.choice((0.05, 0.12, 0.3))),
        opening=Opening(
            side=side,
            quantity=Decimal(draw.choice(("100", "7", "40", "12.5"))),
            stop=Decimal(draw.randint(3, 15)) / 1000,
        ),
        rules=ADOPT_ALL + _rules(draw),
    )


def _rules(draw: Random) -> str:
    near, middle, far = sorted(draw.sample([0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.3, 1.8], 3))
    return draw.choice(RULES).format(
        near=near,
        middle=middle,
        far=far,
        minutes=draw.randint(2, 9),
        quiet=draw.randint(5, 30),
        window=draw.randint(1, 6),
    )


def _walk(draw: Random, *, swing: float) -> tuple[Prices, ...]:
    rows, price = [], 100.0
    for _ in range(BARS):
        opened = price
        price = round(opened + draw.gauss(0.0, swing), 2)
        high = round(max(opened, price) + abs(draw.gauss(0.0, swing / 3)), 2)
        low = round(min(opened, price) - abs(draw.gauss(0.0, swing / 3)), 2)
        rows.append((opened, high, low, price))
    return tuple(rows)


def replayed(story: Story, conditions: Conditions = FREE) -> list[Fill]:
    """Return the fills of the compiled replay while there were bars."""
    starts = [at(story.start_minute - 1 + index) for index in range(len(story.prices))]
    opened, high, low, close = np.array(story.prices).T
    columns = Columns(
        at=np.array([microseconds(start) for start in starts], np.int64),
        open=opened.copy(),
        high=high.copy(),
        low=low.copy(),
        close=close.copy(),
        volume=np.full(len(starts), VOLUME),
        spread=np.zeros(len(starts)),
    )
    table = bar_table({AAPL: columns}, sessions=SESSIONS)
    results = replay((_row(story),), table, parse(story.rules, source="test"), conditions)
    fills = (
        Fill(bar=sale.at, quantity=sale.quantity, price=sale.price) for sale in results.sales(0)
    )
    return [fill for fill in fills if fill.bar < story.ends_at]


def _row(story: Story) -> PositionRow:
    opening, price = story.opening, Decimal(repr(story.prices[1][0]))
    assert opening.stop is not None
    up = 1 if opening.side == "long" else -1
    return PositionRow(
        id=PositionId("p"),
        symbol=opening.symbol,
        side=opening.side,
        quantity=opening.quantity,
        entry_at=at(story.start_minute),
        entry_price=price,
        initial_stop=round_stop(price * (1 - up * opening.stop), TICK, opening.side),
    )


def lived(story: Story, executions: Sequence[Execution]) -> list[Fill]:
    """Return what closed shares at the simulated broker while there were bars.

    Where a fraction rests under several stops, what they sold at one price in one bar is one fill.
    """
    fills: list[Fill] = []
    for each in executions[1:]:
        if each.at >= story.ends_at:
            break
        bar, price = each.at.replace(second=0, microsecond=0), float(each.price)
        fill = Fill(bar=bar, quantity=float(each.quantity), price=price)
        if fills and (fills[-1].bar, fills[-1].price) == (bar, price):
            fill = replace(fill, quantity=fill.quantity + fills.pop().quantity)
        fills.append(fill)
    return fills


def result_r(story: Story, fills: Sequence[Fill]) -> float:
    """Return what fills made of the position in R; what is left is worth the last bar's open."""
    row = _row(story)
    assert row.initial_stop is not None
    entry, up = float(row.entry_price), 1 if row.side == "long" else -1
    left = float(row.quantity) - sum(fill.quantity for fill in fills)
    made = sum((fill.price - entry) * fill.quantity for fill in fills)
    made += (story.prices[-1][0] - entry) * left
    return up * made / (abs(entry - float(row.initial_stop)) * float(row.quantity))
