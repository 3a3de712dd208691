"""Where checks are made: a paper account or the simulator, with a few shares of one symbol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import TypeVar

from stopward.adapters.alpaca import (
    AlpacaBroker,
    AlpacaMarketData,
    Transport,
)
from stopward.adapters.alpaca.parse import Row, rows_of
from stopward.adapters.alpaca.reads import ORDERS
from stopward.adapters.alpaca.transport import TOO_MANY, Answer
from stopward.adapters.alpaca.wire import order, plain
from stopward.domain.identity import OrderId, Symbol
from stopward.domain.market import CENT
from stopward.domain.orders import DEAD, BrokerOrder, BrokerPosition
from stopward.errors import BrokerRejected, BrokerUnavailable
from stopward.local.verify.check import FactFails, NotCheckable
from stopward.ports import Clock

Read = TypeVar("Read")

PREFIX = "sw-verify-"
HOLDING = Decimal(3)
"""Whole shares bought once, and sold at the end."""
LOOKS = 40
LOOK_SECONDS = 0.5
LONGEST_WAIT = timedelta(minutes=2)


@dataclass(slots=True, kw_only=True)
class Venue:
    """One account and one symbol in which it holds nothing at the start.

    run_id: tells this run's client order ids from all others, for ever. raw: the trading API.
    """

    raw: Transport
    data: Transport
    broker: AlpacaBroker
    market: AlpacaMarketData
    clock: Clock
    symbol: Symbol
    other_symbol: Symbol
    run_id: str
    is_simulated: bool
    _count: int = 0
    _price: Decimal | None = None

    # What is

    def is_open(self) -> bool:
        """Return whether the market is open now."""
        return self.read("/v2/clock", lambda row: row.flag("is_open"))

    def require_open(self) -> None:
        """Raise NotCheckable unless the market is open."""
        if not self.is_open():
            raise NotCheckable("the market is closed")

    def price(self) -> Decimal:
        """Return the last price, read once."""
        if self._price is None:
            query = {"symbols": self.symbol, "feed": "iex"}
            trades = self.data.get(
                "/v2/stocks/trades/latest",
                query=query,
                read=lambda answer: Row(answer.json(), answer.what).get("trades"),
            )
            row = Row(Row(trades, "trades").get(self.symbol), f"trades.{self.symbol}")
            self._price = row.decimal("p")
        return self._price

    def at(self, share: str) -> Decimal:
        """Return a price at a share of the last one, in whole cents."""
        return (self.price() * Decimal(share)).quantize(CENT, rounding=ROUND_FLOOR)

    def position(self) -> BrokerPosition:
        """Return the position; FactFails when there is none."""
        found = self._position()
        if found is None:
            raise FactFails("the shares bought are no position")
        return found

    def held(self) -> Decimal:
        """Return the shares of the symbol, negative when short."""
        found = self._position()
        if found is None:
            return Decimal(0)
        return found.quantity if found.side == "long" else -found.quantity

    def read(self, path: str, pick: Callable[[Row], Read], **query: str) -> Read:
        """Read one object."""
        return self.raw.get(
            path, query=query, read=lambda answer: pick(Row(answer.json(), answer.what))
        )

    def read_list(self, path: str, **query: str) -> list[Row]:
        """Read a list of objects."""
        return self.raw.get(
            path, query=query, read=lambda answer: list(rows_of(answer.json(), answer.what))
        )

    def read_order(self, order_id: str) -> BrokerOrder:
        """Read one order."""
        return self.read(f"{ORDERS}/{order_id}", order)

    # What is asked

    def new_id(self) -> OrderId:
        """Return a client order id never used before."""
        self._count += 1
        return OrderId(f"{PREFIX}{self.run_id}-{self._count}")

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Answer:
        """Make a raw request, again only when it was refused for its rate, and so had no effect."""
        for _ in range(LOOKS):
            answer = self.raw.send(method, path, body=body)
            if answer.status != TOO_MANY:
                return answer
            wait = answer.window.wait_seconds(self.clock.now()) or 1.0
            self.clock.sleep_until(self.clock.now() + timedelta(seconds=wait))
        raise BrokerUnavailable(f"{method} {path}: the rate limit does not end")

    def post(self, **fields: object) -> Answer:
        """Send an order for the symbol: a day order, one share, unless said otherwise."""
        body: dict[str, object] = {
            "symbol": self.symbol,
            "qty": "1",
            "time_in_force": "day",
            "client_order_id": self.new_id(),
        }
        body |= {k: plain(v) if isinstance(v, Decimal) else v for k, v in fields.items()}
        return self.ask("POST", ORDERS, body)

    def take(self, **fields: object) -> BrokerOrder:
        """Send an order to check with; BrokerRejected, proving nothing, when it is not taken."""
        answer = self.post(**fields)
        if not answer.is_success:
            raise self.raw.refusal(answer)
        return order(Row(answer.json(), answer.what))

    def far_buy(self, **fields: object) -> BrokerOrder:
        """Rest a limit buy far below the market."""
        return self.take(side="buy", type="limit", limit_price=self.at("0.5"), **fields)

    def patch(self, order_id: str, **fields: object) -> Answer:
        """Ask for a replacement."""
        body = {k: plain(v) if isinstance(v, Decimal) else v for k, v in fields.items()}
        return self.ask("PATCH", f"{ORDERS}/{order_id}", body)

    def delete(self, order_id: str) -> Answer:
        """Ask for a cancel."""
        return self.ask("DELETE", f"{ORDERS}/{order_id}")

    # What is waited for

    def settle(self, order_id: str, *statuses: str) -> BrokerOrder:
        """Read an order until it is in one of these statuses; FactFails when it never is."""
        read = self.read_order(order_id)
        for _ in range(LOOKS):
            if read.status in statuses:
                return read
            self.clock.sleep_until(self.clock.now() + timedelta(seconds=LOOK_SECONDS))
            read = self.read_order(order_id)
        raise FactFails(f"stayed {read.status}, expected {' or '.join(statuses)}")

    def working(self, order_id: str) -> BrokerOrder:
        """Wait until an order may be replaced; NotCheckable when the market is closed."""
        self.require_open()
        return self.settle(order_id, "new")

    def hold(self) -> Decimal:
        """Return the whole shares held, bought at the first call."""
        self.require_open()
        if self.held() < HOLDING:
            bought = self.take(side="buy", type="market", qty=HOLDING - self.held())
            self.settle(bought.id, "filled")
        return self.held()

    def wait_until(self, moment: datetime) -> None:
        """Wait; NotCheckable when that takes long and time is real."""
        if not self.is_simulated and moment - self.clock.now() > LONGEST_WAIT:
            raise NotCheckable(f"it would have to wait until {moment:%H:%M} UTC")
        self.clock.sleep_until(moment)

    # What is left

    def cancel_all(self) -> None:
        """Cancel every open order of the symbol, and wait until they are gone."""
        for _ in range(LOOKS):
            resting = [o for o in self.broker.open_orders() if self._is_mine(o)]
            if not resting:
                return
            for mine in resting:
                try:
                    self.broker.cancel(mine.id)
                except BrokerRejected:
                    continue  # filled, or ended with its group; the next look tells
            self.clock.sleep_until(self.clock.now() + timedelta(seconds=LOOK_SECONDS))
        raise BrokerUnavailable(f"orders of {self.symbol} could not be canceled; look after them")

    def flatten(self) -> None:
        """Cancel everything and close what is held."""
        self.cancel_all()
        held = self.held()
        if held:
            side = "sell" if held > 0 else "buy"
            closing = self.take(side=side, type="market", qty=abs(held))
            try:
                self.settle(closing.id, "filled")
            except FactFails as failure:
                raise BrokerUnavailable(
                    f"{held} shares of {self.symbol} are being closed by an order that {failure}"
                ) from failure

    def _position(self) -> BrokerPosition | None:
        return next((p for p in self.broker.positions() if p.symbol == self.symbol), None)

    def _is_mine(self, read: BrokerOrder) -> bool:
        # Nothing of the symbol was there at the start: what is there now, legs and all, is ours.
        return read.symbol == self.symbol and read.status not in DEAD


def refusal_of(answer: Answer) -> str:
    """Return a refusal as evidence: status, code and the broker's words."""
    try:
        row = Row(answer.json(), "answer")
    except BrokerUnavailable:
        return str(answer.status)
    return f"{answer.status}, code {row.get('code') or 0}: {row.get('message') or ''}"


def must_refuse(answer: Answer, *statuses: int) -> str:
    """Return the evidence of a refusal; FactFails when it was taken, or refused otherwise."""
    seen = refusal_of(answer) if not answer.is_success else f"taken, with {answer.status}"
    if answer.status not in statuses:
        expected = " or ".join(map(str, statuses))
        raise FactFails(f"{seen}; expected {expected}")
    return seen
