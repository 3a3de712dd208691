"""What a tick believes: what is of today, what rested, what has no entry to be guarded by."""

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from stopward.domain.adoption import ENTRY_UNKNOWN
from stopward.domain.orders import BrokerOrder, BrokerPosition
from stopward.domain.position import Position
from stopward.domain.rulebook import parse
from stopward.domain.rulebook.settings import AccountSettings
from stopward.domain.snapshot import AccountRow, DayRow, Snapshot
from stopward.local.simulator import Fault
from stopward.services.guard.believe import believe
from stopward.services.guard.bench import Bench
from stopward.services.guard.subject import Beliefs, Market, Picture
from tests.builders import positions as build
from tests.builders.guard import AAPL, ADOPT_ALL, World, a_world
from tests.builders.positions import NOW, OPEN, SESSION, a_broker_position, a_position, a_stop, d
from tests.builders.simulator import MSFT, a_simulator, bars_of, flat

SESSION_FLAT = ADOPT_ALL + "[rules.session_flat]\nminutes = 10\n"


def a_snapshot(*positions: Position, **changes: object) -> Snapshot:
    """Return what a tick reads of an account that adopts everything."""
    snapshot = Snapshot(
        fence=1,
        account=AccountRow(id=build.ACCOUNT, name="test", mode="guard"),
        session=SESSION,
        day=DayRow(session_day=SESSION.day),
        positions=positions,
    )
    return replace(snapshot, **changes)  # type: ignore[arg-type]


def believed(
    snapshot: Snapshot, *found: BrokerOrder, held: BrokerPosition | None = None
) -> Beliefs:
    picture = Picture(
        at=NOW,
        positions={AAPL: held or a_broker_position()},
        orders=(),
        found=found,
    )
    return believe(snapshot, picture, AccountSettings(adopt="all"), daily_atr=lambda _: {})


class TestOvernight:
    @pytest.mark.parametrize(
        ("before_the_open", "flat"),
        [
            (timedelta(minutes=-5), True),
            (timedelta(minutes=15), True),
            (timedelta(hours=5, minutes=30), True),
            (timedelta(hours=16), False),
        ],
    )
    def test_the_session_flat_closes_what_was_bought_today_before_the_open_too(
        self, before_the_open: timedelta, flat: bool
    ) -> None:
        bench = Bench(
            snapshot=a_snapshot(),
            book=parse(SESSION_FLAT, source="test"),
            market=Market(),
            session=SESSION,
            tick_at=NOW,
            now=NOW,
            mask="all",
            source="test",
        )
        rules = bench.rules_for(a_position(opened_at=OPEN - before_the_open))
        assert (rules.session_flat is not None) is flat


class TestRested:
    ORDER = build.an_order("arm", price=d("98.50"))

    def canceled(self, stop: str) -> BrokerOrder:
        return a_stop(100, stop, client_id=self.ORDER.id, status="canceled")

    def test_a_stop_that_ended_rested_where_the_broker_says(self) -> None:
        snapshot = a_snapshot(a_position(), orders=(self.ORDER,))
        after = believed(snapshot, self.canceled("98.40")).subjects[0].position
        assert (after.stop, after.tightest) == (d("98.40"), d("98.40"))

    def test_a_stop_of_before_a_split_is_no_stop_of_after_it(self) -> None:
        split = a_position(
            quantity=200,
            average_entry="50",
            risk="1",
            stop="49",
            tightest="49",
            flags=("split",),
        )
        snapshot = a_snapshot(split, orders=(self.ORDER,))
        held = a_broker_position(quantity=200, entry="50")
        after = believed(snapshot, self.canceled("98"), held=held).subjects[0].position
        assert (after.stop, after.tightest) == (49, 49)

    def test_nor_in_the_tick_that_sees_the_split(self) -> None:
        snapshot = a_snapshot(a_position(stop="90", tightest="90"), orders=(self.ORDER,))
        held = a_broker_position(quantity=200, entry="50")
        beliefs = believed(snapshot, self.canceled("49"), held=held)
        assert beliefs.splits == {AAPL: 2}
        assert beliefs.subjects[0].position.stop == 45
        beyond = believed(snapshot, self.canceled("98"), held=held)
        assert beyond.subjects[0].position.stop == 45


