"""The demo: one session of 25 symbols made of real days, and 25 positions in them.

Every symbol trades on 2013-09-03, the day of the real E-mini ticks; a stock symbol takes a real day
of its stock, moved to that date, and the way through the day is simulated (`simulated_path`). The
E-mini's ticks end at 13:51 Chicago (14:51 New York), so the demo's rules flatten it before. It is
traded at one dollar a point and unit (the contract has fifty).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Final

from stopward.domain.identity import PositionId, Symbol
from stopward.domain.market import ClosedBar, Instrument, Session
from stopward.domain.money import Side, floor_quantity, round_stop, sign
from stopward.domain.opening import PositionRow
from stopward.errors import InvalidState
from stopward.local.data import emini
from stopward.local.data.calendar import NEW_YORK, session_of, sessions_before
from stopward.local.data.catalogue import ENTRIES, Entry
from stopward.local.data.rows import Bars
from stopward.local.data.simulated_path import LABEL, simulated_path, u_shape
from stopward.local.data.stocks import adjusted, bar_of, midnight, read_daily

DAY: Final = date(2013, 9, 3)
EQUITY: Final = Decimal(135_000)
"""Of the account at the prior close, in dollars."""
BUYING_POWER: Final = 4 * EQUITY
"""Intraday, at a margin account with day-trading rights."""
RISK_FRACTION: Final = Decimal("0.003")
"""Of equity, risked by each position to its initial stop; sizes are capped by LARGEST first."""
LARGEST: Final = Decimal(21_000)
"""Dollars in one position, so that 25 of them stay within the buying power."""
WARM_UP_DAYS: Final = 30
"""Daily bars before the session: enough for ATR(14) and the usual volume."""
VOLUME_DAYS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a symbol's bars come from; `label` is shown wherever they are."""

    ticker: str
    day: date
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMarket:
    """One session of market data, and what was known before it.

    bars: one-minute bars of the session. daily_bars: of the sessions before it, real days of the
    stock moved to their dates. usual_volume: mean volume of each minute of the session, from 0 at
    the open. The E-mini has neither daily bars nor a usual volume: nobody ships them.
    """

    session: Session
    instruments: Mapping[Symbol, Instrument]
    bars: Bars
    daily_bars: Bars
    usual_volume: Mapping[Symbol, tuple[float, ...]]
    origins: Mapping[Symbol, Origin]

    def open_at(self, symbol: Symbol, moment: datetime) -> Decimal:
        """Return the open of the bar that starts at a moment; raises InvalidState without one."""
        for bar in self.bars[symbol]:
            if bar.at == moment:
                return Decimal(str(bar.open))
        raise InvalidState(f"{symbol} has no bar at {moment.isoformat()}")


def demo_session() -> Session:
    """Return the session of the demo."""
    session = session_of(DAY)
    if session is None:
        raise InvalidState(f"{DAY} is no session")
    return session


def demo_market(folder: Path, *, cache: Path) -> DemoMarket:
    """Return the demo's market data; `folder` holds the data packages, `cache` the built minutes.

    Raises InvalidInput when a data package is missing, with the command that installs it.
    """
    session = demo_session()
    daily = read_daily(folder)
    minutes = emini.closed_minutes(
        emini.read_minutes(folder, cache=cache),
        opens_at=session.opens_at,
        closes_at=session.closes_at,
    )
    stocks = [entry for entry in ENTRIES if entry.day is not None]
    days = {entry.symbol: _Day.of(entry, daily) for entry in stocks}
    return DemoMarket(
        session=session,
        instruments={entry.symbol: _instrument(entry) for entry in ENTRIES},
        bars={
            symbol: simulated_path(day.bar, symbol=symbol, opens_at=session.opens_at)
            for symbol, day in days.items()
        }
        | {emini.SYMBOL: minutes},
        daily_bars={symbol: _moved(day.before, symbol) for symbol, day in days.items()},
        usual_volume={symbol: day.usual_volume() for symbol, day in days.items()},
        origins={symbol: day.origin for symbol, day in days.items()}
        | {emini.SYMBOL: Origin(ticker="ES", day=DAY, label=f"{emini.LABEL} of {DAY}")},
    )


def demo_positions(market: DemoMarket) -> tuple[PositionRow, ...]:
    """Return the demo's 25 positions, each entered at the open of a minute of its bars."""
    return tuple(_position(number, entry, market) for number, entry in enumerate(ENTRIES, 1))


def demo_rules() -> str:
    """Return the text of the demo's rules file."""
    return files("stopward.local.data").joinpath("demo.toml").read_text(encoding="utf-8")


