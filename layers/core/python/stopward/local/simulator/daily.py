"""Daily bars: those given, those added up from minutes, and the unfinished one of today."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.local.simulator.hours import Hours
from stopward.local.simulator.prices import Tape

NEW_YORK = ZoneInfo("America/New_York")


def day_of(moment: datetime) -> str:
    """Return the New York date of a moment, YYYY-MM-DD."""
    return moment.astimezone(NEW_YORK).date().isoformat()


def midnight(day: str) -> datetime:
    """Return the start of a New York day, in UTC: where Alpaca puts a daily bar."""
    local = datetime.combine(datetime.fromisoformat(day).date(), time(), tzinfo=NEW_YORK)
    return local.astimezone(ZoneInfo("UTC"))


class Daily:
    """Daily bars of all symbols. A given bar belongs to the New York date of its `at`."""

    def __init__(
        self, bars: Mapping[Symbol, Sequence[ClosedBar]], *, tape: Tape, hours: Hours
    ) -> None:
        self._given = {
            symbol: {midnight(day_of(bar.at)): bar for bar in rows} for symbol, rows in bars.items()
        }
        self._starts = {symbol: sorted(rows) for symbol, rows in self._given.items()}
        self._sessions = {midnight(session.day): session for session in hours.sessions}
        self._tape = tape
        self._previous: dict[tuple[Symbol, datetime, Decimal], float | None] = {}

    def bars(
        self, symbol: Symbol, *, since: datetime, until: datetime, now: datetime, adjusted: bool
    ) -> list[ClosedBar]:
        """Return bars with since <= start <= until, oldest first; today's as it is by now.

        Alpaca serves the unfinished day too. A day that was given wins over its minutes, once over.
        """
        given = self._given.get(symbol, {})
        starts = self._starts.get(symbol, [])
        days = set(starts[bisect_left(starts, since) : bisect_right(starts, min(until, now))])
        days |= {
            start
            for start, session in self._sessions.items()
            if since <= start <= until and session.opens_at <= now
        }
        today = midnight(day_of(now))
        served = []
        for start in sorted(days):
            session = self._sessions.get(start)
            over = session.closes_at <= now if session is not None else start < today
            if start in given and over:
                served.append(self._split(given[start], start, now, adjusted=adjusted))
            elif session is not None and session.opens_at <= now:
                bar = self._added_up(symbol, session, now, adjusted=adjusted)
                if bar is not None:
                    served.append(bar)
        return served

    def previous_close(self, symbol: Symbol, now: datetime) -> float | None:
        """Return the close of the last session before today's, or None when unknown."""
        today = midnight(day_of(now))
        key = (symbol, today, self._tape.factor(symbol, now))
        if key not in self._previous:
            earlier = self.bars(
                symbol,
                since=today - timedelta(days=14),
                until=today - timedelta(seconds=1),
                now=now,
                adjusted=True,
            )
            self._previous[key] = earlier[-1].close if earlier else None
        return self._previous[key]

    def _split(
        self, bar: ClosedBar, start: datetime, now: datetime, *, adjusted: bool
    ) -> ClosedBar:
        factor = float(self._tape.factor(bar.symbol, now if adjusted else bar.at))
        return ClosedBar(
            symbol=bar.symbol,
            at=start,
            open=bar.open / factor,
            high=bar.high / factor,
            low=bar.low / factor,
            close=bar.close / factor,
            volume=bar.volume * factor,
        )

    def _added_up(
        self, symbol: Symbol, session: Session, now: datetime, *, adjusted: bool
    ) -> ClosedBar | None:
        minutes = self._tape.bars(
            symbol,
            since=session.opens_at,
            until=session.closes_at - timedelta(seconds=1),
            now=now,
            adjusted=adjusted,
        )
        if not minutes:
            return None
        return ClosedBar(
            symbol=symbol,
            at=midnight(session.day),
            open=minutes[0].open,
            high=max(bar.high for bar in minutes),
            low=min(bar.low for bar in minutes),
            close=minutes[-1].close,
            volume=sum(bar.volume for bar in minutes),
        )
