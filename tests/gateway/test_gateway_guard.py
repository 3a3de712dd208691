"""The whole guard over supabase-py, the gateway and Postgres: it does what it does over memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stopward.adapters.administration import Administration
from stopward.adapters.supabase import SupabaseDatabase, SupabaseStore
from stopward.bootstrap import functions, settings_of
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.gateway import ServedGateway, a_gateway, url_of_login
from tests.builders.guard import ACCOUNT, ADOPT_ALL, World, a_world
from tests.builders.simulator import AAPL, Prices, flat

RULES = (
    ADOPT_ALL
    + '[rules.breakeven]\narm = "1 r"\n'
    + '[rules.partial]\nat_1 = "2 r"\nfraction_1 = 0.5\nat_2 = "3 r"\nfraction_2 = 0.25\n'
)
CLOSES = (100.5, 101, 102.5, 103, 104.5, 104, 103, 101, 99, 99, 99, 99)


def climb() -> list[Prices]:
    opens = (100.0, *CLOSES[:-1])
    return [(o, max(o, c), min(o, c), c) for o, c in zip(opens, CLOSES, strict=True)]


@contextmanager
def stored(gateway: ServedGateway) -> Iterator[tuple[SupabaseStore, Administration]]:
    database = SupabaseDatabase(gateway.url, key=gateway.keys.secret)
    store = SupabaseStore(gateway.url, key=gateway.keys.secret)
    try:
        yield store, Administration(database)
    finally:
        store.close()
        database.close()


@pytest.fixture
def served(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[ServedGateway]:
    with (
        copy_of(postgres_server, template_database, "guard") as url,
        a_gateway(url_of_login(postgres_server, url)) as gateway,
    ):
        yield gateway


def story(world: World) -> tuple[object, ...]:
    """Guard a long position to its end and return everything that was decided, sent and kept."""
    world.open(stop="98")
    counts, stops = [], []
    for minute in range(1, 12):
        summary = world.tick(minute)
        counts.append(summary.counts())
        stops.append(world.stop_prices())
    assert world.failures == []
    decisions = [(row.tick_at, row.decision, row.price) for row in world.decisions()]
    trades = [(trade.cause, trade.result, trade.exit_price) for trade in world.trades()]
    return counts, stops, decisions, trades, world.alarms(), world.sent()


def test_the_guard_does_the_same_over_supabase_as_over_memory(served: ServedGateway) -> None:
    with a_world(*climb(), rules=RULES) as world:
        expected = story(world)
    with stored(served) as database, a_world(*climb(), rules=RULES, database=database) as world:
        found = story(world)
    assert found == expected
    _, stops, decisions, trades, _, _ = found
    assert isinstance(stops, list)
    assert ["100@98"] in stops
    assert len({str(each) for each in stops}) >= 4  # armed, at breakeven, halved, gone
    assert isinstance(decisions, list)
    assert len(decisions) >= 8
    assert isinstance(trades, list)
    assert len(trades) == 1


def test_a_function_that_is_told_a_project_speaks_to_it(served: ServedGateway) -> None:
    settings = settings_of(
        {
            "STOPWARD_ACCOUNT_ID": "test",
            "STOPWARD_SUPABASE_URL": served.url,
            "STOPWARD_SUPABASE_SECRET_KEY": served.keys.secret,
        }
    )
    database = functions(settings)
    assert isinstance(database, SupabaseDatabase)
    assert database.call("open_account", "request", {"account_id": "test", "name": "t"})
    database.close()


def test_what_the_guard_wrote_can_be_asked_of_the_views(served: ServedGateway) -> None:
    with stored(served) as database, a_world(*climb(), rules=RULES, database=database) as world:
        story(world)
        (trade,) = world.trades()
    views = SupabaseDatabase(served.url, key=served.keys.secret)
    (row,) = views.select("trade_journal", account_id=ACCOUNT)
    assert (row["cause"], row["result"]) == (trade.cause, trade.result)
    assert row["exit_price"] == trade.exit_price
    assert views.count("decision_log", account_id=ACCOUNT) >= 5
    assert views.select("open_positions", account_id=ACCOUNT) == []
    (health,) = views.select("guard_health", account_id=ACCOUNT)
    assert (health["open_positions"], health["unsettled_orders"]) == (0, 0)
    views.close()


def test_what_was_split_and_sold_between_two_ticks_is_in_the_journal(served: ServedGateway) -> None:
    with stored(served) as database, a_world(*flat(100, 5), database=database) as world:
        world.open(stop="98")
        world.tick(1)
        world.simulator.hand_split(AAPL)
        world.simulator.hand_close(AAPL)
        world.run(2, 3)
        assert world.failures == []
    views = SupabaseDatabase(served.url, key=served.keys.secret)
    (row,) = views.select("trade_journal", account_id=ACCOUNT)
    assert (row["quantity"], row["exit_price"], row["result"]) == (200, 50, 0)
    views.close()
