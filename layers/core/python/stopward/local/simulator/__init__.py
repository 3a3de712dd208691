"""A broker that speaks Alpaca's HTTP, with a deterministic clock and prices from bars.

Build a `Simulator` from bars and sessions, open positions in it, `serve()` it, and move its clock
with `advance_to`. Its modules: order (what an order is), prices, hours, instants, daily (the
market), matching (when an order meets the price), intake (what is refused), book, portfolio, ledger
(what there is), requests, settlement, fills, advance (what happens), hands (the trader), wire,
routes, trading, holdings, data, desk, server (HTTP), faults (what goes wrong, by script).
"""

from stopward.local.simulator.desk import RateLimit
from stopward.local.simulator.faults import Fault, FaultKind, Handled, Request
from stopward.local.simulator.hands import Opened
from stopward.local.simulator.ledger import Event, Execution, Ledger, Span
from stopward.local.simulator.order import SimulatedOrder, Ticket
from stopward.local.simulator.refusal import Refused
from stopward.local.simulator.requests import Change
from stopward.local.simulator.settlement import Settling
from stopward.local.simulator.simulator import KEY, SECRET, Simulator
from stopward.local.simulator.state import Options

__all__ = [
    "Simulator", "Options", "Settling", "RateLimit", "KEY", "SECRET", "Opened", "Ticket", "Change",
    "SimulatedOrder", "Refused", "Ledger", "Event", "Execution", "Span", "Fault", "FaultKind",
    "Request", "Handled",
]  # fmt: skip
