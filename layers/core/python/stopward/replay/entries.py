"""Positions as rows that the kernel walks: where they begin, what they risk, which rules hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from stopward.domain.adoption import estimated_stop
from stopward.domain.daily import daily_atr
from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Instrument
from stopward.domain.money import sign
from stopward.domain.opening import PositionRow
from stopward.domain.orders import BrokerPosition
from stopward.domain.position import FRACTIONAL_LOT
from stopward.domain.rulebook import RuleBook
from stopward.domain.sessions import EVENING
from stopward.errors import InvalidInput
from stopward.replay.table import BarTable, Integers, microseconds, moment_of
from stopward.rules.columns import Entries
from stopward.rules.profit import target_price
from stopward.rules.types import NAN, Bar, State

Kind = tuple[Symbol, tuple[str, ...]]
NO_BAR = Bar(*([NAN] * len(Bar._fields)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Positions ready to be walked, in the order of `positions`.

    kinds: the symbols and tags there are, which decide what rules hold; kind: the place of each
    position's in them. entered: microseconds since 1970 UTC. fresh_until: bar from which on it
    counts as held overnight. is_estimated: its risk was estimated at entry, for no stop was given.
    """

    positions: tuple[PositionRow, ...]
    entries: Entries
    kinds: tuple[Kind, ...]
    kind: Integers
    entered: Integers
    fresh_until: Integers
    is_estimated: np.ndarray[tuple[int], np.dtype[np.bool_]]

    def __len__(self) -> int:
        """Return the number of positions."""
        return len(self.positions)


def opened(
    positions: Sequence[PositionRow],
    table: BarTable,
    book: RuleBook,
    *,
    instruments: dict[Symbol, Instrument] | None = None,
) -> Opened:
    """Return the positions with the bars that they live in.

    A position entered at the very start of a bar is entered at its open, and its stop lives in that
    bar; one entered inside a bar begins with the next. One older than its bars begins with the
    first of them. Without a stop its risk is estimated from the daily bars before its day, as live
    does. Raises InvalidInput when a position has no bar.
    """
    placed = [_placed(position, table) for position in positions]
    risks = [
        _initial_stop(position, start, table, book, instruments or {})
        for position, (start, _, _) in zip(positions, placed, strict=True)
    ]
    rows = [
        _row(position, stop, tick, book)
        for position, (stop, tick) in zip(positions, risks, strict=True)
    ]
    numbers = np.array(rows, np.float64).reshape(len(rows), 9).T.copy()
    places = np.array(placed, np.int64).reshape(len(placed), 3).T.copy()
    start, end, at_open = places
    side, entry, risk, quantity, lot, per_unit, stop, target, fees = numbers
    entries = Entries(
        side=side,
        entry=entry,
        risk=risk,
        quantity=quantity,
        lot=lot,
        per_unit=per_unit,
        stop=stop,
        target=target,
        fees=fees,
        start=start,
        end=end,
        at_open=at_open.astype(np.float64),
    )
    entered = np.array([microseconds(row.entry_at) for row in positions], np.int64)
    kinds: dict[Kind, int] = {}
    kind = [kinds.setdefault((row.symbol, row.tags), len(kinds)) for row in positions]
    return Opened(
        positions=tuple(positions),
        entries=entries,
        kinds=tuple(kinds),
        kind=np.array(kind, np.int64),
        entered=entered,
        fresh_until=_fresh_until(entered, start, end, table),
        is_estimated=np.array([position.initial_stop is None for position in positions], np.bool_),
    )


