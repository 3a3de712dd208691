"""A Tuesday of one symbol and what surrounds it, made from a seed; and the same market mirrored."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

from stopward.domain.features import AccountState, Held, Known, Reading, Result, Signal
from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Session

ACME, INDEX = Symbol("ACME"), Symbol("INDEX")
MINUTE = timedelta(minutes=1)
MONDAY, TUESDAY, WEDNESDAY = (
    Session(
        exchange="XNYS",
        day=f"2026-11-{day}",
        opens_at=datetime(2026, 11, day, 14, 30, tzinfo=UTC),
        closes_at=datetime(2026, 11, day, 21, 0, tzinfo=UTC),
    )
    for day in (23, 24, 25)
)
SESSIONS = (MONDAY, TUESDAY, WEDNESDAY)
AT = TUESDAY.opens_at + timedelta(minutes=200, seconds=30)
"""When it is asked about, by default; the bars go on until the next day."""
Row = ClosedBar | Reading


def minutes_of(session: Session) -> list[datetime]:
    """Return the minutes of a session."""
    return [session.opens_at + number * MINUTE for number in range(390)]


def walked(
    random: Random, times: Sequence[datetime], *, symbol: Symbol = ACME, start: float = 100.0
) -> tuple[ClosedBar, ...]:
    """Return bars of a random walk in cents."""
    bars, price = [], start
    for at in times:
        opened = price
        price = round(max(price + random.gauss(0.0, 0.05) * start / 100.0, 1.0), 2)
        spread = abs(random.gauss(0.0, 0.03))
        bars.append(
            ClosedBar(
                symbol=symbol, at=at, open=opened, close=price,
                high=round(max(opened, price) + spread, 2),
                low=round(min(opened, price) - spread, 2),
                volume=float(random.randint(100, 5_000)),
            )
        )  # fmt: skip
    return tuple(bars)


def a_known(seed: int = 1, **changes: Any) -> Known:
    """Return all that surrounds a trade, from Monday's open to Wednesday's close."""
    return replace(_known(seed), **changes)


@cache
def _known(seed: int) -> Known:
    # Seeded, so that the same market comes again.
    random = Random(seed)  # noqa: S311
    times = [each for session in SESSIONS for each in minutes_of(session)]
    days = [MONDAY.opens_at - timedelta(days=70 - number, hours=9) for number in range(73)]
    results = tuple(
        Result(
            symbol=random.choice((ACME, INDEX)),
            closed_at=AT - timedelta(hours=6 * number),
            r=random.choice((-1.0, -0.5, 0.0, 0.4, 2.0)),
        )
        for number in range(-4, 30)
    )
    return Known(
        sessions=SESSIONS,
        bars=walked(random, times),
        daily_bars=walked(random, days, start=300.0),
        market_bars=walked(random, times, symbol=INDEX, start=5_000.0),
        vix=tuple(Reading(at=each, number=random.uniform(10.0, 40.0)) for each in times[::30]),
        breadth=tuple(Reading(at=each, number=random.random()) for each in times[::5]),
        account=AccountState(results=results, open_positions=2),
    )


def a_signal(**changes: Any) -> Signal:
    """Return a long of ACME from 97.60, its stop at 96.60 and its target at 100.10."""
    signal = Signal(symbol=ACME, side="long", entry=97.6, stop=96.6, target=100.1, at=AT)
    return replace(signal, **changes)


def a_held(**changes: Any) -> Held:
    """Return a position of that signal an hour later, its stop at 97.10."""
    return replace(Held(at=AT + timedelta(hours=1), stop=97.1), **changes)


def mirrored(known: Known) -> Known:
    """Return the market in which every rise is a fall: symbol, index, daily bars and breadth."""
    return replace(
        known,
        bars=_reflected(known.bars, 100.0),
        daily_bars=_reflected(known.daily_bars, 300.0),
        market_bars=_reflected(known.market_bars, 5_000.0),
        breadth=tuple(replace(each, number=1.0 - each.number) for each in known.breadth),
    )


def mirrored_signal(signal: Signal) -> Signal:
    """Return the other side of a signal, in the mirrored market."""
    return replace(
        signal,
        side="short" if signal.side == "long" else "long",
        entry=200.0 - signal.entry,
        stop=None if signal.stop is None else 200.0 - signal.stop,
        target=None if signal.target is None else 200.0 - signal.target,
    )


def _reflected(bars: Sequence[ClosedBar], centre: float) -> tuple[ClosedBar, ...]:
    return tuple(
        replace(
            bar, open=2.0 * centre - bar.open, close=2.0 * centre - bar.close,
            high=2.0 * centre - bar.low, low=2.0 * centre - bar.high,
        )
        for bar in bars
    )  # fmt: skip
