"""Prices from bars: a path inside each one-minute bar, quotes around it, and the bars as served.

The path of a bar: its open at second 0, one extreme at 20, the other at 40, its close at 59. A bar
that closed at or above its open makes its low first, another its high first. Between these points
the price moves in a straight line, rounded to the tick. From second 59 the close stands until the
next bar begins; the step from one bar's close to the next one's open is a jump (a gap). At the very
start of a minute the price is the new bar's open.

A split given by `split` divides every price from that moment on; bars are stored unsplit.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Instrument, Quote
from stopward.domain.money import decimal_of
from stopward.errors import InvalidInput
from stopward.local.simulator.instants import is_among, next_after

MINUTE = timedelta(minutes=1)
OFFSETS = (0, 20, 40, 59)
"""Seconds into the minute of open, first extreme, second extreme and close."""
LAST_POINT = timedelta(seconds=OFFSETS[-1])
MICROSECOND = timedelta(microseconds=1)
ONE = Decimal(1)
FEED = "simulated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A price that the path reaches; `jump` when it got there without passing what lies between."""

    at: datetime
    price: Decimal
    jump: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """One bar in Decimal: its start, the four prices in path order, its extremes and volume."""

    at: datetime
    path: tuple[Decimal, Decimal, Decimal, Decimal]
    low: Decimal
    high: Decimal
    volume: Decimal

    @property
    def turns(self) -> tuple[Point, ...]:
        """The points after its start at which the path turns or ends."""
        turns = zip(OFFSETS[1:], self.path[1:], strict=True)
        return tuple(Point(at=self.at + timedelta(seconds=s), price=price) for s, price in turns)

    def price(self, moment: datetime, tick: Decimal) -> Decimal:
        """Return the price at `moment`, which is not before the bar."""
        gone = moment - self.at
        if gone >= LAST_POINT:
            return self.path[-1]
        index = bisect_right(OFFSETS, gone.seconds) - 1
        before, after = self.path[index], self.path[index + 1]
        if before == after:
            return before
        seconds = Decimal(gone // MICROSECOND) / 1_000_000
        share = (seconds - OFFSETS[index]) / (OFFSETS[index + 1] - OFFSETS[index])
        if not share:
            return before
        steps = ((before + (after - before) * share) / tick).to_integral_value(ROUND_HALF_EVEN)
        return min(max(steps * tick, self.low), self.high)


def minute_of(bar: ClosedBar) -> Minute:
    """Return a bar in Decimal; raises InvalidInput when its prices contradict each other."""
    opened, high, low, close = (decimal_of(p) for p in (bar.open, bar.high, bar.low, bar.close))
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise InvalidInput(
            f"{bar.symbol} {bar.at.isoformat()}: open and close must lie within low..high"
        )
    extremes = (low, high) if close >= opened else (high, low)
    return Minute(
        at=bar.at,
        path=(opened, *extremes, close),
        low=low,
        high=high,
        volume=decimal_of(bar.volume),
    )


class Tape:
    """The prices of all symbols, a pure function of the moment asked for.

    symbols: every one with a bar, sorted.
    """

    def __init__(
        self,
        bars: Mapping[Symbol, Sequence[ClosedBar]],
        *,
        ticks: Mapping[Symbol, Decimal],
        spread_ticks: int,
    ) -> None:
        self._minutes = {
            symbol: sorted((minute_of(bar) for bar in rows), key=lambda minute: minute.at)
            for symbol, rows in bars.items()
        }
        self.symbols: tuple[Symbol, ...] = tuple(sorted(self._minutes))
        self._starts = {s: [m.at for m in rows] for s, rows in self._minutes.items()}
        self._instruments = {s: Instrument(symbol=s, tick=ticks.get(s)) for s in {*bars, *ticks}}
        self._splits: dict[Symbol, list[tuple[datetime, Decimal]]] = {}
        self._boundaries = sorted({start for starts in self._starts.values() for start in starts})
        self._spread_ticks = spread_ticks
        self._last: dict[Symbol, tuple[datetime, Decimal | None]] = {}

    def split(self, symbol: Symbol, *, at: datetime, ratio: Decimal) -> None:
        """Divide the prices of `symbol` by `ratio` from `at` on."""
        self._splits.setdefault(symbol, []).append((at, ratio))
        self._last.clear()

    def factor(self, symbol: Symbol, moment: datetime) -> Decimal:
        """Return what a stored price is divided by at `moment`, because of splits up to then."""
        factor = ONE
        for at, ratio in self._splits.get(symbol, ()):
            if at <= moment:
                factor *= ratio
        return factor

    def tick(self, symbol: Symbol, price: Decimal) -> Decimal:
        """Return the price step of `symbol` at `price`."""
        instrument = self._instruments.get(symbol)
        if instrument is None:
            instrument = self._instruments[symbol] = Instrument(symbol=symbol)
        return instrument.tick_at(price)

    def next_start(self, after: datetime, *, latest: datetime) -> datetime:
        """Return when a bar of any symbol next begins; `latest` when none does before that."""
        return next_after(self._boundaries, after, latest=latest)

    def minute(self, symbol: Symbol, moment: datetime) -> Minute | None:
        """Return the last bar that has begun by `moment`, split applied; None before the first."""
        index = bisect_right(self._starts.get(symbol, []), moment) - 1
        if index < 0:
            return None
        return self._split_minute(symbol, self._minutes[symbol][index], moment)

    def price(self, symbol: Symbol, moment: datetime) -> Decimal | None:
        """Return the last price at `moment`, or None before the first bar."""
        asked_at, price = self._last.get(symbol, (None, None))
        if asked_at != moment:
            minute = self.minute(symbol, moment)
            price = None
            if minute is not None:
                price = minute.price(moment, self.tick(symbol, minute.low))
            self._last[symbol] = (moment, price)
        return price

    def opens_at(self, symbol: Symbol, moment: datetime) -> bool:
        """Return whether a bar of the symbol begins at exactly `moment`."""
        return is_among(self._starts.get(symbol, []), moment)

    def path(self, symbol: Symbol, after: datetime, until: datetime) -> Iterator[Point]:
        """Yield the points in (after, until] where the path turns, `until` last.

        No bar may begin between the two, exclusive; one that begins at `until` is not yet walked.
        """
        minute = self.minute(symbol, after)
        if minute is None:
            return
        tick = self.tick(symbol, minute.low)
        for turn in minute.turns:
            if after < turn.at < until:
                yield turn
        if self.opens_at(symbol, until):
            yield Point(at=until, price=minute.price(until - MICROSECOND, tick))
        elif (last := self.price(symbol, until)) is not None:
            yield Point(at=until, price=last)

    def quote(self, symbol: Symbol, moment: datetime) -> Quote | None:
        """Return the quote at `moment`: the spread around the price, its lower half rounded down.

        Both sides lie on the tick: a trade may be off it, after a split say, and no quote is.
        A quote is as old as the last point of the path: where bars are missing, it grows stale.
        """
        minute = self.minute(symbol, moment)
        if minute is None:
            return None
        price = minute.price(moment, self.tick(symbol, minute.low))
        tick, below = self.tick(symbol, price), self._spread_ticks // 2
        return Quote(
            symbol=symbol,
            at=min(moment, minute.at + MINUTE),
            bid=(price / tick).to_integral_value(ROUND_FLOOR) * tick - below * tick,
            ask=(price / tick).to_integral_value(ROUND_CEILING) * tick
            + (self._spread_ticks - below) * tick,
            feed=FEED,
        )

    def bars(
        self, symbol: Symbol, *, since: datetime, until: datetime, now: datetime, adjusted: bool
    ) -> list[ClosedBar]:
        """Return bars with since <= at <= until, begun by `now`; the last may be unfinished.

        Alpaca serves the bar of the running minute too, with what it holds so far. adjusted: divide
        by every split up to `now`; else only by those up to the bar.
        """
        starts = self._starts.get(symbol, [])
        first, last = bisect_left(starts, since), bisect_right(starts, min(until, now))
        served = []
        for minute in self._minutes.get(symbol, [])[first:last]:
            divided = self._split_minute(symbol, minute, now if adjusted else minute.at)
            served.append(self._as_bar(symbol, divided, now))
        return served

    def _split_minute(self, symbol: Symbol, minute: Minute, moment: datetime) -> Minute:
        factor = self.factor(symbol, moment)
        if factor == ONE:
            return minute
        opened, first, second, close = (price / factor for price in minute.path)
        return Minute(
            at=minute.at,
            path=(opened, first, second, close),
            low=minute.low / factor,
            high=minute.high / factor,
            volume=minute.volume * factor,
        )

    def _as_bar(self, symbol: Symbol, minute: Minute, now: datetime) -> ClosedBar:
        opened, high, low, close, volume = (
            minute.path[0], minute.high, minute.low, minute.path[-1], minute.volume
        )  # fmt: skip
        if now < minute.at + MINUTE:
            seen = [opened, minute.price(now, self.tick(symbol, minute.low))]
            elapsed = (now - minute.at).total_seconds()
            seen += [p for o, p in zip(OFFSETS, minute.path, strict=True) if o <= elapsed]
            high, low, close = max(seen), min(seen), seen[1]
            volume = (volume * Decimal(str(elapsed)) / 60).to_integral_value(ROUND_HALF_EVEN)
        return ClosedBar(
            symbol=symbol,
            at=minute.at,
            open=float(opened),
            high=float(high),
            low=float(low),
            close=float(close),
            volume=float(volume),
        )
