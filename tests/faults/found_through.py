"""Stories of a price that is through a stop which therefore cannot rest."""

from dataclasses import replace

from tests.builders.faults import Schedule
from tests.builders.simulator import AAPL, flat
from tests.faults.found_lagging import monitored
from tests.faults.stories import D, base, by_hand


def enlarged_through_its_stop_while_an_exit_works() -> Schedule:
    """All is sold slowly, the price falls past the stop, and the trader adds shares meanwhile.

    The added ones cannot have that stop, nor be sold as long as the exit before works.
    """
    return replace(
        base(quantity=D(150)),
        prices={AAPL: (*flat(100, 2), *flat(97, 10))},
        volume_share=D("0.01"),
        wakes=monitored(10, 20, 62, 72, 82),
        disturbances=(by_hand(1, "flatten"), by_hand(2, "add", amount="0.1")),
    )
