"""Taking on what the broker holds: the first stop, the frozen risk, the lasting id."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.adoption import (
    HALTED_TAG,
    adopt,
    entry_time,
    estimated_stop,
    has_entry,
    is_doubtful,
    refusal,
)
from stopward.domain.fills import LATE, fold_fills
from stopward.domain.holding import Holding
from stopward.domain.market import Instrument
from stopward.domain.money import Side, sign
from stopward.domain.orders import BrokerOrder, Fill, OrderSide
from stopward.domain.position import FRACTIONAL_LOT, Position
from stopward.domain.rulebook.settings import AccountSettings
from tests.builders.positions import (
    AAPL,
    ACCOUNT,
    NOW,
    a_bracket,
    a_broker_position,
    a_fill,
    a_stop,
    d,
    minute,
)

ALL = AccountSettings(adopt="all", fees_per_share=Decimal("0.01"))


def adopted(
    *orders: BrokerOrder,
    side: Side = "long",
    quantity: object = 100,
    entry: object = "100",
    price: object = "100",
    fills: tuple[Fill, ...] | None = None,
    atr: float | None = None,
    instrument: Instrument | None = None,
    now: object = NOW,
) -> Position:
    found = a_broker_position(side, quantity, entry=entry, price=price)  # type: ignore[arg-type]
    if fills is None:
        adding = "buy" if side == "long" else "sell"
        fills = (a_fill(found.quantity, side=adding, at=minute(3), fill_id="entry"),)  # type: ignore[arg-type]
    return adopt(
        found,
        Holding(symbol=AAPL, position=found, orders=orders),
        account_id=ACCOUNT,
        instrument=instrument or Instrument(symbol=AAPL),
        fills=fills,
        daily_atr=atr,
        settings=ALL,
        tags=("day",),
        now=now,  # type: ignore[arg-type]
    )


class TestStop:
    def test_the_resting_stop_is_the_initial_one_and_freezes_the_risk(self) -> None:
        position = adopted(a_stop(100, "97"))
        assert (position.initial_stop, position.stop, position.risk) == (97, 97, 3)
        assert position.tightest == 97
        assert position.flags == ()

    def test_a_held_leg_of_a_bracket_is_a_stop(self) -> None:
        assert adopted(*a_bracket(100, "97")).initial_stop == 97

    def test_without_a_stop_it_lies_daily_ranges_away(self) -> None:
        position = adopted(atr=4.0)
        assert position.initial_stop == 94
        assert set(position.flags) == {"naked_on_arrival", "risk_estimated"}

    def test_without_a_range_it_lies_two_percent_away(self) -> None:
        assert adopted().initial_stop == 98
        assert adopted(side="short").initial_stop == 102
        assert adopted(atr=float("nan")).initial_stop == 98
        assert adopted(atr=float("inf")).initial_stop == 98

    def test_it_lies_beyond_a_price_that_went_against_the_position(self) -> None:
        assert adopted(price="90").initial_stop == d("88.20")
        assert adopted(price="110").initial_stop == 98
        assert adopted(side="short", price="110").initial_stop == d("112.20")

    def test_a_missing_or_empty_price_is_the_entry(self) -> None:
        assert adopted(price=None).initial_stop == 98
        assert adopted(price="0").initial_stop == 98

    def test_a_stop_in_profit_rests_on_and_the_risk_is_estimated(self) -> None:
        position = adopted(a_stop(100, "103"), price="105")
        assert (position.stop, position.initial_stop, position.risk) == (103, 98, 2)
        assert position.flags == ("risk_estimated",)

    def test_part_of_a_stop_is_said(self) -> None:
        position = adopted(a_stop(40, "97"))
        assert position.flags == ("partly_covered_on_arrival",)
        assert position.stop == 97

    def test_of_two_stops_the_looser_makes_the_risk(self) -> None:
        assert adopted(a_stop(50, "97"), a_stop(50, "99")).risk == 3


@pytest.mark.parametrize(("entry", "known"), [("0", False), ("-1", False), ("0.0001", True)])
def test_a_position_without_an_entry_has_no_risk_to_guard_it_by(entry: str, known: bool) -> None:
    assert has_entry(a_broker_position(entry=entry)) is known


class TestIdentity:
    ENTRY = a_fill(100, "100", side="buy", at=minute(3))

    def test_two_ticks_adopt_the_same_position(self) -> None:
        first = adopted(fills=(self.ENTRY,))
        second = adopted(fills=(self.ENTRY,), now=NOW + timedelta(seconds=10))
        assert first.id == second.id
        assert first.opened_at == second.opened_at == minute(3)

    def test_so_they_do_when_no_fill_tells_the_entry(self) -> None:
        first = adopted(fills=())
        assert first.id == adopted(fills=(), now=NOW + timedelta(seconds=10)).id
        assert first.opened_at == NOW

    def test_a_re_entry_at_the_same_price_is_another_one_when_no_fill_tells_it(self) -> None:
        again = adopted(fills=(), now=NOW + LATE)
        assert again.id != adopted(fills=()).id

    def test_numbers_written_otherwise_are_the_same_position(self) -> None:
        first = adopted(entry="100", fills=())
        assert first.id == adopted(entry="100.000000", fills=()).id

    def test_another_entry_is_another_position(self) -> None:
        later = a_fill(100, "100", side="buy", at=minute(4))
        assert adopted(fills=(self.ENTRY,)).id != adopted(fills=(later,)).id

    def test_an_addition_between_two_ticks_does_not_change_it(self) -> None:
        more = a_fill(50, "101", side="buy", at=minute(9))
        bigger = adopted(quantity=150, fills=(self.ENTRY, more))
        assert bigger.id == adopted(fills=(self.ENTRY,)).id

    def test_fills_up_to_the_adoption_are_in_it(self) -> None:
        position = adopted(fills=(self.ENTRY,))
        assert fold_fills(position, [self.ENTRY]).position == position
        unknown = adopted(fills=())
        assert unknown.fills_at is None
        assert fold_fills(unknown, [self.ENTRY]).position.quantity == 100

    def test_a_fill_read_after_the_clock_is_in_it_and_counted_once(self) -> None:
        just_now = a_fill(100, side="buy", at=NOW + timedelta(seconds=1))
        position = adopted(fills=(just_now,))
        assert fold_fills(position, [just_now]).position == position

    def test_whole_shares_have_whole_lots(self) -> None:
        assert adopted().lot == 1
        assert adopted(quantity="10.5").lot == FRACTIONAL_LOT
        assert adopted().fees_per_share == d("0.01")
        assert adopted().tags == ("day",)


BUY, SELL = "buy", "sell"


@pytest.mark.parametrize(
    ("listed", "fills", "doubtful"),
    [
        (100, [], False),
        (100, [(BUY, 100)], False),
        (100, [(BUY, 60), (BUY, 40)], False),
        (100, [(BUY, 100), (SELL, 100), (BUY, 100)], False),
        (100, [(SELL, 50), (BUY, 50), (BUY, 100)], False),
        (100, [(SELL, 50), (BUY, 150)], False),
        (100, [(BUY, 100), (SELL, 100)], True),
        (100, [(BUY, 100), (SELL, 40)], True),
        (100, [(BUY, 60)], True),
        (100, [(BUY, 100), (BUY, 100)], True),
        (100, [(BUY, 100), (SELL, 100), (BUY, 50), (BUY, 100)], True),
    ],
    ids=[
        "no fill of late", "one purchase", "two purchases", "opened anew", "after a short",
        "through a short", "the sale of all is missing", "the sale of a part is missing",
        "more than was bought", "the last purchase is missing", "the last of a new one is missing",
    ],
)  # fmt: skip
def test_a_list_that_lags_behind_the_fills_is_doubted_for_a_minute(
    listed: int, fills: list[tuple[OrderSide, int]], doubtful: bool
) -> None:
    found = a_broker_position(quantity=listed)
    read = [
        a_fill(quantity, "100", side=side, at=NOW - timedelta(seconds=len(fills) - place))
        for place, (side, quantity) in enumerate(fills)
    ]
    assert is_doubtful(found, read, now=NOW) is doubtful
    assert not is_doubtful(found, read, now=NOW + timedelta(seconds=90))


class TestEntryTime:
    def test_fills_are_walked_back_to_where_the_position_left_zero(self) -> None:
        fills = (
            a_fill(10, side="buy", at=minute(1)),
            a_fill(10, at=minute(2)),
            a_fill(60, side="buy", at=minute(3)),
            a_fill(20, at=minute(4)),
            a_fill(60, side="buy", at=minute(5)),
        )
        assert entry_time(a_broker_position(), fills) == minute(3)

    def test_fills_that_do_not_reach_tell_nothing(self) -> None:
        assert entry_time(a_broker_position(), (a_fill(40, side="buy", at=minute(1)),)) is None
        assert entry_time(a_broker_position(), ()) is None

    def test_a_short_was_sold(self) -> None:
        fills = (a_fill(100, at=minute(2)),)
        assert entry_time(a_broker_position("short"), fills) == minute(2)

    def test_a_crossing_from_the_other_side_is_the_entry(self) -> None:
        fills = (a_fill(50, at=minute(1)), a_fill(150, side="buy", at=minute(2)))
        assert entry_time(a_broker_position(), fills) == minute(2)


@pytest.mark.parametrize(
    ("tags", "settings", "refused"),
    [
        ((), ALL, False),
        ((HALTED_TAG,), ALL, True),
        (("hands-off",), ALL, True),
        ((), AccountSettings(adopt="listed"), True),
        (("day",), AccountSettings(adopt="listed"), False),
        ((), AccountSettings(adopt="listed", allow=("AAPL",)), False),
        ((), AccountSettings(adopt="all", deny=("AAPL",)), True),
        (("day",), AccountSettings(adopt="none"), True),
    ],
)
def test_only_what_is_opted_in_is_touched(
    tags: tuple[str, ...], settings: AccountSettings, refused: bool
) -> None:
    assert (refusal(settings, AAPL, tags) is not None) is refused


ENTRIES = st.one_of(
    st.integers(1, 20000).map(lambda n: d(n) / 10000),
    st.integers(100, 10**7).map(lambda n: d(n) / 100),
)


@given(
    st.sampled_from(("long", "short")),
    ENTRIES,
    st.one_of(st.none(), ENTRIES),
    st.one_of(st.none(), st.floats(0, 1e5), st.just(float("nan"))),
    st.sampled_from((None, "0.25", "0.0001")),
)
def test_an_estimated_stop_is_on_the_right_side_and_on_the_tick(
    side: Side, entry: Decimal, price: Decimal | None, atr: float | None, tick: str | None
) -> None:
    instrument = Instrument(symbol=AAPL, tick=None if tick is None else d(tick))
    found = a_broker_position(side, entry=entry, price=price)
    stop = estimated_stop(found, daily_atr=atr, multiple=1.5, instrument=instrument)
    step = instrument.tick_at(stop)
    assert stop > 0
    assert stop % step == 0
    if side == "short" or entry > 2 * instrument.tick_at(entry):
        assert sign(side) * (entry - stop) > 0
    position = adopted(side=side, entry=entry, price=price, atr=atr, instrument=instrument)
    assert position.risk > 0
    assert position.initial_stop == stop
