"""The two guards: a minute in session, a position with stop and profit, one without a stop."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from decimal import Decimal

from stopward.adapters.administration import Administration
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.market import ClosedBar
from stopward.domain.rulebook import parse
from stopward.local.simulator import Simulator
from tests.builders.lived import Prices, bars_from
from tests.builders.store import A_SESSION, NOON
from tests.deploy.trials.trial import Counts, Error, Trial, differences
from tests.deploy.world import World, a_broker

RULES = """
[account]
adopt = "all"
[rules.breakeven]
arm = "1 r"
"""
WITH_PROFIT, WITHOUT_STOP = Symbol("AAPL"), Symbol("MSFT")
ENTRY = Decimal(100)
INSIDE = NOON + timedelta(seconds=50)
"""All pulses of the minute are due: they run one after the other, and nothing sleeps."""
PULSES = 3
FLAT: Prices = (100.0, 100.2, 99.8, 100.0)
UP: Prices = (102.5, 102.6, 102.4, 102.5)


def broker() -> Simulator:
    """Return a broker with both positions, 100 shares from 100.00; the first has its stop at 98."""
    minutes = 11
    bars: dict[Symbol, tuple[ClosedBar, ...]] = {
        symbol: bars_from(
            FLAT, *[then] * minutes, start=NOON - timedelta(minutes=10), symbol=symbol
        )
        for symbol, then in ((WITH_PROFIT, UP), (WITHOUT_STOP, FLAT))
    }
    found = a_broker(bars=bars, sessions=[A_SESSION], start=NOON - timedelta(minutes=9, seconds=30))
    for symbol, stop in ((WITH_PROFIT, Decimal(98)), (WITHOUT_STOP, None)):
        found.open_position(symbol, "long", Decimal(100), ENTRY, stop=stop)
    found.advance_to(INSIDE)
    return found


def open_account(world: World) -> None:
    """Open the account in mode guard, with its rules and the session."""
    database = PostgresDatabase(world.owner_url)
    try:
        people = Administration(database)
        account = AccountId(world.account_id)
        people.open_account(
            account, name="Check", mode="guard", equity_prior_close=Decimal(100_000)
        )
        people.put_rules(account, RULES, rules_hash=parse(RULES, source="check").hash)
        people.put_sessions([A_SESSION])
        people.keep_partitions(first_day=A_SESSION.day, months=2)
    finally:
        database.close()


def protected(world: World) -> list[str]:
    """Return what is wrong when both positions were to have the stop that they need."""
    simulator, found = world.broker.simulator, []
    moved, armed = (
        [order.stop_price for order in simulator.open_orders(symbol) if order.kind == "stop"]
        for symbol in (WITH_PROFIT, WITHOUT_STOP)
    )
    if len(moved) != 1 or moved[0] is None or moved[0] < ENTRY:
        found.append(f"{WITH_PROFIT} is at +1.25R and its stops are at {moved}, not at {ENTRY}")
    if len(armed) != 1:
        found.append(f"{WITHOUT_STOP} had no stop and has the stops {armed}, not one")
    return found


def _came(world: World, counts: Counts, *, source: str) -> list[str]:
    # One pulse finds the position without a stop, and arms it.
    found = differences(counts, ticks=PULSES, failures=0, unprotected=1, moves=1, arms=1)
    found += protected(world)
    sources = world.rows("select distinct source from stopward.decisions")
    if sources != [(source,)]:
        found.append(f"decisions are of {sources}, not of {source}")
    return found


def _trial(folder: str) -> Trial:
    return Trial(
        folder=folder,
        simulator=broker,
        prepare=open_account,
        event=lambda _: {"time": NOON.isoformat().replace("+00:00", "Z")},
        came=lambda world, counts: _came(world, counts, source=folder),
        line="tick_finished",
        metric="Ticks",
        hangs=broker_hangs,
        stands_at=INSIDE,
        error=Error(
            event={"time": "noon"},
            kind="InvalidInput",
            says='event time was "noon"; an ISO 8601 instant is needed',
            around=lambda _: nullcontext(),
        ),
    )


@contextmanager
def broker_hangs(world: World) -> Iterator[None]:
    """Let the broker keep its answer while the block runs."""
    # By the machine's clock, for whoever waits for an answer sleeps; and with a margin under which
    # a pulse is begun in so short a time at all.
    usual = dict(world.given)
    del world.given["STOPWARD_CLOCK_URL"]
    world.given["STOPWARD_TICK_MARGIN_SECONDS"] = "2"
    try:
        with world.broker.hanging("/v2/positions"):
            yield
    finally:
        world.given |= usual
        del world.given["STOPWARD_TICK_MARGIN_SECONDS"]
        world.let_leases_end()


GUARDS = (_trial("monitor_positions"), _trial("check_breakeven"))
