"""A file beside what is stored: what is new, and the trades it adds or changes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from stopward.adapters.imports import Imported, ImportedHistory, SymbolHistory
from stopward.domain.history import (
    Execution,
    ExecutionId,
    OpenTrip,
    RoundTrip,
    Unopened,
    round_trips,
)
from stopward.domain.identity import Symbol
from stopward.errors import InvalidInput
from stopward.local.history.reading import HistoryFile

Stored = Callable[[Symbol], tuple[Execution, ...]]
MOST: Final = 2_000
"""Executions that one call stores, but all of a symbol; so that a call takes a second, not ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a file adds. known: executions of it that are stored already.

    histories: of the symbols with something new, to be stored. trades: those that an execution
    which is new is part of. open_trips: what those symbols leave open. unopened: closes of the
    file without an opening.
    """

    known: int
    histories: tuple[SymbolHistory, ...]
    trades: tuple[RoundTrip, ...]
    open_trips: tuple[OpenTrip, ...]
    unopened: tuple[Unopened, ...]

    @property
    def new(self) -> int:
        """How many executions are not stored yet."""
        return sum(len(each.new) for each in self.histories)


def nothing_stored(_symbol: Symbol) -> tuple[Execution, ...]:
    """What is stored where no database was named."""
    return ()


def merge(file: HistoryFile, stored: Stored) -> Merged:
    """Put a file beside what is stored, symbol by symbol.

    Raises InvalidInput for an execution that is stored under the same id and says something else.
    """
    by_symbol: dict[Symbol, list[Execution]] = {}
    for each in file.executions:
        by_symbol.setdefault(each.symbol, []).append(each)
    known = 0
    histories: list[SymbolHistory] = []
    trades: list[RoundTrip] = []
    open_trips: list[OpenTrip] = []
    unopened: list[Unopened] = []
    for symbol in sorted(by_symbol):
        there = {each.id: each for each in stored(symbol)}
        new = _new(file, by_symbol[symbol], there)
        known += len(by_symbol[symbol]) - len(new)
        if not new:
            continue
        history = round_trips([*there.values(), *new])
        histories.append(
            SymbolHistory(
                symbol=symbol, new=new, executions=len(there) + len(new), trades=history.trips
            )
        )
        ids = {each.id for each in new}
        trades += [trip for trip in history.trips if _ids(trip) & ids]
        open_trips += history.open_trips
        unopened += [each for each in history.unopened if each.execution_id in ids]
    return Merged(
        known=known,
        histories=tuple(histories),
        trades=tuple(sorted(trades, key=lambda trip: (trip.closed_at, trip.symbol))),
        open_trips=tuple(open_trips),
        unopened=tuple(unopened),
    )


def store(merged: Merged, imported: ImportedHistory) -> Imported:
    """Store what is new, a few symbols a call: each call is whole, and may be repeated."""
    done = Imported()
    for batch in _batches(merged.histories):
        one = imported.add(batch)
        done = Imported(
            executions=done.executions + one.executions,
            trades=done.trades + one.trades,
            trades_removed=done.trades_removed + one.trades_removed,
        )
    return done


def _new(
    file: HistoryFile, executions: Sequence[Execution], there: dict[ExecutionId, Execution]
) -> tuple[Execution, ...]:
    new = []
    for each in executions:
        known = there.get(each.id)
        if known is None:
            new.append(each)
        elif known != each:
            raise InvalidInput(
                f"{file.path}: execution {each.id} ({each.symbol}, {each.side} {each.quantity} at "
                f"{each.price}, {each.at.isoformat()}, fees {each.fees}) is stored as {known.side} "
                f"{known.quantity} at {known.price}, {known.at.isoformat()}, fees {known.fees}: is "
                f"it the right --timezone? `stopward import --forget {file.source}` takes the "
                "source back"
            )
    return tuple(new)


def _ids(trip: RoundTrip) -> set[ExecutionId]:
    return {leg.execution_id for leg in (*trip.entries, *trip.exits)}


def _batches(histories: Sequence[SymbolHistory]) -> Iterator[tuple[SymbolHistory, ...]]:
    batch: list[SymbolHistory] = []
    size = 0
    for each in histories:
        if batch and size + each.executions > MOST:
            yield tuple(batch)
            batch, size = [], 0
        batch.append(each)
        size += each.executions
    if batch:
        yield tuple(batch)
