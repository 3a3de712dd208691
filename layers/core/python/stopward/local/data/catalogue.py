"""The demo's 25 positions: which real day each symbol is, and how it is entered.

A letter after the ticker tells the days of one stock apart. The days were picked for being lively,
up and down, and the sides so that many of them are wrong: this shows what the rules do, and is no
record of anybody's trading.
"""

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Final

from stopward.domain.identity import Symbol
from stopward.domain.money import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One position of the demo.

    ticker, day: the real daily bar whose path the symbol takes; day None is the real E-mini one.
    at: minute of entry in New York, at the open of its bar. width: distance of the initial stop in
    hourly ranges (`demo.hour_range`); None leaves the position without a stop.
    bracket: distance of a resting target in R; None without one. fractional: not whole shares.
    """

    symbol: Symbol
    ticker: str
    day: date | None
    side: Side
    at: time
    width: Decimal | None = Decimal("1.1")
    bracket: Decimal | None = None
    fractional: bool = False
    tags: tuple[str, ...] = ()


def _stock(
    name: str,
    day: str,
    side: Side,
    at: str,
    *,
    width: str | None = "1.1",
    bracket: str | None = None,
    fractional: bool = False,
    tags: tuple[str, ...] = (),
) -> Entry:
    return Entry(
        symbol=Symbol(name),
        ticker=name.split("-", maxsplit=1)[0],
        day=date.fromisoformat(day),
        side=side,
        at=time.fromisoformat(at),
        width=None if width is None else Decimal(width),
        bracket=None if bracket is None else Decimal(bracket),
        fractional=fractional,
        tags=tags,
    )


ENTRIES: Final = (
    _stock("AAPL-A", "2010-05-06", "long", "09:41"),
    _stock("AAPL-B", "2008-09-29", "short", "09:47"),
    _stock("AAPL-C", "2008-10-10", "short", "10:05"),
    _stock("AAPL-D", "2003-05-05", "long", "09:52", bracket="3"),
    _stock("AAPL-E", "2009-04-17", "long", "10:20", width="1.0"),
    _stock("AAPL-F", "2000-09-29", "short", "10:31"),
    _stock("FB-A", "2012-11-14", "long", "09:38", bracket="4"),
    _stock("FB-B", "2012-09-28", "long", "09:55", fractional=True),
    _stock("FB-C", "2012-08-07", "short", "10:02"),
    _stock("FB-D", "2012-11-21", "short", "10:12", width="1.4"),
    _stock("FB-E", "2013-02-11", "long", "09:58", width="1.0", tags=("scalp",)),
    _stock("FB-F", "2012-10-05", "short", "09:44", width=None),
    _stock("GOOG-A", "2008-10-16", "long", "10:40", fractional=True),
    _stock("GOOG-B", "2006-02-28", "short", "09:50"),
    _stock("GOOG-C", "2008-11-13", "short", "10:48", width="1.4"),
    _stock("GOOG-D", "2011-09-06", "long", "09:36", fractional=True),
    _stock("GOOG-E", "2009-01-27", "short", "10:08", width="1.0", tags=("scalp",)),
    _stock("IBM-A", "2001-01-03", "long", "10:15", bracket="5"),
    _stock("IBM-B", "2000-10-12", "long", "09:35"),
    _stock("IBM-C", "2008-10-28", "long", "10:55"),
    _stock("IBM-D", "2012-07-11", "long", "10:25", tags=("hands-off",)),
    _stock("MSFT-A", "2008-07-01", "short", "09:49"),
    _stock("MSFT-B", "2002-07-24", "long", "10:58"),
    _stock("MSFT-C", "2008-10-13", "long", "10:35", bracket="2"),
    Entry(
        symbol=Symbol("ES"), ticker="ES", day=None, side="short", at=time(10, 30),
        width=Decimal("1.1"),
    ),
)  # fmt: skip
