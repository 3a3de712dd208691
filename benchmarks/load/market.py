"""What a thousand traders hold: ten positions each, at a broker of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from stopward.domain.identity import AccountId, Symbol
from stopward.domain.market import ClosedBar
from stopward.local.simulator import Simulator
from tests.builders.simulator import SESSIONS, at

FIRST: Final = 15
"""Minute of the session at which the run starts; the positions were opened before."""
QUANTITY: Final = Decimal(10)
ENTRY: Final = Decimal(100)
STOP: Final = Decimal(98)
RULES: Final = (
    '[account]\nadopt = "all"\nmax_quote_age_seconds = 300\n[rules]\npreset = "standard"\n'
)
CHANGES: Final = {
    "UPA": (102.3, 1), "UPB": (102.4, 2), "UPC": (104.6, 3), "LATE": (99.8, 0), "DOWN": (97.5, 2),
}  # fmt: skip
"""By symbol the price that it has from that minute of the run on; the others stay at 100.2."""
SYMBOLS: Final = tuple(
    map(Symbol, ("UPA", "UPB", "UPC", "LATE", "DOWN", "BARE", "FLA", "FLB", "FLC", "FLD"))
)
BARE: Final = Symbol("BARE")
"""Held without a stop: the guard has to arm it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a run is. positions: of each account; minutes: of the session."""

    accounts: int
    positions: int
    minutes: int

    def names(self) -> tuple[AccountId, ...]:
        """Return the ids of the accounts."""
        return tuple(AccountId(f"load-{number:05d}") for number in range(self.accounts))


def bars_of(symbol: Symbol, minutes: int) -> list[ClosedBar]:
    """Return a symbol's bars from the open to some minutes beyond the run."""
    changed, since = CHANGES.get(symbol, (100.2, 0))
    bars, before = [], 100.0
    for minute in range(FIRST + minutes + 3):
        close = changed if minute >= FIRST + since else 100.2
        bars.append(
            ClosedBar(
                symbol=symbol,
                at=at(minute),
                open=before,
                high=max(before, close),
                low=min(before, close),
                close=close,
                volume=6000,
            )
        )
        before = close
    return bars


def brokers(size: Size) -> list[Simulator]:
    """Return a broker for each account; all see the same market."""
    symbols = SYMBOLS[: size.positions]
    start = at(FIRST)
    bars = {symbol: bars_of(symbol, size.minutes) for symbol in symbols}
    found: list[Simulator] = []
    for number, name in enumerate(size.names()):
        simulator = Simulator(
            bars=bars if not found else {},
            sessions=SESSIONS,
            start=start,
            cash=Decimal(100_000),
            key=f"key-of-{name}",
            secret=f"secret-of-{name}",
        )
        if found:
            simulator.state.tape = found[0].state.tape
        for symbol in symbols:
            # Those that a time stop may sell reach their fifteen minutes in different pulses.
            age = 14 - number % 5 if symbol == "LATE" else 5
            simulator.open_position(
                symbol,
                "long",
                QUANTITY,
                ENTRY,
                at=at(FIRST - age),
                stop=None if symbol == BARE else STOP,
            )
        found.append(simulator)
    return found


def instants(minutes: int) -> Sequence[datetime]:
    """Return the minutes of a run."""
    return [at(FIRST + 1 + minute) for minute in range(minutes)]
