"""`stopward broker verify`: on the simulator of this machine, or on a person's paper account."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from stopward.adapters.alpaca import Keys
from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from stopward.local.data.calendar import sessions_between
from stopward.local.data.demo import DAY, demo_session
from stopward.local.simulator import KEY, SECRET, RateLimit, Simulator
from stopward.local.verify import Report, keys_from, verify
from stopward.ports import Clock

SYMBOL, OTHER_SYMBOL = Symbol("AAPL"), Symbol("MSFT")
MINUTES = 390
CALLS_A_MINUTE = 100_000
"""The checks count facts, not patience: the simulated broker's rate limit is out of their way."""


class SimulatorClock:
    """A simulator's time as a clock: whoever sleeps moves it."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def now(self) -> datetime:
        """Return the simulated present."""
        return self._simulator.now

    def sleep_until(self, moment: datetime) -> None:
        """Move simulated time to `moment`, unless it has passed."""
        if moment > self._simulator.now:
            self._simulator.advance_to(moment)


def verify_simulator() -> Report:
    """Check the facts on a simulator of a quiet session, built for it."""
    session = demo_session()
    simulator = Simulator(
        bars={
            symbol: tuple(_flat_bar(symbol, session.opens_at, minute) for minute in range(MINUTES))
            for symbol in (SYMBOL, OTHER_SYMBOL)
        },
        sessions=sessions_between(DAY - timedelta(days=30), DAY + timedelta(days=30)),
        start=session.opens_at + timedelta(minutes=30),
        cash=Decimal(100_000),
        rate_limit=RateLimit(per_minute=CALLS_A_MINUTE),
    )
    with simulator.serve() as url:
        return verify(
            keys=Keys(key_id=KEY, secret=SECRET),
            clock=SimulatorClock(simulator),
            run_id="local",
            url=url,
            data_url=url,
            symbol=SYMBOL,
            other_symbol=OTHER_SYMBOL,
        )


def verify_paper(*, symbol: str, environment: Mapping[str, str], clock: Clock) -> Report:
    """Check the facts on a paper account, keys from the environment; tiny quantities, cleaned up.

    Raises InvalidInput without keys, BrokerUnavailable or BrokerRejected when it cannot start.
    """
    run_id = clock.now().strftime("%y%m%d%H%M%S")
    return verify(keys=keys_from(environment), clock=clock, run_id=run_id, symbol=symbol)


def _flat_bar(symbol: Symbol, opens_at: datetime, minute: int) -> ClosedBar:
    return ClosedBar(
        symbol=symbol,
        at=opens_at + timedelta(minutes=minute),
        open=100.0,
        high=100.0,
        low=100.0,
        close=100.0,
        volume=1000.0,
    )
