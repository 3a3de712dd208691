"""The ports: what the guard needs of the world. Each has a contract suite in tests/adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal
    from typing import BinaryIO

    from stopward.domain.identity import AccountId, BrokerOrderId, OrderId, Symbol
    from stopward.domain.market import ClosedBar, Quote, Session
    from stopward.domain.notices import Backlog, Claim, Outcome, Status
    from stopward.domain.orders import (
        BrokerAccount,
        BrokerOrder,
        BrokerPosition,
        Fill,
        OrderRequest,
    )
    from stopward.domain.pulses import Pulse, Roster
    from stopward.domain.snapshot import Acknowledgement, Busy, Snapshot, TickRecord


class Clock(Protocol):
    """Time as an argument's source: the system's, or a simulated one."""

    def now(self) -> datetime:
        """Return the present, aware, in UTC."""

    def sleep_until(self, moment: datetime) -> None:
        """Return once `moment` has come; at once when it has passed."""


class Broker(Protocol):
    """The broker's trading side.

    Every call raises BrokerUnavailable when no answer came (the effect is then unknown),
    RateLimited when asked to wait, and BrokerRejected when refused. None is repeated blindly.
    """

    @property
    def remaining(self) -> int | None:
        """Requests left in the broker's rate window; None while it has not said."""

    def account(self) -> BrokerAccount:
        """Return the account."""

    def positions(self) -> tuple[BrokerPosition, ...]:
        """Return all open positions."""

    def position(self, symbol: Symbol) -> BrokerPosition | None:
        """Return one open position, or None when the broker answers that there is none."""

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """Return all open orders, groups flattened: parents, legs and `held` ones; all pages."""

    def order(self, order_id: BrokerOrderId) -> BrokerOrder | None:
        """Return one order in any status, or None when the broker does not know it."""

    def order_by_client_id(self, client_order_id: OrderId) -> BrokerOrder | None:
        """Return one order in any status by our id, or None when the broker does not know it."""

    def submit(self, request: OrderRequest) -> BrokerOrder:
        """Send an order once; when the answer is lost, or our id a duplicate, read it by our id.

        Raises BrokerUnavailable when it was surely not accepted, or when its fate is unknown.
        """

    def replace(
        self,
        order_id: BrokerOrderId,
        *,
        client_order_id: OrderId,
        quantity: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> BrokerOrder:
        """Replace a working order's quantity (whole shares) or stop price; returns the successor.

        An answer is no guarantee: the predecessor may fill first, so the successor must be seen
        working.
        """

    def cancel(self, order_id: BrokerOrderId) -> None:
        """Ask for a cancel; the order is gone only once it is read in a final status."""

    def fills(self, *, since: datetime) -> tuple[Fill, ...]:
        """Return executions since then, oldest first."""

    def sessions(self, *, first: str, last: str) -> tuple[Session, ...]:
        """Return trading sessions from day to day (YYYY-MM-DD, inclusive)."""


class MarketData(Protocol):
    """Quotes and closed bars, batched over symbols. Symbols without data are absent."""

    def quotes(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, Quote]:
        """Return the latest quote of each symbol."""

    def bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, tuple[ClosedBar, ...]]:
        """Return closed one-minute bars, oldest first: since <= at and at + 1 min <= until."""

    def daily_bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, tuple[ClosedBar, ...]]:
        """Return daily bars of finished sessions, split-adjusted, oldest first."""


class Store(Protocol):
    """The database, as the tick uses it: one call is one transaction.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected with the constraint's name.
    """

    def begin_tick(
        self, account_id: AccountId, *, tick_at: datetime, holder: str, lease_seconds: float
    ) -> Snapshot | Busy:
        """Take the lease (same holder, same token) and return the snapshot, or who has it."""

    def record_tick(self, record: TickRecord) -> frozenset[OrderId]:
        """Write a tick whole; return the ids of orders that are new. Repeating changes nothing."""

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Write what came of the orders, append their events, and release the lease when asked."""


class Outbox(Protocol):
    """The queue of notices, as one deliverer sees it.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected when it refused.
    """

    def claim(self, *, holder: str, limit: int, seconds: float) -> tuple[Claim, ...]:
        """Claim what is due, oldest first; nobody else gets it for so many seconds."""

    def settle(self, claim: Claim, outcome: Outcome, *, holder: str) -> Status:
        """Say what came of a claim; return the status after it. Repeating changes nothing."""

    def nudge(self) -> int:
        """Tell the other deliverer again of what it has not claimed; return how many."""

    def backlog(self) -> Backlog:
        """Return what waits."""

    def trim(self) -> int:
        """Forget some of what is settled and old; return how many notices."""


class Notifier(Protocol):
    """Whoever carries a notice out of the house."""

    def send(self, claim: Claim) -> Outcome:
        """Send one notice once; every answer, and none, is an outcome."""


class Archive(Protocol):
    """A place for objects that are written once.

    Raises ArchiveUnavailable when there was no answer or no room, ArchiveRejected when refused.
    """

    def location(self, key: str) -> str:
        """Return an object's address, as people and tools write it."""

    def put(self, key: str, source: BinaryIO) -> bool:
        """Write an object whole or not at all, from the start of `source`.

        Returns False, and changes nothing, when there is one of that key.
        """

    def open(self, key: str) -> BinaryIO:
        """Return an object to read; the caller closes it. ArchiveRejected when there is none."""


class Fleet(Protocol):
    """The accounts that one stack guards.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected when it refused.
    """

    def roster(self, *, silent_before: datetime) -> Roster:
        """Return the accounts, and which of them have no tick since then."""


class PulseQueue(Protocol):
    """Where pulses wait for their instant; each comes out at least once, in any order."""

    def send(self, pulses: Sequence[Pulse], *, now: datetime) -> tuple[Pulse, ...]:
        """Send at most ten pulses, each to come out at its instant; return what was not taken.

        Raises Unavailable without an answer: what was taken is then unknown.
        """
