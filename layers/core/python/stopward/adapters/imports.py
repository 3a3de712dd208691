"""Imported history in the database: what is stored of a symbol, and adding to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, cast

from stopward.adapters import rows
from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.adapters.views import Order, Views, Where, all_rows
from stopward.domain.history import Execution, Leg, RoundTrip, Source
from stopward.domain.history.execution import EXACT
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.money import SIXTH_PLACE, plain

EXECUTIONS = "imported_executions"
STORED = "id", "symbol", "side", "quantity", "price", "at", "fees", "effect", "initial_stop"


class Database(Functions, Views, Protocol):
    """Who can both call functions and read views of schema api."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolHistory:
    """All of one symbol: its executions that are new, how many there are then, and its trades."""

    symbol: Symbol
    new: tuple[Execution, ...]
    executions: int
    trades: tuple[RoundTrip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a write did. trades: new ones; trades_removed: those that were made anew or are gone."""

    executions: int = 0
    trades: int = 0
    trades_removed: int = 0


class ImportedHistory:
    """The past of one account from one source.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected with the rule's name:
    `imported_executions_told_once` for an execution that is stored otherwise,
    `imported_trades_of_all_executions` when another import added some meanwhile.
    """

    def __init__(self, database: Database, account_id: AccountId, source: Source) -> None:
        self._database = database
        self._account_id = account_id
        self._source = source

    def executions(self, symbol: Symbol) -> tuple[Execution, ...]:
        """Return what is stored of a symbol."""
        found = all_rows(
            self._database,
            EXECUTIONS,
            account_id=self._account_id,
            where=(Where("source", "=", self._source), Where("symbol", "=", symbol)),
            order=(Order("at"), Order("id")),
        )
        return tuple(
            Execution(
                source=self._source,
                **{name: row[name] for name in STORED},  # type: ignore[arg-type]
            )
            for row in found
        )

    def others(self, symbols: Iterable[Symbol]) -> tuple[Symbol, ...]:
        """Return the symbols of which another source has executions."""
        return tuple(
            symbol
            for symbol in symbols
            if self._database.select(
                EXECUTIONS,
                account_id=self._account_id,
                where=(Where("source", "<>", self._source), Where("symbol", "=", symbol)),
                limit=1,
            )
        )

    def add(self, histories: Sequence[SymbolHistory]) -> Imported:
        """Store executions of some symbols and make their trades; in one transaction.

        What is stored already stays, so that adding twice is adding once.
        """
        answer = self._database.call(
            "import_executions",
            "request",
            {
                "account_id": self._account_id,
                "source": self._source,
                "symbols": [
                    {"symbol": each.symbol, "executions": each.executions} for each in histories
                ],
                "executions": [_execution(one) for each in histories for one in each.new],
                "trades": [_trade(trip) for each in histories for trip in each.trades],
            },
        )
        return rows.read(Imported, answer)

    def forget(self) -> Imported:
        """Take back all of the source; answers what is gone."""
        answer = self._database.call(
            "forget_import", "request", {"account_id": self._account_id, "source": self._source}
        )
        return rows.read(Imported, answer)


def _execution(execution: Execution) -> JsonValue:
    written = cast("dict[str, JsonValue]", rows.write(execution))
    return {name: written[name] for name in STORED}


def _trade(trip: RoundTrip) -> JsonValue:
    return {
        "opened_by": trip.opened_by,
        "symbol": trip.symbol,
        "side": trip.side,
        "quantity": plain(trip.quantity),
        "average_entry": plain(trip.average_entry),
        "average_exit": plain(trip.average_exit),
        "opened_at": trip.opened_at.isoformat(),
        "closed_at": trip.closed_at.isoformat(),
        "fees": plain(trip.fees),
        "result": _dollars(trip.result),
        "initial_stop": None if trip.initial_stop is None else plain(trip.initial_stop),
        "risk": None if trip.risk is None else plain(trip.risk),
        "entries": [_leg(leg) for leg in trip.entries],
        "exits": [{**_leg(leg), "result": _dollars(leg.result)} for leg in trip.exits],
    }


def _leg(leg: Leg) -> dict[str, JsonValue]:
    return {
        "execution_id": leg.execution_id,
        "at": leg.at.isoformat(),
        "price": plain(leg.price),
        "quantity": plain(leg.quantity),
    }


def _dollars(amount: Decimal) -> str:
    # Exact until here, and then half-even to the six places of its column.
    return plain(amount.quantize(SIXTH_PLACE, context=EXACT))
