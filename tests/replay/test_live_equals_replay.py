"""Live, fed by closed bars one at a time and stored between them, equals the compiled replay.

Live is the domain's own path: fold the bar into symbol and position, decide, keep Decimals. Replay
is arrays: indicators over the whole series, then the compiled walk. Both meet the same orders.
"""

import functools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import numpy as np
import pytest

from stopward.domain.decide import decide
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.domain.money import decimal_of
from stopward.domain.position import Marks, Position, marks_of
from stopward.domain.snapshot import SymbolState
from stopward.domain.view import fold_position, fold_symbol
from stopward.replay.compiled import compiled
from stopward.rules.columns import Bars, Entries, Market, Outcomes
from stopward.rules.indicators import Periods
from stopward.rules.kernel import BOOKS_TARGET, fill, settle
from stopward.rules.parameters import (
    AgedTarget,
    AverageTrail,
    BarTrail,
    Breakeven,
    Chandelier,
    FollowTargets,
    GiveBack,
    ModelTighten,
    Momentum,
    Partial,
    Ratchet,
    Rules,
    SessionFlat,
    TimeStop,
    Volume,
)
from stopward.rules.series import (
    IndicatorColumns,
    Series,
    indicate,
    rolling_highest,
    rolling_lowest,
)
from stopward.rules.types import NAN, State
from stopward.rules.walk import EXECUTABLE, Terms
from tests.builders.compiled_walk import walk_compiled
from tests.builders.kernel import (
    NOTHING,
    OFF,
    ONE_TICK,
    a_bar,
    an_account,
    atr,
    percent,
    r,
    ticks,
)
from tests.builders.kernel_random import a_market, dice

MINUTES = 150
OPENS = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
SESSION = Session(
    exchange="XNYS",
    day="2026-11-02",
    opens_at=OPENS,
    closes_at=OPENS + timedelta(minutes=MINUTES),
)
SYMBOL = Symbol("ACME")
WINDOW = 5
PATIENT = Rules(
    session_flat=SessionFlat(10.0),
    give_back=GiveBack(1.5, 0.5, 3.0, 0.6),
    momentum=Momentum(3.0, 0.0),
    partial=Partial(r(1), 0.5, r(2), 0.25, OFF, NAN),
    breakeven=Breakeven(r(1), NOTHING),
    ratchet=Ratchet(1.5, 0.5, 2.0, 1.0, 3.0, 2.0, NAN, NAN),
    chandelier=Chandelier(r(1), atr(4), float(WINDOW)),
    bar_trail=BarTrail(r(1.5), ticks(2), float(WINDOW)),
    follow_targets=FollowTargets(r(1), r(2), r(3)),
    model_tighten=ModelTighten(0.35, r(0.5)),
)
HASTY = PATIENT._replace(
    time_stop=TimeStop(15.0, 0.25),
    volume=Volume(0.5, 2.0),
    aged_target=AgedTarget(3.0, 20.0, 1.0, 40.0, 0.5),
    average_trail=AverageTrail(r(0.5), percent(0.25)),
)


def closed_bars(market: Bars) -> list[ClosedBar]:
    return [
        ClosedBar(
            symbol=SYMBOL,
            at=OPENS + timedelta(minutes=at),
            open=market.open[at],
            high=market.high[at],
            low=market.low[at],
            close=market.close[at],
            volume=1.0 if market.volume[at] != market.volume[at] else market.volume[at],
        )
        for at in range(MINUTES)
    ]


@functools.cache
def replay_columns() -> Bars:
    """Return the market as arrays, with indicators from the whole series at once."""

    def column(name: str) -> np.ndarray:
        return np.array([getattr(bar, name) for bar in MARKET])

    missing = np.full(MINUTES, np.nan)
    high, low = column("high"), column("low")
    known = IndicatorColumns(*(np.empty(MINUTES) for _ in IndicatorColumns._fields))
    series = Series(high, low, column("close"), column("volume"), missing, np.ones(MINUTES))
    compiled(indicate)(series, Periods(), known)
    top, bottom = np.empty(MINUTES), np.empty(MINUTES)
    compiled(rolling_highest)(high, WINDOW, top)
    compiled(rolling_lowest)(low, WINDOW, bottom)
    return Bars(
        open=column("open"),
        high=high,
        low=low,
        close=column("close"),
        volume=column("volume"),
        minutes=np.ones(MINUTES),
        to_close=np.arange(MINUTES - 1.0, -1.0, -1.0),
        spread=missing,
        highest=top,
        lowest=bottom,
        trail_high=top,
        trail_low=bottom,
        **known._asdict(),
    )


