"""Order ids: derived, short, and the same on every machine."""

from datetime import timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.identity import OrderId, PositionId, derive_order_id, is_ours
from tests.builders.positions import NOW

POSITION = PositionId("paper/AAPL/20240103T143000.000000Z")


def an_id(step: str = "sell", *, attempt: int = 0, detail: str = "") -> OrderId:
    return derive_order_id(POSITION, step, tick_at=NOW, attempt=attempt, detail=detail)


def test_the_same_intent_has_the_same_id() -> None:
    assert an_id() == an_id()
    assert an_id() == OrderId("sw-sell-0-" + an_id().rsplit("-", 1)[1])


def test_whatever_zone_tells_the_tick() -> None:
    new_york = NOW.astimezone(timezone(timedelta(hours=-5)))
    assert derive_order_id(POSITION, "sell", tick_at=new_york, attempt=0) == an_id()


def test_each_part_tells_intents_apart() -> None:
    later = derive_order_id(POSITION, "sell", tick_at=NOW + timedelta(seconds=10), attempt=0)
    other = derive_order_id(PositionId("paper/AAPL/2"), "sell", tick_at=NOW, attempt=0)
    ids = {an_id(), an_id("arm"), an_id(attempt=1), an_id(detail="99.5"), later, other}
    assert len(ids) == 6


@given(
    st.text(max_size=80),
    st.sampled_from(("arm", "move", "shrink", "release", "sell")),
    st.integers(0, 10**6),
    st.text(max_size=80),
)
def test_an_id_fits_the_broker_and_is_ours(
    position: str, step: str, attempt: int, detail: str
) -> None:
    order_id = derive_order_id(
        PositionId(position), step, tick_at=NOW, attempt=attempt, detail=detail
    )
    assert len(order_id) <= 48
    assert is_ours(order_id)
    assert set(order_id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_an_order_of_the_trader_is_not_ours() -> None:
    assert not is_ours("swing-1")
    assert not is_ours("")
