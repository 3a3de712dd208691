"""The official SDK as a client of the simulator; we did not write it, so it may disagree."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.trading.client import TradingClient

from stopward.local.simulator import Simulator

SELL = {"symbol": "AAPL", "side": "sell", "time_in_force": "day"}
BUY = {"symbol": "AAPL", "side": "buy", "time_in_force": "day"}


def refused(call: Callable[..., object], *arguments: object) -> APIError:
    """Return the refusal that a call of the SDK must meet."""
    with pytest.raises(APIError) as caught:
        call(*arguments)
    return caught.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Both clients of the SDK on one simulator, and its base URL."""

    trading: TradingClient
    data: StockHistoricalDataClient
    url: str


@contextmanager
def clients_of(simulator: Simulator) -> Iterator[Clients]:
    """Serve a simulator and yield clients of it; connections are closed at the end."""
    with simulator.serve() as url:
        trading = TradingClient(simulator.key, simulator.secret, url_override=url)
        data = StockHistoricalDataClient(simulator.key, simulator.secret, url_override=url)
        for client in (trading, data):
            client._retry_wait = 0  # its three seconds of sleep prove nothing here
        try:
            yield Clients(trading=trading, data=data, url=url)
        finally:
            for client in (trading, data):
                client._session.close()
