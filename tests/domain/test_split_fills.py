"""Fills around a split that no tick has seen."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.adoption import is_doubtful
from stopward.domain.cause import BY_HAND
from stopward.domain.fills import fold_fills
from stopward.domain.holding import Holding
from stopward.domain.orders import Fill, OrderSide
from stopward.domain.reconcile import Reconciled, has_other_entry, has_other_quantity, reconcile
from stopward.domain.split import SPLIT_RATIOS, after_split
from stopward.domain.split_fills import fold_through_split
from tests.builders.positions import (
    AAPL,
    NOW,
    a_broker_position,
    a_fill,
    a_holding,
    a_position,
    d,
    minute,
)

SOLD_OLD = a_fill(20, "104", at=minute(1), order_id="old")
SOLD_NEW = a_fill(50, "51", at=minute(2), order_id="new")
BOUGHT_NEW = a_fill(100, "53", side="buy", at=minute(3), order_id="more")


def reconciled(*fills: Fill, quantity: str, entry: str, price: str = "52") -> Reconciled:
    """Return the long of 100 from 100, after a split of two for one among the fills."""
    held = a_broker_position(quantity=quantity, entry=entry, price=price)
    holding = Holding(symbol=AAPL, position=held)
    return reconcile(a_position(), holding, fills=fills, causes={}, now=NOW)


@pytest.mark.parametrize(
    ("fills", "quantity", "entry"),
    [
        ((SOLD_NEW,), "150", "50"),
        ((SOLD_OLD, SOLD_NEW), "110", "50"),
        ((BOUGHT_NEW,), "300", "51"),
        ((a_fill(100, "106", side="buy", at=minute(3)),), "400", "51.5"),
        ((SOLD_OLD, SOLD_NEW, BOUGHT_NEW), "210", "51.428571"),
        ((a_fill(150, "51", at=minute(2)),), "50", "50"),
        ((a_fill(50, "101", at=minute(1)),), "100", "50"),
        ((a_fill(100, "51", at=minute(2)),), "100", "50"),
    ],
    ids=[
        "sold after it", "sold before and after it", "bought after it", "bought before it", "all",
        "more than there was", "sold before it to the same quantity",
        "sold after it to the same quantity",
    ],
)  # fmt: skip
def test_a_split_between_fills_is_carried_through(
    fills: tuple[Fill, ...], quantity: str, entry: str
) -> None:
    """Taken for old shares they explained nothing, and the price seemed through the stop."""
    held = a_holding(quantity=quantity, entry=entry)
    assert has_other_quantity(a_position(), held) or has_other_entry(a_position(), held)
    found = reconciled(*fills, quantity=quantity, entry=entry)
    assert (found.split, found.trade) == (2, None)
    assert (found.position.quantity, found.position.stop) == (d(quantity), 49)
    assert found.position.average_entry == pytest.approx(d(entry), rel=d("0.0005"))
    assert found.alarms == ()


@pytest.mark.parametrize(("seconds", "split"), [(4, 2), (6, None)])
def test_a_fill_that_our_clock_puts_just_before_the_adoption_counts_if_needed(
    seconds: float, split: int | None
) -> None:
    """Without it the split explained nothing; five seconds is the most that a clock is ahead."""
    sold = a_fill(20, "104", at=minute(-seconds / 60), order_id="old")
    found = reconciled(sold, quantity="160", entry="50")
    assert found.split == split
    assert found.position.adopted_at == a_position().adopted_at
    assert found.position.quantity == (160 if split else 100)


def test_what_a_tick_tells_beside_a_split_is_in_old_shares() -> None:
    found = reconciled(SOLD_OLD, SOLD_NEW, quantity="110", entry="50")
    assert [(o.kind, o.cause, dict(o.detail)) for o in found.observations] == [
        ("reduced", BY_HAND, {"quantity": "45.000000000", "price": "102.000000"}),
        ("split", "broker", {"ratio": "2"}),
    ]
    assert found.position.realised == 20 * 4 + 50 * 1


def test_fractions_paid_out_in_cash_are_no_riddle() -> None:
    fill = a_fill(10, "210", at=minute(1))
    held = a_broker_position(quantity=40, entry="200")
    folded, ratio = fold_through_split(a_position(quantity=101), held, [fill]) or (None, None)
    assert ratio == d("0.5")
    assert folded is not None
    assert (folded.position.quantity, folded.position.lot) == (40, 1)


def test_a_purchase_at_the_new_price_is_of_new_shares() -> None:
    """In old shares it would fit a split of three for two, whose stop lies above the price."""
    found = reconciled(BOUGHT_NEW, quantity="300", entry="51")
    assert (found.split, found.position.stop) == (2, 49)
    dearer = reconciled(BOUGHT_NEW, quantity="300", entry="51", price="35")
    assert dearer.split == d("1.5")


@pytest.mark.parametrize(
    ("quantity", "entry"),
    [("150", "100"), ("150", "52"), ("149", "50"), ("60", "100")],
    ids=["no other entry", "no ratio", "another quantity", "a list that lags"],
)
def test_what_no_split_explains_stays_unexplained(quantity: str, entry: str) -> None:
    found = reconciled(SOLD_NEW, quantity=quantity, entry=entry)
    assert found.split is None
    assert [alarm.kind for alarm in found.alarms] == ["quantity_unexplained"]


@given(
    st.sampled_from(SPLIT_RATIOS),
    st.integers(1, 90),
    st.integers(0, 90),
    st.integers(9000, 11000),
)
def test_selling_around_a_split_is_selling_then_splitting_then_selling(
    ratio: Decimal, before: int, after: int, cents: int
) -> None:
    position = a_position(quantity=20_000)
    old = a_fill(before, d(cents) / 100, at=minute(1))
    split = after_split(
        fold_fills(position, [old]).position, ratio, quantity=(20_000 - before) * ratio // 1
    )
    new = a_fill(after + 1, (d(cents) / 100 / ratio).quantize(d("0.01")), at=minute(2))
    wanted = fold_fills(split, [new]).position
    held = a_broker_position(quantity=wanted.quantity, entry=wanted.average_entry)
    found = fold_through_split(position, held, [old, new])
    assert found is not None
    assert found[0].position.quantity == wanted.quantity
    assert found[1] == ratio


BUY, SELL = "buy", "sell"


@pytest.mark.parametrize(
    ("listed", "fills", "doubtful"),
    [
        (-50, [(BUY, 100, "100"), (SELL, 200, "51"), (SELL, 50, "51")], False),
        (50, [(SELL, 100, "100"), (BUY, 200, "51"), (BUY, 50, "51")], False),
        (-50, [(BUY, 7, "100"), (SELL, 10, "66"), (SELL, 50, "66")], False),
        (-50, [(BUY, 100, "10"), (SELL, 10, "101"), (SELL, 50, "101")], False),
        (-50, [(BUY, 100, "100"), (SELL, 200, "99"), (SELL, 50, "99")], True),
        (-50, [(BUY, 100, "100"), (SELL, 150, "51"), (SELL, 50, "51")], True),
        (100, [(BUY, 100, "100"), (BUY, 100, "51")], True),
        (200, [(BUY, 100, "100"), (SELL, 200, "51")], True),
    ],
    ids=[
        "two for one", "of a short", "three for two, the half paid out", "one for ten",
        "no jump of the price", "another ratio", "the last purchase is missing",
        "the sale of all is missing",
    ],
)  # fmt: skip
def test_fills_of_before_a_split_count_in_new_shares(
    listed: int, fills: list[tuple[OrderSide, int, str]], doubtful: bool
) -> None:
    found = a_broker_position("long" if listed > 0 else "short", abs(listed))
    read = [
        a_fill(quantity, price, side=side, at=NOW - timedelta(seconds=len(fills) - place))
        for place, (side, quantity, price) in enumerate(fills)
    ]
    assert is_doubtful(found, read, now=NOW) is doubtful


@pytest.mark.parametrize(
    ("listed", "entry", "price", "doubtful"),
    [
        (60, "50", "50.2", False),
        (60, "50", None, True),
        (60, "50", "100", True),
        (60, "100", "50.2", True),
        (60, "51", "50.2", True),
        (90, "50", "50.2", True),
        (-60, "50", "50.2", True),
        (15, "200", "199", False),
        (100, "100", "100", True),
    ],
    ids=[
        "two for one", "no price", "no jump of the price", "no jump of the average",
        "another average", "another ratio", "the other side", "one for two",
        "the sale and the purchase are missing",
    ],
)  # fmt: skip
def test_a_split_after_the_last_fill_jumps_price_and_average(
    listed: int, entry: str, price: str | None, doubtful: bool
) -> None:
    found = a_broker_position(
        "long" if listed > 0 else "short", abs(listed), entry=entry, price=price
    )
    read = [
        a_fill(quantity, cost, side=side, at=NOW - timedelta(seconds=ago))
        for ago, side, quantity, cost in (
            (3, BUY, 100, "98"), (2, SELL, 100, "101"), (1, BUY, 30, "100"),
        )
    ]  # fmt: skip
    assert is_doubtful(found, read, now=NOW) is doubtful


def closed(*fills: Fill) -> Reconciled:
    """Return the long of 100 from 100, of which the broker lists nothing any more."""
    nothing = Holding(symbol=AAPL, position=None)
    return reconcile(a_position(), nothing, fills=fills, causes={}, now=NOW)


@pytest.mark.parametrize(
    ("fills", "shares", "result", "mae_r"),
    [
        ((a_fill(200, "51", at=minute(2)),), 200, "200", 0.0),
        ((a_fill(120, "51", at=minute(2)), a_fill(80, "49.5", at=minute(3))), 200, "80", 0.5),
        ((SOLD_OLD, a_fill(160, "51", at=minute(2))), 200, "240", 0.0),
        ((a_fill(33, "303", at=minute(2)),), 33, "99", 0.0),
    ],
    ids=["all of it", "in two sales", "some before it", "a third, paid out"],
)
def test_all_that_fills_take_after_a_split_closes_the_position_in_new_shares(
    fills: tuple[Fill, ...], shares: int, result: str, mae_r: float
) -> None:
    found = closed(*fills)
    assert found.trade is not None
    assert (found.position.quantity, found.position.closed_quantity) == (0, shares)
    assert (found.trade.result, found.trade.mae_r) == (d(result), mae_r)


@pytest.mark.parametrize(
    "fills",
    [
        (a_fill(200, "99", at=minute(2)),),
        (a_fill(170, "51", at=minute(2)),),
        (a_fill(66, "150", at=minute(2)),),
        (a_fill(200, "70", at=minute(2)),),
        (a_fill(10, "101", at=minute(2)),),
        (a_fill(200, "51", at=minute(2)), a_fill(5, "51", at=minute(3))),
        (a_fill(200, "51", at=minute(2)), a_fill(100, "51", side="buy", at=minute(3))),
        (),
    ],
    ids=[
        "no jump of the price", "another ratio", "no ratio of a split", "another jump",
        "a part at the old price", "more than all", "explained without one", "nothing",
    ],
)  # fmt: skip
def test_what_no_split_explains_is_no_split(fills: tuple[Fill, ...]) -> None:
    found = closed(*fills)
    assert found.split is None
    assert "split" not in found.position.flags


@given(ratio=st.sampled_from(SPLIT_RATIOS), shares=st.integers(20, 900))
def test_a_sale_of_all_new_shares_earns_what_it_earned(ratio: Decimal, shares: int) -> None:
    """At the entry's price in new shares nothing is won or lost, whatever the ratio."""
    quantity = Decimal(shares) * ratio
    position = a_position(quantity=Decimal(shares))
    price = (Decimal(100) / ratio).quantize(d("0.000001"))
    sold = a_fill(quantity.quantize(d("0.000000001")), price, at=minute(2))
    nothing = Holding(symbol=AAPL, position=None)
    found = reconcile(position, nothing, fills=[sold], causes={}, now=NOW)
    assert found.trade is not None
    assert found.split == ratio
    assert found.trade.result_r == pytest.approx(0, abs=0.001)
