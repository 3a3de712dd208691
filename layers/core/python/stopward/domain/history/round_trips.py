"""From executions to round trips: from flat to flat in each symbol, first in, first out. Pure."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from itertools import groupby

from stopward.domain.history.execution import EXACT, Execution, distinct
from stopward.domain.history.trip import Exit, Leg, OpenTrip, RoundTrip, Unopened
from stopward.domain.money import SIXTH_PLACE, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What executions add up to; trips in order of their closing.

    Money is conserved, exactly: the results of `trips` and the cash of `open_trips` and `unopened`
    are what all executions together brought, after fees. So are shares.
    """

    trips: tuple[RoundTrip, ...]
    open_trips: tuple[OpenTrip, ...]
    unopened: tuple[Unopened, ...]


def round_trips(executions: Iterable[Execution]) -> History:
    """Return the round trips of each source and symbol.

    The order of `executions` does not matter, and one that is told twice counts once. Of one
    instant what enlarges goes first: nothing is closed while shares of it are left. An execution
    beyond the position closes it and opens the next with the rest, its fees shared by quantity to
    the sixth place; one that only closes opens nothing, and its rest is `unopened`.

    Raises InvalidState when one id tells two different executions.
    """
    trips: list[RoundTrip] = []
    open_trips: list[OpenTrip] = []
    unopened: list[Unopened] = []
    in_time = sorted(distinct(executions), key=lambda each: (each.source, each.symbol, each.at))
    with localcontext(EXACT):
        for _, of_symbol in groupby(in_time, key=lambda each: (each.source, each.symbol)):
            walk = _Walk(trips, unopened)
            for _, batch in groupby(of_symbol, key=lambda each: each.at):
                for execution in _in_turn(tuple(batch), held=walk.held):
                    walk.take(execution)
            if walk.held:
                open_trips.append(walk.left_open())
    trips.sort(key=lambda trip: (trip.closed_at, trip.symbol, trip.opened_by))
    return History(trips=tuple(trips), open_trips=tuple(open_trips), unopened=tuple(unopened))


def _in_turn(batch: Sequence[Execution], *, held: Decimal) -> Sequence[Execution]:
    if len(batch) == 1:
        return batch
    side = _side_of_instant(batch, held=held)

    def turn(execution: Execution) -> tuple[bool, bool, str]:
        is_other = _belongs(execution) not in (None, side)
        enlarges = (execution.side == "buy") == ((side == "long") != is_other)
        return is_other, not enlarges, execution.id

    return sorted(batch, key=turn)


def _side_of_instant(batch: Sequence[Execution], *, held: Decimal) -> Side:
    if held:
        return "long" if held > 0 else "short"
    opening = {each.side for each in batch if each.effect == "open"}
    return "short" if opening == {"sell"} else "long"


def _belongs(execution: Execution) -> Side | None:
    if execution.effect is None:
        return None
    return "long" if (execution.side == "buy") == (execution.effect == "open") else "short"


class _Walk:
    """One symbol on its way through time; trips are added to `trips` as they close."""

    def __init__(self, trips: list[RoundTrip], unopened: list[Unopened]) -> None:
        self._trips = trips
        self._unopened = unopened
        self.held = Decimal(0)
        self._clear()

    def take(self, execution: Execution) -> None:
        """Fold in the next execution."""
        if self.held and (self.held > 0) != (execution.side == "buy"):
            closing, rest = _shared(execution, abs(self.held))
            self._exit(closing)
            if rest is None:
                return
            execution = rest
        if not self.held and execution.effect == "close":
            self._note_unopened(execution)
        else:
            self._enter(execution)

    def left_open(self) -> OpenTrip:
        """Return what is not closed."""
        first = self._entries[0]
        return OpenTrip(
            source=self._opening.source,
            symbol=self._opening.symbol,
            side=self._side,
            opened_by=first.execution_id,
            opened_at=first.at,
            quantity=abs(self.held),
            cost=sum((price * quantity for price, quantity in self._lots), Decimal(0)),
            realised=sum((leg.result for leg in self._exits), Decimal(0)),
            fees=self._fees,
        )

    def _clear(self) -> None:
        self._entries: list[Leg] = []
        self._exits: list[Exit] = []
        self._lots: deque[tuple[Decimal, Decimal]] = deque()
        self._fees = Decimal(0)

    def _enter(self, execution: Execution) -> None:
        if not self.held:
            self._opening = execution
            self._side: Side = "long" if execution.side == "buy" else "short"
        self.held += execution.signed
        self._fees += execution.fees
        self._lots.append((execution.price, execution.quantity))
        self._entries.append(
            Leg(
                execution_id=execution.id,
                at=execution.at,
                price=execution.price,
                quantity=execution.quantity,
            )
        )

    def _exit(self, execution: Execution) -> None:
        cost = self._first_in(execution.quantity)
        amount = execution.price * execution.quantity
        self.held += execution.signed
        self._fees += execution.fees
        self._exits.append(
            Exit(
                execution_id=execution.id,
                at=execution.at,
                price=execution.price,
                quantity=execution.quantity,
                result=amount - cost if self._side == "long" else cost - amount,
            )
        )
        if not self.held:
            self._trips.append(
                RoundTrip(
                    source=self._opening.source,
                    symbol=self._opening.symbol,
                    side=self._side,
                    entries=tuple(self._entries),
                    exits=tuple(self._exits),
                    fees=self._fees,
                    initial_stop=self._opening.initial_stop,
                )
            )
            self._clear()

    def _first_in(self, quantity: Decimal) -> Decimal:
        # What that many shares were entered at, the oldest first; they are taken off the lots.
        cost = Decimal(0)
        while quantity:
            price, there = self._lots.popleft()
            taken = min(there, quantity)
            cost += price * taken
            quantity -= taken
            if there > taken:
                self._lots.appendleft((price, there - taken))
        return cost

    def _note_unopened(self, execution: Execution) -> None:
        self._unopened.append(
            Unopened(
                source=execution.source,
                symbol=execution.symbol,
                side=execution.side,
                execution_id=execution.id,
                at=execution.at,
                price=execution.price,
                quantity=execution.quantity,
                fees=execution.fees,
            )
        )


def _shared(execution: Execution, quantity: Decimal) -> tuple[Execution, Execution | None]:
    # The part up to a quantity and the part beyond it; what rounding leaves of the fees is beyond.
    if execution.quantity <= quantity:
        return execution, None
    fees = (execution.fees * quantity / execution.quantity).quantize(SIXTH_PLACE)
    return (
        replace(execution, quantity=quantity, fees=fees),
        replace(execution, quantity=execution.quantity - quantity, fees=execution.fees - fees),
    )
