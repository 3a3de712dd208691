"""Fold closed bars into symbols and positions, and build the bar that the rules are given. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stopward.domain.market import ClosedBar, Session
from stopward.domain.position import Position, marks_of
from stopward.domain.snapshot import WINDOW, SymbolState
from stopward.rules.indicators import Carry, Periods, advance, highest, lowest, readings
from stopward.rules.kernel import observe
from stopward.rules.parameters import Rules
from stopward.rules.types import NAN, Bar

MINUTE = timedelta(minutes=1)
Extreme = Callable[[Sequence[float], int, int], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarContext:
    """One closed bar with what is known of the symbol at its end; `opens_at` is the session's."""

    at: datetime
    opens_at: datetime
    bar: Bar
    highs: tuple[float, ...]
    lows: tuple[float, ...]


def fold_symbol(
    symbol: SymbolState,
    bars: Sequence[ClosedBar],
    *,
    session: Session,
    session_number: float,
    usual_volume: float,
    periods: Periods,
) -> tuple[SymbolState, tuple[BarContext, ...]]:
    """Return the symbol after the bars newer than `symbol.bar_at`, and each such bar in context.

    Bars outside the session and bars already folded are passed over, so late and repeated bars are
    harmless. `usual_volume` is of the newest bar's minute, nan when unknown.
    """
    contexts: list[BarContext] = []
    for bar in sorted(bars, key=lambda bar: bar.at):
        is_old = symbol.bar_at is not None and bar.at <= symbol.bar_at
        if is_old or not session.contains(bar.at):
            continue
        carry = advance(
            symbol.carry,
            bar.high,
            bar.low,
            bar.close,
            bar.volume,
            usual_volume,
            session_number,
            periods,
        )
        symbol = replace(
            symbol,
            carry=carry,
            bar_at=bar.at,
            since=symbol.since or bar.at,
            highs=(*symbol.highs, bar.high)[-WINDOW:],
            lows=(*symbol.lows, bar.low)[-WINDOW:],
        )
        contexts.append(
            BarContext(
                at=bar.at,
                opens_at=session.opens_at,
                bar=_closed(bar, carry, periods, session.minutes_to_close(bar.at + MINUTE)),
                highs=symbol.highs,
                lows=symbol.lows,
            )
        )
    return symbol, tuple(contexts)


def fold_position(
    position: Position, contexts: Sequence[BarContext], rules: Rules
) -> tuple[Position, BarContext | None]:
    """Return the position after the bars since its entry, and the last of them (None: no new bar).

    A bar that began before the fill is passed over: its extremes may be older than the position.
    Each bar counts the session minutes since the one before it, or since the fill (from its next
    whole minute on): a symbol that trades once in six minutes ages as fast as any other.
    """
    last: BarContext | None = None
    for context in contexts:
        is_old = position.bar_at is not None and context.at <= position.bar_at
        if is_old or context.at < position.opened_at:
            continue
        seen = bar_for(context, rules)._replace(
            at_entry=float(context.at == position.opened_at), minutes=_minutes(position, context)
        )
        position = replace(
            position, marks=marks_of(observe(position.state(), seen, rules)), bar_at=context.at
        )
        last = replace(context, bar=seen)
    return position, last


def _minutes(position: Position, context: BarContext) -> float:
    # Between sessions nothing counts; the row of an earlier one is not at hand, so what was left of
    # it after its last bar is not counted either.
    entered = position.opened_at + MINUTE - timedelta(microseconds=1)
    entered -= timedelta(seconds=entered.second, microseconds=entered.microsecond)
    folded = entered if position.bar_at is None else position.bar_at + MINUTE
    return (context.at + MINUTE - max(entered, folded, context.opens_at)) / MINUTE


def bar_for(context: BarContext, rules: Rules) -> Bar:
    """Return the bar with the windowed extremes that these rules ask for."""
    bar = context.bar
    if rules.chandelier is not None and rules.chandelier.window > 0:
        window = int(rules.chandelier.window)
        bar = bar._replace(
            highest=_extreme(context.highs, window, highest),
            lowest=_extreme(context.lows, window, lowest),
        )
    if rules.bar_trail is not None:
        window = int(rules.bar_trail.window)
        bar = bar._replace(
            trail_high=_extreme(context.highs, window, highest),
            trail_low=_extreme(context.lows, window, lowest),
        )
    return bar


def context_of(
    symbol: SymbolState, *, session: Session, now: datetime, periods: Periods
) -> BarContext:
    """Return the symbol's last known indicators as a context without a price of its own (nan)."""
    blank = ClosedBar(
        symbol=symbol.symbol,
        at=symbol.bar_at or now,
        open=NAN,
        high=NAN,
        low=NAN,
        close=NAN,
        volume=NAN,
    )
    bar = _closed(blank, symbol.carry, periods, session.minutes_to_close(now))
    return BarContext(
        at=blank.at, opens_at=session.opens_at, bar=bar, highs=symbol.highs, lows=symbol.lows
    )


def pulse(bar: Bar, price: float, *, to_close: float, spread: float) -> Bar:
    """Return a bar of one price inside the running minute: used for one decision, never stored."""
    return bar._replace(
        open=price,
        high=price,
        low=price,
        close=price,
        to_close=to_close,
        spread=spread,
        closed=0.0,
        at_entry=0.0,
    )


def _closed(bar: ClosedBar, carry: Carry, periods: Periods, to_close: float) -> Bar:
    known = readings(carry, periods)
    return Bar(
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        minutes=1.0,
        to_close=to_close,
        spread=NAN,
        atr=known.atr,
        rsi=known.rsi,
        macd=known.macd,
        signal=known.signal,
        macd_before=known.macd_before,
        signal_before=known.signal_before,
        vwap=known.vwap,
        relative_volume=known.relative_volume,
        average=known.average,
        highest=NAN,
        lowest=NAN,
        trail_high=NAN,
        trail_low=NAN,
        closed=1.0,
        at_entry=0.0,
    )


def _extreme(values: tuple[float, ...], window: int, find: Extreme) -> float:
    return find(values, len(values), window)
