"""Closed bars of all symbols as arrays, one series after the other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stopward.domain.identity import Symbol
from stopward.domain.market import Session
from stopward.errors import InvalidInput

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MINUTE: Final = 60_000_000
"""Microseconds."""
USUAL_SESSIONS: Final = 20
"""Earlier sessions whose volume at the same minute is the usual one. [judgement]"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Bars of one symbol, oldest first. at: start, microseconds since 1970 UTC; spread: or nan."""

    at: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    spread: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class BarTable:
    """Bars inside the sessions given; those of symbol n are `first[n]` to `first[n + 1]` - 1.

    length: minutes a bar spans. session: place in `sessions`. minute: whole minutes from its open.
    minutes: what each bar spans, less where the session ends inside it. to_close: session minutes
    from a bar's end to the close. usual_volume: mean volume of this minute over up to 20 earlier
    sessions of the symbol, nan in the first.
    """

    symbols: tuple[Symbol, ...]
    first: Integers
    length: float
    bars: Columns
    session: Integers
    minute: Integers
    minutes: Floats
    to_close: Floats
    usual_volume: Floats
    sessions: tuple[Session, ...]

    def __len__(self) -> int:
        """Return the number of bars."""
        return len(self.session)

    def series(self) -> Iterator[slice]:
        """Yield where the bars of each symbol lie."""
        return (slice(begin, end) for begin, end in pairwise(self.first.tolist()))

    def span(self, symbol: Symbol) -> tuple[int, int]:
        """Return where the bars of a symbol begin and end (exclusive). Raises KeyError."""
        try:
            place = self.symbols.index(symbol)
        except ValueError:
            raise KeyError(symbol) from None
        return int(self.first[place]), int(self.first[place + 1])


def microseconds(moment: datetime) -> int:
    """Return an aware time as microseconds since 1970 UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(at: int) -> datetime:
    """Return microseconds since 1970 UTC as an aware time."""
    return _EPOCH + timedelta(microseconds=int(at))


def bar_table(columns: Mapping[Symbol, Columns], *, sessions: Sequence[Session]) -> BarTable:
    """Return the bars that begin inside a session; the others are passed over, as live does.

    sessions: in order, not overlapping. Raises InvalidInput when no bar lies in a session, or when
    bars do not have one length in whole minutes.
    """
    opens = np.array([microseconds(session.opens_at) for session in sessions], np.int64)
    closes = np.array([microseconds(session.closes_at) for session in sessions], np.int64)
    kept: dict[Symbol, Columns] = {}
    for symbol in sorted(columns):
        own = columns[symbol]
        opened, closed = (np.searchsorted(each, own.at, side="right") for each in (opens, closes))
        inside = opened > closed
        if inside.any():
            kept[symbol] = _taken(own, inside)
    if not kept:
        begins = [int(own.at[0]) for own in columns.values() if len(own.at)]
        told = f" (the first begins {moment_of(min(begins)).isoformat()})" if begins else ""
        raise InvalidInput(
            f"no bar lies inside a session{told}: regular trading hours are replayed"
        )
    whole = Columns(
        **{
            name: np.concatenate([getattr(own, name) for own in kept.values()])
            for name in Columns.__slots__
        }
    )
    first = np.cumsum([0, *(len(own.at) for own in kept.values())], dtype=np.int64)
    session = np.searchsorted(opens, whole.at, side="right") - 1
    length = _length(whole.at, first, session)
    left = (closes[session] - whole.at) / MINUTE
    minute = (whole.at - opens[session]) // MINUTE
    return BarTable(
        symbols=tuple(kept),
        first=first,
        length=length,
        bars=whole,
        session=session,
        minute=minute,
        minutes=np.minimum(length, left),
        to_close=np.maximum(left - length, 0.0),
        usual_volume=_usual_volume(whole.volume, first, session, minute),
        sessions=tuple(sessions),
    )


def _taken(own: Columns, rows: NDArray[np.bool_]) -> Columns:
    return Columns(**{name: getattr(own, name)[rows] for name in Columns.__slots__})


def _length(at: Integers, first: Integers, session: Integers) -> float:
    """Return the minutes of a bar: the smallest step between two bars of one series and session."""
    together = np.diff(session) == 0
    borders = first[1:-1] - 1
    together[borders] = False
    steps = np.diff(at)[together]
    if len(steps) == 0:
        return 1.0
    shortest = int(steps.min())
    if shortest % MINUTE:
        seconds = shortest / 1_000_000
        raise InvalidInput(
            f"two bars are {seconds:g} seconds apart: bars of whole minutes are walked; give finer "
            "ones with --intrabar"
        )
    return shortest / MINUTE


def _usual_volume(volume: Floats, first: Integers, session: Integers, minute: Integers) -> Floats:
    usual = np.full(len(volume), np.nan)
    for begin, end in pairwise(first.tolist()):
        days, day = np.unique(session[begin:end], return_inverse=True)
        width = int(minute[begin:end].max()) + 1
        seen = np.full((len(days), width), np.nan)
        seen[day, minute[begin:end]] = volume[begin:end]
        means = np.full((len(days), width), np.nan)
        for number in range(1, len(days)):
            before = seen[max(number - USUAL_SESSIONS, 0) : number]
            counts = (~np.isnan(before)).sum(axis=0)
            sums = np.nansum(before, axis=0)
            means[number] = np.divide(sums, counts, out=np.full(width, np.nan), where=counts > 0)
        usual[begin:end] = means[day, minute[begin:end]]
    return usual
