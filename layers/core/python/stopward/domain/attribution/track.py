"""The bars of one symbol as the kernel's columns, in lists: what `replay.market` has in arrays.

Lambda has no numpy and no LLVM; a night has some dozens of trades, and the kernel is quick enough.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from stopward.domain.market import ClosedBar, Session
from stopward.domain.sessions import minute_of_session, session_minutes, session_number
from stopward.rules.columns import Bars
from stopward.rules.indicators import Periods
from stopward.rules.parameters import Rules
from stopward.rules.series import (
    IndicatorColumns,
    Series,
    indicate,
    rolling_highest,
    rolling_lowest,
)
from stopward.rules.types import NAN

MINUTE: Final = timedelta(minutes=1)
HOLE_MINUTES: Final = 30
"""Who trades seldom skips minutes; more than so many are taken for missing. [judgement]"""
Numbers = list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One-minute bars of one symbol inside sessions, oldest first, with their indicators.

    sessions: in order; session: the place in them of each bar's.
    """

    bars: tuple[ClosedBar, ...]
    sessions: tuple[Session, ...]
    session: tuple[int, ...]
    indicators: IndicatorColumns
    _extremes: dict[int, tuple[Numbers, Numbers]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        """Return the number of bars."""
        return len(self.bars)

    def after(self, moment: datetime) -> int:
        """Return the place of the first bar that begins after a moment; `len` when none does."""
        return bisect_right(self.bars, moment, key=_at)

    def first_of(self, session: int) -> int:
        """Return the place of the first bar of a session, or of a later one."""
        return bisect_left(self.session, session)

    def gap_minutes(self, since: datetime, place: int) -> float:
        """Return the session minutes from a moment to the start of a bar."""
        until = self.bars[place].at
        if until - since <= HOLE_MINUTES * MINUTE:
            return (until - since) / MINUTE
        return session_minutes(since, until, sessions=self.sessions)

    def hole(self, first: int) -> int:
        """Return the place of the first bar behind a hole after bar `first`; `len` without one.

        A hole is more than HOLE_MINUTES of session without a bar, the night not counted.
        """
        for place in range(first + 1, len(self)):
            if self.gap_minutes(self.bars[place - 1].at + MINUTE, place) > HOLE_MINUTES:
                return place
        return len(self)

    def columns(self, rules: Rules) -> Bars:
        """Return what the kernel walks, with the windows that these rules ask for."""
        highest, lowest = self._windows(
            NAN if rules.chandelier is None else rules.chandelier.window
        )
        trail_high, trail_low = self._windows(
            NAN if rules.bar_trail is None else rules.bar_trail.window
        )
        left = [
            (self.sessions[place].closes_at - bar.at) / MINUTE
            for bar, place in zip(self.bars, self.session, strict=True)
        ]
        return Bars(
            open=[bar.open for bar in self.bars],
            high=[bar.high for bar in self.bars],
            low=[bar.low for bar in self.bars],
            close=[bar.close for bar in self.bars],
            volume=[bar.volume for bar in self.bars],
            minutes=[min(1.0, minutes) for minutes in left],
            to_close=[max(minutes - 1.0, 0.0) for minutes in left],
            spread=_missing(len(self)),
            highest=highest,
            lowest=lowest,
            trail_high=trail_high,
            trail_low=trail_low,
            **self.indicators._asdict(),
        )

    def _windows(self, length: float) -> tuple[Numbers, Numbers]:
        if not length > 0.0:
            return _missing(len(self)), _missing(len(self))
        window = int(length)
        if window not in self._extremes:
            found = _missing(len(self)), _missing(len(self))
            rolling_highest([bar.high for bar in self.bars], window, found[0])
            rolling_lowest([bar.low for bar in self.bars], window, found[1])
            self._extremes[window] = found
        return self._extremes[window]


def track_of(
    bars: Sequence[ClosedBar],
    *,
    sessions: Sequence[Session],
    usual_volume: Sequence[float],
    periods: Periods,
) -> Track:
    """Return the bars that begin inside a session; the others are passed over, as live does.

    bars: oldest first. usual_volume: of each minute of the session from 0 on; nan, or nothing,
    where it is unknown.
    """
    numbered = [(bar, session_number(bar.at, sessions=sessions) - 1) for bar in bars]
    kept = [
        (bar, place) for bar, place in numbered if place >= 0 and sessions[place].contains(bar.at)
    ]
    indicators = IndicatorColumns(*(_missing(len(kept)) for _ in IndicatorColumns._fields))
    series = Series(
        [bar.high for bar, _ in kept],
        [bar.low for bar, _ in kept],
        [bar.close for bar, _ in kept],
        [bar.volume for bar, _ in kept],
        [_usual(usual_volume, bar, sessions[place]) for bar, place in kept],
        [place + 1.0 for _, place in kept],
    )
    indicate(series, periods, indicators)
    return Track(
        bars=tuple(bar for bar, _ in kept),
        sessions=tuple(sessions),
        session=tuple(place for _, place in kept),
        indicators=indicators,
    )


def _usual(usual_volume: Sequence[float], bar: ClosedBar, session: Session) -> float:
    minute = minute_of_session(bar.at, session=session)
    return usual_volume[minute] if minute < len(usual_volume) else NAN


def _missing(count: int) -> Numbers:
    return [NAN] * count


def _at(bar: ClosedBar) -> datetime:
    return bar.at
