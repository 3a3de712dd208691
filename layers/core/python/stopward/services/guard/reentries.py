"""Notice what was sold and bought again at one price, where no order of ours ends with it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from stopward.domain.fills import LATE, fills_needed_since, is_folded
from stopward.domain.snapshot import Snapshot
from stopward.errors import BrokerRejected, BrokerUnavailable
from stopward.ports import Broker


@dataclass(slots=True)
class Reentries:
    """Remembers until when no fill was new, so that each look reads a minute of them.

    A cold start reads all since the last one folded in.
    """

    _read_at: datetime | None = None

    def ask_for_fills(
        self,
        broker: Broker,
        snapshot: Snapshot,
        *,
        now: datetime,
        on_failure: Callable[[str, Exception], None],
    ) -> bool:
        """Return whether a position that is observed has fills that are new to it.

        Quantity and average entry tell of none that sold all and bought as much at one price. In
        mode `guard` a stop of ours ends with such a sale, or shares are bare. One request; where it
        fails `on_failure` is told, and the next look reads as far back.
        """
        if snapshot.account.mode != "observe" or not snapshot.positions:
            return False
        positions = {position.symbol: position for position in snapshot.positions}
        since = min(map(fills_needed_since, positions.values()))
        if self._read_at is not None:
            since = max(since, self._read_at - LATE)
        try:
            fills = broker.fills(since=since)
        except (BrokerUnavailable, BrokerRejected) as error:
            on_failure("fills", error)
            return False
        is_new = any(
            fill.symbol in positions and not is_folded(positions[fill.symbol], fill)
            for fill in fills
        )
        if not is_new:
            self._read_at = now
        return is_new
