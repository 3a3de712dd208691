"""The trader of a run, who opens the positions at the simulated broker at their entry time."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from stopward.domain.opening import PositionRow
from stopward.errors import InvalidInput
from stopward.local.host.host import Occasion
from stopward.local.screen.words import counted, listed
from stopward.local.simulator import Refused, Simulator

LISTED = 8
"""Symbols named in one note."""


class Trader:
    """Opens positions past Stopward, which finds them. `notes`: what did not go as meant."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self.opened: list[PositionRow] = []
        self.notes: list[str] = []

    def occasions(
        self, rows: Sequence[PositionRow], *, first: datetime, last: datetime
    ) -> Iterator[Occasion]:
        """Yield one occasion a position entered before `last`; older ones come at `first`."""
        late = [row.symbol for row in rows if row.entry_at >= last]
        if late:
            self.notes.append(
                f"{counted(len(late), 'position')} entered after the end, left out: "
                f"{listed(late, most=LISTED)}"
            )
        for row in sorted(rows, key=lambda row: (row.entry_at, row.symbol)):
            if row.entry_at >= last:
                continue
            yield Occasion(at=max(first, row.entry_at), name=row.symbol, act=self._opening(row))

    def _opening(self, row: PositionRow) -> "Opening":
        return Opening(self, self._simulator, row)


class Opening:
    """One entry, to be called at its moment."""

    def __init__(self, trader: Trader, simulator: Simulator, row: PositionRow) -> None:
        self._trader = trader
        self._simulator = simulator
        self._row = row

    def __call__(self) -> None:
        """Book the entry with its stop and target; a stop that the broker refuses is noted."""
        row = self._row
        self._trader.opened.append(row)
        try:
            self._simulator.open_position(
                row.symbol, row.side, row.quantity, row.entry_price,
                at=row.entry_at, stop=row.initial_stop, target=row.target,
            )  # fmt: skip
        except (Refused, InvalidInput) as error:
            self._trader.notes.append(f"{row.symbol}: its stop was refused: {error}")
