"""What executions add up to: round trips, trips still open, and closes without an opening."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

from stopward.domain.history.execution import EXACT, ExecutionId, ExecutionSide, Source
from stopward.domain.identity import Symbol
from stopward.domain.money import SIXTH_PLACE, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What one execution added to a trip. quantity: shares, above 0. price: dollars a share."""

    execution_id: ExecutionId
    at: datetime
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit(Leg):
    """What one execution took off a trip.

    result: dollars before fees, against the shares that were bought first (first in, first out).
    By average cost it would be another number here, and the same over the whole trip.
    """

    result: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """From flat to flat in one symbol: what an imported trade is.

    opened_by: the execution that opened it, and so its name; an execution opens one trip at most.
    entries, exits: in order of time, each at least one. fees: dollars, charged above 0.
    initial_stop: dollars a share, as the opening execution tells it; None when unknown, and then
    nothing is known in R.
    """

    source: Source
    symbol: Symbol
    side: Side
    entries: tuple[Leg, ...]
    exits: tuple[Exit, ...]
    fees: Decimal
    initial_stop: Decimal | None = None

    @property
    def opened_by(self) -> ExecutionId:
        """Id of the execution that opened it."""
        return self.entries[0].execution_id

    @property
    def opened_at(self) -> datetime:
        """Time of the first entry."""
        return self.entries[0].at

    @property
    def closed_at(self) -> datetime:
        """Time of the last exit."""
        return self.exits[-1].at

    @property
    def quantity(self) -> Decimal:
        """Shares that were entered, all entries together."""
        return _sum(leg.quantity for leg in self.entries)

    @property
    def average_entry(self) -> Decimal:
        """Mean price of the entries by quantity, dollars a share, to six places."""
        return _mean(self.entries)

    @property
    def average_exit(self) -> Decimal:
        """Mean price of the exits by quantity, dollars a share, to six places."""
        return _mean(self.exits)

    @property
    def gross(self) -> Decimal:
        """Dollars before fees, exact."""
        return _sum(leg.result for leg in self.exits)

    @property
    def result(self) -> Decimal:
        """Dollars after fees, exact."""
        with localcontext(EXACT):
            return self.gross - self.fees

    @property
    def risk(self) -> Decimal | None:
        """Distance from the first entry to the initial stop, dollars a share; None: unknown."""
        if self.initial_stop is None:
            return None
        return abs(self.entries[0].price - self.initial_stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTrip:
    """What the executions leave open: no trade yet.

    quantity: shares left, above 0. cost: dollars, what the shares left were entered at, first in
    first out. realised: dollars before fees, of what was closed of it. fees: dollars so far.
    """

    source: Source
    symbol: Symbol
    side: Side
    opened_by: ExecutionId
    opened_at: datetime
    quantity: Decimal
    cost: Decimal
    realised: Decimal
    fees: Decimal

    @property
    def cash(self) -> Decimal:
        """Dollars that its executions brought, below 0 when they cost."""
        with localcontext(EXACT):
            worth = self.cost if self.side == "long" else -self.cost
            return self.realised - worth - self.fees


@dataclass(frozen=True, slots=True, kw_only=True)
class Unopened:
    """Shares that an execution closed and that nothing before it opened: the export begins later.

    quantity: shares, above 0. price: dollars a share. fees: its part of the execution's, dollars.
    """

    source: Source
    symbol: Symbol
    side: ExecutionSide
    execution_id: ExecutionId
    at: datetime
    price: Decimal
    quantity: Decimal
    fees: Decimal

    @property
    def cash(self) -> Decimal:
        """Dollars that it brought, below 0 when it cost."""
        with localcontext(EXACT):
            amount = self.price * self.quantity
            return (amount if self.side == "sell" else -amount) - self.fees


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    with localcontext(EXACT):
        return sum(numbers, Decimal(0))


def _mean(legs: tuple[Leg, ...]) -> Decimal:
    with localcontext(EXACT):
        quantity = sum((leg.quantity for leg in legs), Decimal(0))
        cost = sum((leg.quantity * leg.price for leg in legs), Decimal(0))
        return (cost / quantity).quantize(SIXTH_PLACE)
