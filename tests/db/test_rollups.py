"""Sums that triggers keep equal what the base tables add up to, in whatever order it happened."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from itertools import count
from math import isclose
from statistics import fmean
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.identity import BrokerOrderId
from tests.builders.kept_connections import DATABASES
from tests.builders.store import A_SESSION, D, a_position, a_trade, an_order, pulse
from tests.builders.store_world import PostgresWorld, begin
from tests.builders.trades import Event, play, write

NUMBERS = count(1)
DAY = 24 * 360
"""Pulses of ten seconds in a day."""
Row = dict[str, Any]


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


@pytest.fixture
def database(database_url: str) -> Iterator[PostgresDatabase]:
    found = DATABASES.take(database_url)
    yield found
    DATABASES.give_back(found, database_url)


def all_of(world: PostgresWorld, table: str) -> list[Row]:
    statement = f"select * from stopward.{table} where account_id = %s"  # noqa: S608
    with world._eyes.cursor(row_factory=dict_row) as eyes:
        return eyes.execute(statement.encode(), (world.account_id,)).fetchall()


def summed_rules(world: PostgresWorld) -> dict[tuple[str, str], Row]:
    """Add up the exits and moves of an account, one by one."""
    found: dict[tuple[str, str], Row] = defaultdict(lambda: defaultdict(Decimal))
    for row in all_of(world, "position_exits"):
        day = found[str(row["session_day"]), row["rule"]]
        r, saved = row["r"], row["saved_r"]
        day["fired"] += 1
        day["fills"] += row["fills"]
        day["quantity"] += row["quantity"]
        day["result"] += row["result"] or 0
        day["r_known"] += r is not None
        day["r_sum"] += r or 0
        day["r_squares"] += (r or 0) ** 2
        day["wins"] += (r or 0) > 0
        day["losses"] += (r or 0) < 0
        day["doubtful"] += row["doubt"] is not None
        day["saved_known"] += saved is not None
        day["saved_r_sum"] += saved or 0
        day["saved_r_gains"] += max(saved or 0, 0)
        day["saved_r_costs"] += max(-(saved or 0), 0)
    for row in all_of(world, "orders"):
        if row["step"] == "move":
            found[row["tick_at"].date().isoformat(), row["rule"]]["stops_moved"] += 1
    return found


def summed_days(world: PostgresWorld) -> dict[str, Row]:
    found: dict[str, Row] = defaultdict(lambda: defaultdict(Decimal))
    for row in all_of(world, "trades"):
        day = found[str(row["session_day"])]
        r = round(Decimal(repr(row["result_r"])), 9)
        day["trades"] += 1
        day["wins"] += row["result"] > 0
        day["losses"] += row["result"] < 0
        day["result"] += row["result"]
        day["won"] += max(row["result"], D("0"))
        day["lost"] += min(row["result"], D("0"))
        day["r_known"] += 1
        day["r_sum"] += r
        day["r_squares"] += r**2
    return found


def check_sums(world: PostgresWorld) -> None:
    """Insist that every sum is what its base table adds up to."""
    kept = {(str(row["session_day"]), row["rule"]): row for row in all_of(world, "rule_days")}
    expected = summed_rules(world)
    assert set(kept) == set(expected)
    for key, sums in expected.items():
        columns = set(kept[key]) - {"account_id", "session_day", "rule"}
        assert {c: kept[key][c] for c in columns} == {c: sums[c] for c in columns}, key
    days = {str(row["session_day"]): row for row in all_of(world, "equity_days")}
    for day, sums in summed_days(world).items():
        kept_day = days.pop(day)
        for column, value in sums.items():
            # A double has seventeen digits, and becomes a numeric of fifteen.
            assert abs(kept_day[column] - value) < D("1e-6"), (day, column)
    assert days == {}
    check_moments(world)


def check_moments(world: PostgresWorld) -> None:
    values: dict[tuple[Any, ...], list[float | None]] = defaultdict(list)
    for row in all_of(world, "trade_features"):
        outcomes = ["all"]
        if row["outcome_won"] is not None:
            outcomes.append("won" if row["outcome_won"] else "lost")
        for outcome in outcomes:
            for place, value in enumerate(row["vector"], start=1):
                values[row["schema_hash"], row["kind"], outcome, place].append(value)
    kept = {
        (row["schema_hash"], row["kind"], row["outcome"], row["place"]): row
        for row in all_of(world, "feature_rollups")
    }
    assert set(kept) == set(values)
    for key, given_values in values.items():
        row = kept[key]
        known = [value for value in given_values if value is not None]
        assert (row["known"], row["missing"]) == (len(known), len(given_values) - len(known))
        if not known:
            assert [row[c] for c in ("mean", "m2", "lowest", "highest")] == [None] * 4
            continue
        mean = fmean(known)
        assert isclose(row["mean"], mean, rel_tol=1e-9, abs_tol=1e-9)
        m2 = sum((value - mean) ** 2 for value in known)
        assert isclose(row["m2"], m2, rel_tol=1e-7, abs_tol=1e-7)
        assert (row["lowest"], row["highest"]) == (min(known), max(known))


rules = st.sampled_from(["give_back", "partial", "time_stop", "breakeven"])
small = st.decimals(min_value=-9, max_value=9, places=4)


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """What happens to an account, in any order: trades, moves, features, attributions."""
    acts = st.one_of(
        st.tuples(st.just("trade"), st.tuples(rules, rules, st.integers(90, 110), st.booleans())),
        st.tuples(st.just("move"), rules),
        st.tuples(
            st.just("features"), st.lists(st.none() | st.integers(-99, 99), min_size=2, max_size=2)
        ),
        st.tuples(st.just("complete"), st.none()),
        st.tuples(st.just("close"), st.sampled_from(["2", "0", "-2.5"])),
        st.tuples(st.just("attribute"), st.lists(st.none() | small, min_size=1, max_size=6)),
    )
    return draw(st.lists(acts, min_size=4, max_size=14))


class Teller:
    """Lets a story happen."""

    def __init__(self, world: PostgresWorld, database: PostgresDatabase) -> None:
        self.world, self.database = world, database
        self.step = 0
        self.open: list[Any] = []
        self.schema = f"rollup-{next(NUMBERS)}"
        request: Any = {"schema_hash": self.schema, "names": ["one", "two"]}
        database.call("put_feature_schema", "request", request)

    def call(self, function: str, **given_values: Any) -> None:
        request = {"account_id": self.world.account_id, **given_values}
        self.database.call(function, "request", request)

    def later(self) -> int:
        """Return a pulse a quarter of an hour on, twelve a session."""
        self.step += 1
        return self.step // 12 * DAY + self.step % 12 * 90

    def trade(self, how: Any) -> None:
        first, second, price, is_short = how
        changes: Row = {"side": "short", "initial_stop": D("102"), "stop": D("102")}
        position = a_position(f"T{next(NUMBERS)}", **(changes if is_short else {}))
        half = D("50")
        events = [
            Event(kind="sell", quantity=half, price=D(price), rule=first),
            Event(kind="sell", quantity=half, price=D(price) + 1, rule=second),
        ]
        play(self.world, position, events, tick=self.later())

    def move(self, rule: str) -> None:
        position = self._hold()
        tick = self.later()
        order = an_order(position, step="move", tick=tick, rule=rule, on=BrokerOrderId("b"))
        fence = begin(self.world, tick=pulse(tick)).fence
        write(self.world, fence, tick, orders=(order,))
        write(self.world, fence, tick, orders=(order,))

    def features(self, values: Any, kind: str = "open") -> None:
        position = self._hold()
        vector = {"schema_hash": self.schema, "kind": kind, "values": values}
        row = {"position_id": position.id, "at": pulse(self.later()).isoformat(), **vector}
        self.call("put_features", features=[row])
        self.call("put_features", features=[row])

    def close(self, result: str) -> None:
        if not self.open:
            return
        position = self.open.pop(0)
        tick = self.later()
        trade = a_trade(position, result=D(result), result_r=float(result), closed_at=pulse(tick))
        write(self.world, begin(self.world, tick=pulse(tick)).fence, tick, trades=(trade,))

    def complete(self, _: None) -> None:
        self.call("complete_minutes", limit=2)

    def attribute(self, values: list[Decimal | None]) -> None:
        rows = sorted(
            all_of(self.world, "position_exits"), key=lambda r: (r["position_id"], r["rule"])
        )
        told = [
            {
                "position_id": row["position_id"],
                "rule": row["rule"],
                "without_r": None if value is None else str(value),
                "version": "1",
            }
            for row, value in zip(rows, values, strict=False)
        ]
        self.call("put_attribution", attributions=told)

    def _hold(self) -> Any:
        if not self.open:
            position = a_position(f"H{next(NUMBERS)}", account_id=self.world.account_id)
            write(self.world, begin(self.world).fence, 0, positions=(position,))
            self.open.append(position)
        return self.open[0]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(story=stories())
def test_sums_equal_the_rows_they_are_of(
    database_url: str, database: PostgresDatabase, story: list[tuple[str, Any]]
) -> None:
    world = PostgresWorld(database_url)
    try:
        teller = Teller(world, database)
        for act, given_values in story:
            getattr(teller, act)(given_values)
        check_sums(world)
        world._eyes.execute("select stopward.rebuild_rollups(%s)", (world.account_id,))
        check_sums(world)
    finally:
        world.close()


def test_rebuilding_mends_sums_that_are_off(
    world: PostgresWorld, database: PostgresDatabase
) -> None:
    teller = Teller(world, database)
    teller.trade(("give_back", "partial", 101, False))
    teller.features([1, None], kind="entry")
    for table in ("rule_days", "equity_days", "feature_rollups"):
        statement = f"delete from stopward.{table} where account_id = %s"  # noqa: S608
        world._eyes.execute(statement.encode(), (world.account_id,))
    with pytest.raises(AssertionError):
        check_sums(world)
    world._eyes.execute("select stopward.rebuild_rollups(%s)", (world.account_id,))
    check_sums(world)


def test_a_trade_belongs_to_the_session_in_which_it_closed(
    world: PostgresWorld, database: PostgresDatabase
) -> None:
    """After hours are of their day still; a night and a weekend are of the session before."""
    position = [a_position(f"S{n}", account_id=world.account_id) for n in range(4)]
    fence = begin(world).fence
    write(world, fence, 0, positions=tuple(position))
    closes = A_SESSION.closes_at
    moments = [
        (closes + timedelta(hours=3), "2026-11-23"),
        (closes + timedelta(hours=8), "2026-11-23"),
        (closes + timedelta(hours=15), "2026-11-24"),
        (closes + timedelta(days=5), "2026-11-27"),
    ]
    trades = tuple(
        a_trade(each, closed_at=moment) for each, (moment, _) in zip(position, moments, strict=True)
    )
    write(world, fence, 1, positions=tuple(position), trades=trades)
    found = {row["position_id"]: str(row["session_day"]) for row in all_of(world, "trades")}
    assert [found[each.id] for each in position] == [day for _, day in moments]
    check_sums(world)


def test_writers_at_the_same_time_lose_nothing(
    world: PostgresWorld, database: PostgresDatabase, database_url: str
) -> None:
    """Two attribute and put features over and over while the tick closes positions."""
    teller = Teller(world, database)
    for _ in range(4):
        teller.trade(("give_back", "breakeven", 101, False))
    keys = [(row["position_id"], row["rule"]) for row in all_of(world, "position_exits")]
    rounds = 25

    def attribute(offset: int) -> None:
        mine = PostgresDatabase(database_url)
        for number in range(rounds):
            told: Any = [
                {"position_id": p, "rule": r, "without_r": str(number + offset), "version": "1"}
                for p, r in (keys if offset else reversed(keys))
            ]
            request: Any = {"account_id": world.account_id, "attributions": told}
            mine.call("put_attribution", "request", request)
            row = {
                "position_id": keys[0][0],
                "kind": "open",
                "schema_hash": teller.schema,
                "at": pulse(100 * offset + number).isoformat(),
                "values": [number, offset],
            }
            request = {"account_id": world.account_id, "features": [row]}
            mine.call("put_features", "request", request)
        mine.close()

    def tick() -> None:
        for _ in range(rounds):
            teller.trade(("breakeven", "give_back", 99, True))

    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(attribute, 0), pool.submit(attribute, 7), pool.submit(tick)]
        for job in jobs:
            job.result()
    assert len(all_of(world, "trade_features")) == 2 * rounds
    check_sums(world)
