"""Stories of what the guard sees when it looks: the smallest schedule that showed each."""

from dataclasses import replace

from tests.builders.faults import Opening, Schedule
from tests.builders.simulator import AAPL, MSFT, flat
from tests.faults.stories import D, base, by_hand, fault


def half_a_cent_above_its_stop() -> Schedule:
    """Shares are split: their price is half a cent above the stop, which the broker refuses."""
    return replace(
        base(stop=D("0.00005")),
        prices={AAPL: tuple(flat(100.01, 12))},
        disturbances=(by_hand(3, "split"),),
    )


def opened_right_before_a_split() -> Schedule:
    """A position is closed and another opened; before a tick has seen it, its shares are split."""
    return replace(
        base(),
        disturbances=(
            by_hand(3, "close"),
            by_hand(3, "open", amount="0.3"),
            by_hand(3, "split"),
        ),
    )


def reduced_and_not_told_by_whose_order() -> Schedule:
    """The trader cancels our stop; as fills are read he sells a half, and his order is not told."""
    return replace(
        base(stop=None),
        disturbances=(
            by_hand(1, "cancel"),
            by_hand(1, "reduce", before="fills"),
            fault(1, 1, "no_answer", at="order "),
        ),
    )


def a_stop_that_has_filled_is_listed_again() -> Schedule:
    """Two stops rest; the trader tightens ours, and it fills; then an older list shows it."""
    return replace(
        base(covered=D("0.4")),
        prices={AAPL: (*flat(100, 1), (100, 100, 99.2, 99.2), *flat(99.2, 9))},
        disturbances=(
            by_hand(2, "tighten"),
            fault(4, 1, "stale", at="record_tick", amount=2),
        ),
    )


def sold_and_bought_again_at_one_price() -> Schedule:
    """Between two ticks the trader sells all, his stop with it, and buys as much at that price."""
    return replace(base(), disturbances=(by_hand(3, "close"), by_hand(3, "open", amount="1")))


def surplus_that_cannot_be_read() -> Schedule:
    """He sells a half and leaves the stop; it is not told. Of the other he cancels it."""
    return replace(
        base(),
        prices={AAPL: tuple(flat(100, 12)), MSFT: tuple(flat(100, 12))},
        openings=(Opening(), Opening(symbol=MSFT)),
        disturbances=(
            by_hand(3, "reduce_keep"),
            by_hand(3, "cancel", symbol=MSFT),
            fault(3, 2, "no_answer", at="order "),
        ),
    )


def observed_and_entered_again_at_one_price() -> Schedule:
    """The same, and we only observe: there is no stop of ours that ends with the sale."""
    return replace(sold_and_bought_again_at_one_price(), mode="observe")