def _placed(position: PositionRow, table: BarTable) -> tuple[int, int, int]:
    """Return the first bar, the end of the bars, and 1 for an entry at the first one's open."""
    try:
        begin, end = table.span(position.symbol)
    except KeyError:
        raise InvalidInput(f"{position.id}: there is no bar of {position.symbol}") from None
    entry = microseconds(position.entry_at)
    at = table.bars.at[begin:end]
    before = int(np.searchsorted(at, entry, side="right")) - 1
    if before >= 0:
        started = int(at[before])
        if started == entry:
            return begin + before, end, 1
        if entry < started + round(float(table.minutes[begin + before]) * 60_000_000):
            return begin + before, end, 0
    if begin + before + 1 >= end:
        raise InvalidInput(
            f"{position.id}: was entered at {position.entry_at.isoformat()}, after the last bar of "
            f"{position.symbol} ({moment_of(int(at[-1])).isoformat()})"
        )
    return begin + before + 1, end, 1


def _initial_stop(
    position: PositionRow,
    start: int,
    table: BarTable,
    book: RuleBook,
    instruments: dict[Symbol, Instrument],
) -> tuple[Decimal, Decimal]:
    instrument = instruments.get(position.symbol, Instrument(symbol=position.symbol))
    tick = instrument.tick_at(position.entry_price)
    if position.initial_stop is not None:
        return position.initial_stop, tick
    atr = daily_atr(_days_before(position.symbol, start, table))
    found = BrokerPosition(
        symbol=position.symbol,
        side=position.side,
        quantity=position.quantity,
        available=position.quantity,
        average_entry=position.entry_price,
        current_price=position.entry_price,
    )
    stop = estimated_stop(
        found,
        daily_atr=atr,
        multiple=book.account.missing_stop_atr,
        instrument=instrument,
    )
    return stop, tick


def _days_before(symbol: Symbol, start: int, table: BarTable) -> list[ClosedBar]:
    begin, _ = table.span(symbol)
    session = table.session[begin:start]
    session = session[session < table.session[start]]
    if len(session) == 0:
        return []
    first = np.flatnonzero(np.diff(session, prepend=-1))
    last = np.append(first[1:], len(session)) - 1
    own = slice(begin, begin + len(session))
    bars = table.bars
    high = np.maximum.reduceat(bars.high[own], first)
    low = np.minimum.reduceat(bars.low[own], first)
    volume = np.add.reduceat(bars.volume[own], first)
    return [
        ClosedBar(
            symbol=symbol,
            at=moment_of(int(bars.at[begin + first[day]])),
            open=float(bars.open[begin + first[day]]),
            high=float(high[day]),
            low=float(low[day]),
            close=float(bars.close[begin + last[day]]),
            volume=float(volume[day]),
        )
        for day in range(len(first))
    ]


def _row(position: PositionRow, stop: Decimal, tick: Decimal, book: RuleBook) -> tuple[float, ...]:
    risk = max(abs(position.entry_price - stop), tick)
    whole = position.quantity == position.quantity.to_integral_value()
    lot = float(Decimal(1) if whole else FRACTIONAL_LOT)
    per_unit, fees = float(1 / tick), float(book.account.fees_per_share)
    entry, side = float(position.entry_price), float(sign(position.side))
    quantity = float(position.quantity)
    target = NAN if position.target is None else float(position.target)
    if position.target is None:
        rules = book.rules_for(position.symbol, position.tags)
        state = State(
            side, entry, float(risk), quantity, quantity, lot, per_unit, float(stop), NAN,
            entry, entry, 0.0, 0.0, 0.0, 0.0, 0.0, fees, NAN, 0.0, 0.0,
        )  # fmt: skip
        target = target_price(state, NO_BAR, rules.target)
    return side, entry, float(risk), quantity, lot, per_unit, float(stop), target, fees


def _fresh_until(entered: Integers, start: Integers, end: Integers, table: BarTable) -> Integers:
    mornings = np.array([microseconds(s.opens_at - EVENING) for s in table.sessions], np.int64)
    # The first session in which the position was held overnight, and its first bar of it.
    session = np.searchsorted(mornings, entered, side="right")
    bars = np.empty(len(entered), np.int64)
    for row, (first, last) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        own = table.session[first:last]
        bars[row] = first + int(np.searchsorted(own, session[row], side="left"))
    return bars
