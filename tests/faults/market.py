"""The market of a schedule, and what the trader holds when it begins."""

from decimal import Decimal

from stopward.domain.money import round_stop
from stopward.errors import InvalidInput
from stopward.local.simulator import Options, Simulator
from tests.builders.faults import Opening, Schedule
from tests.builders.simulator import SESSIONS, at, bars_of
from tests.faults.hands import TICK


def a_market(schedule: Schedule) -> Simulator:
    """Return the simulated broker at the schedule's start."""
    return Simulator(
        bars={
            symbol: bars_of(*rows, symbol=symbol, start=schedule.start_minute - 1)
            for symbol, rows in schedule.prices.items()
        },
        sessions=SESSIONS,
        start=at(schedule.start_minute),
        cash=Decimal(10_000_000),
        spread_ticks=schedule.spread_ticks,
        options=Options(settling=schedule.settling, volume_share=schedule.volume_share),
    )


def open_at_the_start(simulator: Simulator, schedule: Schedule) -> None:
    """Open what is held at the start, with its stops and targets."""
    for opening in schedule.openings:
        _open(simulator, opening)


def _open(simulator: Simulator, opening: Opening) -> None:
    symbol = opening.symbol
    price = simulator.price(symbol)
    if price is None:
        raise InvalidInput(f"{symbol} has no price")
    up = 1 if opening.side == "long" else -1
    stop = target = None
    if opening.stop is not None:
        stop = round_stop(price * (1 - up * opening.stop), TICK, opening.side)
    if opening.target is not None:
        target = (price * (1 + up * opening.target)).quantize(TICK)
    partly = stop is not None and opening.covered < 1
    simulator.open_position(
        symbol,
        opening.side,
        opening.quantity,
        price,
        stop=None if partly else stop,
        target=None if partly else target,
    )
    if partly and stop is not None:
        part = (opening.quantity * opening.covered).quantize(Decimal(1))
        if part > 0:
            simulator.hand_stop(symbol, stop, quantity=part)
