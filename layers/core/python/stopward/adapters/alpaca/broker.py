"""The port `Broker` over Alpaca's trading API (REST v2)."""

from datetime import datetime
from decimal import Decimal

from stopward.adapters.alpaca import reads, wire, writes
from stopward.adapters.alpaca.open_orders import read_open_orders
from stopward.adapters.alpaca.transport import Transport
from stopward.domain.identity import BrokerOrderId, OrderId, Symbol
from stopward.domain.market import Session
from stopward.domain.orders import BrokerAccount, BrokerOrder, BrokerPosition, Fill, OrderRequest
from stopward.errors import InvalidState

LONGEST_ID = 48


class AlpacaBroker:
    """One Alpaca account, live, paper or simulated: the base URL of the transport says which."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._unreadable: tuple[Symbol, ...] = ()

    def __repr__(self) -> str:
        return f"AlpacaBroker({self._transport!r})"

    @property
    def remaining(self) -> int | None:
        """Requests left in the broker's rate window; None before the first answer that said."""
        return self._transport.remaining

    def account(self) -> BrokerAccount:
        """Return the account."""
        return self._transport.get(
            "/v2/account", read=lambda answer: wire.account(answer.json(), answer.what)
        )

    def positions(self) -> tuple[BrokerPosition, ...]:
        """Return all open equity positions but those in `unreadable`."""
        read = self._transport.get(
            "/v2/positions", read=lambda answer: wire.positions(answer.json(), answer.what)
        )
        self._unreadable = read.unreadable
        return read.held

    @property
    def unreadable(self) -> tuple[Symbol, ...]:
        """Symbols that the last answer of `positions` holds in rows that cannot be read."""
        return self._unreadable

    def position(self, symbol: Symbol) -> BrokerPosition | None:
        """Return one open position, or None when the broker answers that there is none."""
        return reads.read_position(self._transport, symbol)

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """Return all open equity orders, groups flattened, with `held` legs and filled parents."""
        return read_open_orders(self._transport)

    def order(self, order_id: BrokerOrderId) -> BrokerOrder | None:
        """Return one order in any status, or None when the broker does not know it."""
        return reads.read_order(self._transport, order_id)

    def order_by_client_id(self, client_order_id: OrderId) -> BrokerOrder | None:
        """Return one order in any status by our id, or None when the broker does not know it."""
        return reads.read_order_by_client_id(self._transport, client_order_id)

    def submit(self, request: OrderRequest) -> BrokerOrder:
        """Send an order once; when the answer is lost or our id a duplicate, read it by our id.

        BrokerUnavailable says whether the order was not accepted or its fate is unknown; either way
        the same request may be sent again later, under the same id.
        """
        _check_id(request.client_order_id)
        if request.quantity <= 0:
            raise InvalidState(f"quantity: was {request.quantity}, expected more than 0")
        return writes.submit(self._transport, request)

    def replace(
        self,
        order_id: BrokerOrderId,
        *,
        client_order_id: OrderId,
        quantity: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> BrokerOrder:
        """Replace a working order's quantity (whole shares) or stop price; return the successor."""
        _check_id(client_order_id)
        if quantity is None and stop_price is None:
            raise InvalidState(f"order {order_id}: a replacement must change something")
        if quantity is not None and (quantity <= 0 or quantity % 1 != 0):
            raise InvalidState(f"quantity: was {quantity}, expected whole shares to replace with")
        return writes.replace(
            self._transport,
            order_id,
            client_order_id=client_order_id,
            quantity=quantity,
            stop_price=stop_price,
        )

    def cancel(self, order_id: BrokerOrderId) -> None:
        """Ask for a cancel; the order is gone only once it is read in a final status."""
        writes.cancel(self._transport, order_id)

    def fills(self, *, since: datetime) -> tuple[Fill, ...]:
        """Return executions at `since` or later, oldest first."""
        return reads.read_fills(self._transport, since=since)

    def sessions(self, *, first: str, last: str) -> tuple[Session, ...]:
        """Return trading sessions from day to day (YYYY-MM-DD, inclusive)."""
        return reads.read_sessions(self._transport, first=first, last=last)


def _check_id(client_order_id: OrderId) -> None:
    if not 0 < len(client_order_id) <= LONGEST_ID:
        raise InvalidState(
            f"client order id: was {client_order_id!r}, expected 1 to {LONGEST_ID} characters"
        )
