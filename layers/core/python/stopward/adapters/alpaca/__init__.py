"""Alpaca: trading and market data over HTTP."""

from stopward.adapters.alpaca.broker import AlpacaBroker
from stopward.adapters.alpaca.keys import Keys
from stopward.adapters.alpaca.market_data import AlpacaMarketData
from stopward.adapters.alpaca.transport import Patience, Transport

__all__ = ["AlpacaBroker", "AlpacaMarketData", "Keys", "Patience", "Transport"]
