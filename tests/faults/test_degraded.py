"""Each mode in which something lasting is wrong: what is done meanwhile, and afterwards.

docs/runbook.md has a sentence for each; tests/docs/test_runbook_doc.py holds its table to these.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import pytest

from stopward.adapters.memory_rows import AlarmRow
from stopward.local.simulator import Fault
from tests.builders.faults import Disturbance, Schedule
from tests.builders.guard import AAPL, ACCOUNT, ADOPT_ALL, a_world
from tests.builders.simulator import a_simulator, at, bars_of, flat
from tests.faults.stories import BREAKEVEN, STORIES, by_hand, fault
from tests.faults.world import World

OUTAGE = range(3, 8)
"""Wakes of a story's ten in which something is down: nearly a minute."""
BREAKEVEN_STOP = Decimal("100.02")
"""Entry and fees."""


def a_story(name: str, *disturbances: Disturbance) -> World:
    """Run an everyday story with these disturbances; no invariant may break."""
    story = STORIES[name]()
    world = World(
        Schedule(
            prices=story.prices,
            rules=story.rules,
            openings=story.openings,
            wakes=story.wakes,
            start_minute=story.start_minute,
            disturbances=disturbances,
        )
    )
    result = world.run()
    assert result.broken is None
    assert result.applied.get("no_answer", 0) >= len(OUTAGE)
    return world


def alarms(world: World) -> Mapping[str, AlarmRow]:
    return {row.alarm.kind: row for row in world.memory.book(ACCOUNT).alarms}


def sent_during_the_outage(world: World) -> list[str]:
    wakes = {wake.number: wake.seconds for wake in world.schedule.wakes}
    start = at(world.schedule.start_minute)
    first, last = (start + timedelta(seconds=wakes[number]) for number in (OUTAGE[0], OUTAGE[-1]))
    events = world.simulator.ledger.events
    return [
        event.client_order_id
        for event in events
        if first <= event.at <= last and event.client_order_id.startswith("sw-")
    ]


@pytest.mark.parametrize("call", ["open_orders", "positions"])
def test_broker_down(call: str) -> None:
    down = [fault(wake, 1, "no_answer", at=call) for wake in OUTAGE]
    world = a_story("a stop moves to breakeven", *down)
    raised = alarms(world)["broker_unavailable"]
    assert (raised.alarm.severity, raised.count) == ("critical", len(OUTAGE))
    assert raised.cleared_at is not None
    assert sent_during_the_outage(world) == []
    # The stop rested all the time; what the outage kept from happening happened after it.
    assert world.simulator.unprotected_seconds(AAPL) == 0
    (stop,) = world.simulator.open_orders(AAPL)
    assert stop.stop_price == BREAKEVEN_STOP


def test_database_down() -> None:
    down = [fault(wake, 1, "no_answer", at="begin_tick") for wake in OUTAGE]
    world = a_story("a stop moves to breakeven", by_hand(5, "close"), *down)
    assert sent_during_the_outage(world) == []
    assert world.simulator.unprotected_seconds(AAPL) == 0
    # The next tick that finds the database reads what the trader did meanwhile.
    book = world.memory.book(ACCOUNT)
    assert book.open_positions() == ()
    assert [trade.cause for trade in book.trades.values()] == ["by_hand"]
    assert world.simulator.open_orders(AAPL) == []


def test_database_down_after_the_record() -> None:
    # What was recorded is sent; what came of it is read from the broker once the database is back.
    down = [fault(wake, 1, "no_answer", at="begin_tick") for wake in OUTAGE]
    unheard = fault(0, 1, "no_answer", at="acknowledge")
    world = a_story("a naked long is armed", unheard, *down)
    (order,) = [each for each in world.memory.book(ACCOUNT).orders.values() if each.step == "arm"]
    assert order.status == "working"


@pytest.mark.parametrize("kind", ["stale_quote", "crossed_quote"])
def test_quotes_stale_or_crossed(kind: str) -> None:
    rules = BREAKEVEN + "[rules.session_flat]\nminutes = 5\n"
    simulator = a_simulator(bars=bars_of(*flat(100, 3), *flat(104, 20), start=369), start=at(370))
    with a_world(rules=rules, simulator=simulator) as world:
        world.open(stop="98")
        world.tick(371)
        world.simulator.fault(
            Fault(
                kind=kind,  # type: ignore[arg-type]
                path="/v2/stocks/quotes/latest",
                times=None,
                seconds=120,
            )
        )
        # No bar has closed since: of the price nothing is known, and no rule that needs it acts.
        world.tick(372.4)
        assert world.stop_prices() == ["100@98"]
        view = world.store.records[-1].views[0]
        assert view.fault == kind.removesuffix("_quote")
        assert world.tick(385.4).exits == 1  # The session flat needs no price.
        assert world.shares() == 0


@pytest.mark.parametrize("ahead", [-120.0, -14.0, 14.0, 120.0])
def test_clock_skew(ahead: float) -> None:
    # Of the second function alone: the first one's clock is right.
    story = STORIES["a stop moves to breakeven"]()
    world = World(
        Schedule(
            prices=story.prices,
            rules=story.rules,
            openings=story.openings,
            wakes=story.wakes,
            start_minute=story.start_minute,
            skew_seconds=ahead,
        )
    )
    assert world.run().broken is None
    assert world.simulator.unprotected_seconds(AAPL) == 0
    (stop,) = world.simulator.open_orders(AAPL)
    assert stop.stop_price == BREAKEVEN_STOP


def test_session_rows_missing() -> None:
    rules = ADOPT_ALL + "[rules.time_stop]\nminutes = 1\n"
    with a_world(*flat(100, 6), rules=rules, sessions=False) as world:
        world.open()
        summary = world.run(1, 3)
        assert (summary.decisions, summary.exits) == (0, 0)
        assert world.shares() == 100
        assert world.stop_prices() == ["100@98"]
        assert "session_missing" in world.alarms()