def hour_range(market: DemoMarket, symbol: Symbol, *, before: datetime) -> Decimal:
    """Return the range that an hour of this symbol usually has, in dollars.

    Stocks: the mean daily true range of 14 days, scaled by the square root of time (6.5 hours). The
    E-mini: the mean range of its quarter hours since the open, scaled likewise (4 to the hour).
    """
    daily = market.daily_bars.get(symbol)
    if daily is not None:
        return Decimal(str(mean_true_range(daily[-15:]))) / Decimal("6.5").sqrt()
    bars = [bar for bar in market.bars[symbol] if bar.at < before]
    quarters = [bars[start : start + 15] for start in range(0, len(bars) - 14, 15)]
    ranges = [max(bar.high for bar in part) - min(bar.low for bar in part) for part in quarters]
    return 2 * Decimal(str(sum(ranges) / len(ranges)))


def mean_true_range(bars: tuple[ClosedBar, ...]) -> float:
    """Return the mean true range of all bars but the first, whose close is only looked at."""
    ranges = [
        max(bar.high, before.close) - min(bar.low, before.close) for before, bar in pairwise(bars)
    ]
    return sum(ranges) / len(ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """A real day of a stock with the days before it, in the money of that day."""

    bar: ClosedBar
    before: tuple[ClosedBar, ...]
    origin: Origin

    @classmethod
    def of(cls, entry: Entry, daily: Bars) -> "_Day":
        if entry.day is None:
            raise InvalidState(f"{entry.symbol} is not a stock")
        bars = adjusted(daily[Symbol(entry.ticker)], as_of=entry.day)
        return cls(
            bar=bar_of(bars, entry.day),
            before=bars[-WARM_UP_DAYS - 1 : -1],
            origin=Origin(
                ticker=entry.ticker,
                day=entry.day,
                label=f"{entry.ticker} of {entry.day}, {LABEL}",
            ),
        )

    def usual_volume(self) -> tuple[float, ...]:
        mean = sum(bar.volume for bar in self.before[-VOLUME_DAYS:]) / VOLUME_DAYS
        return tuple(mean * share for share in u_shape())


def _moved(bars: tuple[ClosedBar, ...], symbol: Symbol) -> tuple[ClosedBar, ...]:
    sessions = sessions_before(DAY, count=len(bars))
    return tuple(
        replace(bar, symbol=symbol, at=midnight(date.fromisoformat(session.day)))
        for bar, session in zip(bars, sessions, strict=True)
    )


def _instrument(entry: Entry) -> Instrument:
    if entry.day is None:
        return Instrument(symbol=entry.symbol, tick=Decimal(emini.TICK), fractionable=False)
    return Instrument(symbol=entry.symbol)


def _position(number: int, entry: Entry, market: DemoMarket) -> PositionRow:
    entry_at = datetime.combine(DAY, entry.at, tzinfo=NEW_YORK).astimezone(
        market.session.opens_at.tzinfo
    )
    price = market.open_at(entry.symbol, entry_at)
    tick = market.instruments[entry.symbol].tick_at(price)
    width = Decimal("1.1") if entry.width is None else entry.width
    reach = width * hour_range(market, entry.symbol, before=entry_at)
    stop = round_stop(price - sign(entry.side) * reach, tick, entry.side)
    risk = abs(price - stop)
    return PositionRow(
        id=PositionId(f"demo-{number:02d}-{entry.symbol}"),
        symbol=entry.symbol,
        side=entry.side,
        quantity=_size(price, risk, fractional=entry.fractional),
        entry_at=entry_at,
        entry_price=price,
        initial_stop=None if entry.width is None else stop,
        target=None if entry.bracket is None else _target(price, risk, tick, entry),
        tags=entry.tags,
    )


def _size(price: Decimal, risk: Decimal, *, fractional: bool) -> Decimal:
    wanted = min(RISK_FRACTION * EQUITY / risk, LARGEST / price)
    if not fractional:
        return floor_quantity(wanted, Decimal(1))
    # An odd hundredth keeps a fractional position fractional whatever the price.
    return floor_quantity(wanted, Decimal(1)) + Decimal("0.37")


def _target(price: Decimal, risk: Decimal, tick: Decimal, entry: Entry) -> Decimal:
    multiple = entry.bracket or Decimal(1)
    opposite: Side = "short" if entry.side == "long" else "long"
    return round_stop(price + sign(entry.side) * multiple * risk, tick, opposite)