def a_position(rng: Random, bars: list[ClosedBar]) -> tuple[Position, int]:
    start = rng.randrange(5, 60)
    entry = Decimal(repr(bars[start].open))
    side = rng.choice(["long", "short"])
    risk = round(entry * Decimal(rng.randint(8, 30)) / 1000, 2)
    position = Position(
        id=PositionId("p"),
        account_id=AccountId("a"),
        symbol=SYMBOL,
        side=side,
        quantity=Decimal(100),
        initial_quantity=Decimal(100),
        average_entry=entry,
        initial_stop=entry - risk if side == "long" else entry + risk,
        risk=risk,
        stop=entry - risk if side == "long" else entry + risk,
        opened_at=bars[start].at,
        adopted_at=bars[start].at,
        marks=Marks(best=float(entry), worst=float(entry)),
    )
    return position, start


def replayed(position: Position, start: int, columns: Bars, rules: Rules) -> tuple[float, ...]:
    state = position.state()
    entries = Entries(
        *(np.array([number]) for number in (
            state.side, state.entry, state.risk, state.quantity, state.lot, state.per_unit,
            state.stop, state.target, state.fees,
        )),
        np.array([start]), np.array([MINUTES]), np.array([1.0]),
    )  # fmt: skip
    terms, market = Terms(EXECUTABLE, BOOKS_TARGET, ONE_TICK), Market(columns, None)
    walked = walk_compiled(entries, market, an_account(), rules, terms)
    outcome = Outcomes(*(column[0] for column in walked))
    return (outcome.price, outcome.rule, outcome.bar, outcome.result_r)


def lived(
    position: Position, bars: list[ClosedBar], rules: Rules
) -> tuple[float, float, float, float]:
    """Return price and rule of the last exit, its bar, and the result in R, living bar by bar."""
    symbol = SymbolState(symbol=SYMBOL)
    pending, pending_rule, result = 0.0, 0.0, 0.0

    def at_the_broker() -> State:
        return position.state()._replace(pending=pending, pending_rule=pending_rule)

    for at, closed in enumerate(bars):
        symbol, contexts = fold_symbol(
            symbol,
            [closed],
            session=SESSION,
            session_number=1.0,
            usual_volume=NAN,
            periods=Periods(),
        )
        if closed.at < position.opened_at:
            continue
        met = a_bar(closed.close, open=closed.open, high=closed.high, low=closed.low)
        while (filled := fill(at_the_broker(), met, BOOKS_TARGET)).quantity > 0.0:
            state = position.state()
            share = filled.quantity / (state.risk * state.initial_quantity)
            result += state.side * (filled.price - state.entry) * share
            left = position.quantity - decimal_of(filled.quantity)
            position, pending = replace(position, quantity=left), 0.0
            if left == 0:
                return filled.price, filled.rule, float(at), result
        position, last = fold_position(position, contexts, rules)
        assert last is not None
        if not SESSION.contains(last.at + timedelta(minutes=1)):
            break
        verdict = decide(position, last.bar, an_account(), rules)
        after = settle(verdict.state, verdict.proposal, NAN)
        pending, pending_rule = after.pending, after.pending_rule
        position = replace(position, marks=marks_of(after), stop=decimal_of(after.stop))
    state = position.state()
    share = state.quantity / (state.risk * state.initial_quantity)
    result += state.side * (bars[-1].close - state.entry) * share
    return bars[-1].close, pending_rule, float(len(bars) - 1), result


MARKET = closed_bars(a_market(dice(11), symbols=1, length=MINUTES))


@pytest.mark.parametrize("seed", range(40))
def test_a_position_lives_as_it_is_replayed(seed: int) -> None:
    rng = dice(seed)
    rules = HASTY if seed % 2 else PATIENT
    position, start = a_position(rng, MARKET)
    assert lived(position, MARKET, rules) == replayed(position, start, replay_columns(), rules)
