"""Trades as if they were lived: what a replay made of positions, told as the database tells it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from stopward.domain.attribution.track import Track, track_of
from stopward.domain.attribution.trade import RULES, ClosedTrade, Guarded
from stopward.domain.identity import PositionId, Symbol
from stopward.domain.market import ClosedBar
from stopward.domain.position import FRACTIONAL_LOT
from stopward.domain.rule_set import RuleSet, rule_set_of
from stopward.domain.rulebook import RuleBook
from stopward.domain.sessions import EVENING
from stopward.replay.results import Results
from stopward.replay.table import BarTable, moment_of
from stopward.rules.indicators import Periods
from stopward.rules.parameters import Rules
from tests.builders.replay import OPENS, some_sessions

D = Decimal
ACME = Symbol("ACME")
Prices = tuple[float, float, float, float]


def lived(results: Results, row: int, book: RuleBook, table: BarTable) -> ClosedTrade:
    """Return a replayed position as a trade, with every rule that it had asked for.

    It is guarded overnight from the open of each session that it was carried into.
    """
    position = results.positions[row]
    closed_at = moment_of(int(results.bar_at[int(results.outcomes.bar[row])])) + timedelta(
        minutes=1
    )
    by_day = book.rule_set_for(position.symbol, position.tags)
    overnight = book.rule_set_for(position.symbol, position.tags, held_overnight=True)
    carried = [
        Guarded(since=session.opens_at, rule_set=overnight.digest, rules_hash=book.hash)
        for session in table.sessions
        if position.entry_at < session.opens_at - EVENING and session.opens_at < closed_at
    ]
    assert position.initial_stop is not None
    rules = tuple(dict.fromkeys(sale.rule for sale in results.sales(row)))
    return a_trade(
        position_id=position.id,
        symbol=position.symbol,
        side=position.side,
        quantity=position.quantity,
        average_entry=position.entry_price,
        initial_stop=position.initial_stop,
        risk=abs(position.entry_price - position.initial_stop),
        lot=FRACTIONAL_LOT if position.is_fractional else D(1),
        opened_at=position.entry_at,
        closed_at=closed_at,
        result_r=D(repr(float(results.net_r[row]))),
        cause=results.rule(row),
        tags=position.tags,
        exits=rules,
        asked=tuple(name for name in RULES if getattr(by_day.rules(), name) is not None),
        guarded=(
            Guarded(since=position.entry_at, rule_set=by_day.digest, rules_hash=book.hash),
            *carried,
        ),
    )


def a_trade(**changes: Any) -> ClosedTrade:
    """Return 100 shares of ACME, long from 100.00 with the stop at 99.00, entered at the open."""
    trade = ClosedTrade(
        position_id=PositionId("p"),
        symbol=ACME,
        session_day="2026-11-02",
        side="long",
        quantity=D(100),
        average_entry=D(100),
        initial_stop=D(99),
        risk=D(1),
        lot=D(1),
        tick=D("0.01"),
        fees_per_share=D(0),
        opened_at=OPENS,
        closed_at=OPENS + timedelta(minutes=3),
        result_r=D("-0.1"),
        cause="time_stop",
        exits=("time_stop",),
        asked=("time_stop",),
    )
    return replace(trade, **changes)


def guarded_by(rules: Rules, *, since: datetime = OPENS) -> tuple[Guarded, dict[str, RuleSet]]:
    """Return rules as they guard a position from a moment on, and the sets that are stored."""
    found = rule_set_of(rules)
    guarded = Guarded(since=since, rule_set=found.digest, rules_hash="hash")
    return guarded, {found.digest: found}


def bars_from(
    *prices: Prices, start: datetime = OPENS, symbol: Symbol = ACME
) -> tuple[ClosedBar, ...]:
    """Return a bar a minute from open, high, low and close; volume 1,000."""
    return tuple(
        ClosedBar(
            symbol=symbol, at=start + timedelta(minutes=number),
            open=opened, high=high, low=low, close=close, volume=1000.0,
        )
        for number, (opened, high, low, close) in enumerate(prices)
    )  # fmt: skip


def a_track(bars: Sequence[ClosedBar], *, sessions: int = 1) -> Track:
    """Return bars as they are walked, in sessions of 40 minutes."""
    return track_of(bars, sessions=some_sessions(sessions), usual_volume=(), periods=Periods())


def bars_of(table: BarTable, symbol: Symbol) -> tuple[ClosedBar, ...]:
    """Return the bars of one symbol of a table, oldest first."""
    begin, end = table.span(symbol)
    bars = table.bars
    return tuple(
        ClosedBar(
            symbol=symbol,
            at=moment_of(int(bars.at[at])),
            open=float(bars.open[at]),
            high=float(bars.high[at]),
            low=float(bars.low[at]),
            close=float(bars.close[at]),
            volume=float(bars.volume[at]),
        )
        for at in range(begin, end)
    )