class TestExitBeforeASplit:
    def test_an_exit_that_was_not_sent_is_decided_anew_in_new_shares(self) -> None:
        """Half of the old shares are all of the new ones: all was sold instead of a half."""
        exit_order = build.an_exit(a_position(), 50)
        snapshot = a_snapshot(a_position(), orders=(exit_order,))
        held = a_broker_position(quantity=50, entry="200")
        beliefs = believed(snapshot, held=held)
        assert beliefs.splits == {AAPL: d("0.5")}
        assert beliefs.subjects[0].exit is None
        assert [(order.id, order.status) for order in beliefs.settled] == [(exit_order.id, "void")]

    def test_one_that_was_sent_is_left_to_the_broker(self) -> None:
        exit_order = build.an_exit(a_position(), 50, status="working")
        snapshot = a_snapshot(a_position(), orders=(exit_order,))
        sent = build.a_broker_order("market", 50, client_id=exit_order.id)
        held = a_broker_position(quantity=200, entry="50")
        (subject,) = believed(snapshot, sent, held=held).subjects
        assert (subject.exit and subject.exit.status, subject.exit_at_broker) == ("working", sent)


class TestEntryMissing:
    @pytest.mark.parametrize("entry", ["0", "-3"])
    def test_a_position_without_an_entry_is_told_and_not_adopted(self, entry: str) -> None:
        beliefs = believed(a_snapshot(), held=a_broker_position(entry=entry))
        assert beliefs.subjects == ()
        assert [(a.kind, a.key) for a in beliefs.alarms] == [
            ("entry_missing", "entry_missing:AAPL")
        ]
        assert f"an average entry of {entry}" in beliefs.alarms[0].message


def a_peak_day() -> AbstractContextManager[World]:
    """AAPL loses a dollar from the second minute on, MSFT wins one."""
    aapl = [*flat(100, 1), *flat(99, 8)]
    msft = [*flat(100, 1), *flat(102, 8)]
    bars = [*bars_of(*aapl, symbol=AAPL), *bars_of(*msft, symbol=MSFT)]
    return a_world(simulator=a_simulator(bars=bars))


class TestPeak:
    PEAK = 1.0 - 1.0 / 2.98

    def peaks(self, world: World) -> list[float]:
        return [record.day.peak_r for record in world.store.records if record.day is not None]

    def started(self, world: World) -> None:
        world.open()  # the guard arms a stop of its own
        world.open(stop="98", symbol=MSFT)
        world.run(1, 3)
        assert world.stop_prices() == ["100@97.02"]
        assert self.peaks(world)[-1] == pytest.approx(self.PEAK)

    def test_a_loser_set_aside_makes_no_peak(self) -> None:
        with a_peak_day() as world:
            self.started(world)
            world.memory.tag_symbol(world.guard.settings.account_id, AAPL, "hands-off")
            world.run(4, 6)
            assert self.peaks(world)[-1] == pytest.approx(self.PEAK)

    def test_nor_does_one_that_is_gone_while_its_stop_rests(self) -> None:
        with a_peak_day() as world:
            self.started(world)
            world.simulator.hand_close(AAPL, Decimal(100), orders="keep")
            world.tick(4)
            assert world.trades() == []
            world.run(5, 6)
            assert [trade.symbol for trade in world.trades()] == [AAPL]
            assert self.peaks(world)[-1] == pytest.approx(self.PEAK)


def test_a_position_without_fills_may_be_entered_again_on_the_same_day_at_the_same_price() -> None:
    """It had the id of the one that was closed: each record was refused, for all positions."""
    with a_world(*flat(100, 30)) as world:

        def open_without_fills(minutes: int) -> Position:
            path = "/v2/account/activities/FILL"
            world.open(stop="98")
            world.simulator.fault(Fault(kind="empty_list", method="GET", path=path))
            world.tick(minutes)
            return world.position()

        first = open_without_fills(1)
        world.simulator.hand_close(AAPL)
        world.run(2, 4)
        again = open_without_fills(5)
        assert ENTRY_UNKNOWN in first.flags
        assert ENTRY_UNKNOWN in again.flags
        assert first.id != again.id
        world.run(6, 7)
        assert (world.failures, world.stop_prices()) == ([], ["100@98"])


@pytest.mark.parametrize(("sold", "left"), [("50", 150), ("100", 100)])
def test_what_the_trader_sells_after_a_split_that_no_tick_saw_sells_no_more(
    sold: str, left: int
) -> None:
    """New shares taken for old ones explained nothing: the stop of before the split was passed.

    All was sold, as stopped out 25 R below the entry. Sold down to the number that was held before,
    the split was not even looked for.
    """
    with a_world(*flat(100, 30)) as world:
        world.open(stop="98")
        world.tick(1)
        world.simulator.hand_split(AAPL)
        world.simulator.hand_close(AAPL, d(sold))
        world.run(2, 4)
        assert (world.shares(), world.stop_prices()) == (left, [f"{left}@49"])
        assert (world.position().quantity, world.position().average_entry) == (left, 50)
        assert "quantity_unexplained" not in world.alarms()
