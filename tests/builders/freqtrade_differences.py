"""Every difference between the policies `freqtrade` and `conservative`, with an example each.

docs/replay-freqtrade.md shows these rows, and a test walks them both ways.
"""

from dataclasses import dataclass
from typing import Final

from stopward.rules.codes import RULE_NAMES
from stopward.rules.freqtrade import FreqtradeRules
from stopward.rules.parameters import AgedTarget, PercentTrail, Rules, Target, TimeStop
from stopward.rules.types import NAN
from tests.builders.freqtrade import HOUR, Left, Prices, strategy, walked_there
from tests.builders.kernel import OFF, ONE_TICK, a_range, a_state, percent, r, walked


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One position, long from 100.00 at the first open, under rules that come nearest.

    there, here: the settings of each, in words. slips: prices are after one tick of slippage here.
    night_before: number of the bar before which a night lies.
    """

    name: str
    why: str
    bars: tuple[Prices, ...]
    there: str
    rules_there: FreqtradeRules
    left_there: Left
    here: str
    rules_here: Rules
    left_here: Left
    stop_here: float = 95.0
    target_here: float = NAN
    slips: bool = False
    night_before: int | None = None


FLAT: Final[Prices] = (100, 100.5, 99.5, 100)
TRAIL_10: Final = Rules(percent_trail=PercentTrail(r(0), percent(10), OFF, OFF))
TRAIL_3: Final = Rules(percent_trail=PercentTrail(percent(5), percent(3), OFF, OFF))
PAST_FIVE: Final = strategy(trails=True, positive=0.03, offset=0.05, only_past_offset=True)
AGED_4: Final = Rules(aged_target=AgedTarget(0.8, NAN, NAN, NAN, NAN))
RESTING_4: Final = Rules(target=Target(percent(4), 1.0))

DIFFERENCES: Final = (
    Difference(
        name="A gap through the stop that comes back",
        why="there it fills at the stop; here at the open, where the order really filled",
        bars=(FLAT, (93, 96, 92, 95), FLAT),
        there="stoploss -0.05", rules_there=strategy(-0.05), left_there=Left(1, 95, "stop"),
        here="stop 95", rules_here=Rules(), left_here=Left(1, 93, "stop"),
    ),
    Difference(
        name="A trail raised and hit in one bar",
        why="there the best price comes first; here a raised stop rests from the next bar on",
        bars=(FLAT, (101, 106, 100.5, 104), (104, 105, 103.5, 104.5)),
        there="trail 3 % past 5 %", rules_there=PAST_FIVE,
        left_there=Left(1, 102.82, "percent_trail"),
        here="percent trail 3 % from 5 %", rules_here=TRAIL_3, left_here=Left(2, 104.5, "none"),
        stop_here=90.0,
    ),
    Difference(
        name="A trail that the close has crossed",
        why="there it fills at the trail; here the close is seen first, and the next open fills",
        bars=(FLAT, (100, 110, 97, 98), (97.5, 99, 97, 98), FLAT),
        there="stoploss -0.1, trailing", rules_there=strategy(trails=True),
        left_there=Left(1, 99, "percent_trail"),
        here="percent trail 10 %", rules_here=TRAIL_10, left_here=Left(2, 97.5, "percent_trail"),
        stop_here=90.0,
    ),
    Difference(
        name="A trail in the entry bar",
        why="there it may fill in that bar, as if raised by the least that raises it",
        bars=((100, 110, 98, 98.5), (98, 99, 97, 98), FLAT),
        there="trail 1 % past 2 %",
        rules_there=strategy(trails=True, positive=0.01, offset=0.02, only_past_offset=True),
        left_there=Left(0, 101, "percent_trail"),
        here="percent trail 1 % from 2 %",
        rules_here=Rules(percent_trail=PercentTrail(percent(2), percent(1), OFF, OFF)),
        left_here=Left(1, 98, "percent_trail"), stop_here=90.0,
    ),
    Difference(
        name="What a trail is a share of",
        why="there of the best price; here of the entry price, so it stays as wide as it was",
        bars=(FLAT, (101, 120, 115, 118), (118, 119, 107, 110), FLAT),
        there="stoploss -0.1, trailing", rules_there=strategy(trails=True),
        left_there=Left(2, 108, "percent_trail"),
        here="percent trail 10 %", rules_here=TRAIL_10, left_here=Left(2, 110, "stop"),
        stop_here=90.0,
    ),
    Difference(
        name="A small move of a trail",
        why="there every tick moves it; here two ticks and 0.05R, for requests are rationed",
        bars=((100, 100, 99.5, 100), (100, 100.3, 99, 100), (100, 100.2, 90.2, 91), FLAT),
        there="stoploss -0.1, trailing",
        rules_there=strategy(trails=True, offset=0.0), left_there=Left(2, 90.27, "percent_trail"),
        here="percent trail 10 %", rules_here=TRAIL_10, left_here=Left(3, 100, "none"),
        stop_here=90.0,
    ),
    Difference(
        name="A stop between two ticks",
        why="there it goes to the nearer tick to the price; here away from triggering",
        bars=(FLAT, (99, 99.5, 96, 97), FLAT),
        there="stoploss -0.03333", rules_there=strategy(-0.03333),
        left_there=Left(1, 96.67, "stop"),
        here="stop 96.66", rules_here=Rules(), left_here=Left(1, 96.66, "stop"),
        stop_here=96.66,
    ),
    Difference(
        name="A profit by age",
        why="there it rests and fills on the extreme; here it is judged on the close, live too",
        bars=(FLAT, (100, 106, 99, 101), FLAT),
        there="minimal_roi 0: 0.04", rules_there=strategy(-0.05, roi={0: 0.04}),
        left_there=Left(1, 104, "aged_target"),
        here="aged target 0.8 r", rules_here=AGED_4, left_here=Left(2, 100, "none"),
    ),
    Difference(
        name="A profit by age that begins with a bar",
        why="there the open fills at once; here a close is waited for, and the next open fills",
        bars=(FLAT, FLAT, (103, 104, 100, 102), (101.5, 102, 101, 101.5), FLAT),
        there="minimal_roi 0: 0.2, 120: 0.01",
        rules_there=strategy(-0.05, roi={0: 0.2, 120: 0.01}),
        left_there=Left(2, 103, "aged_target"),
        here="aged target 4 r, 0.2 r from 120 min",
        rules_here=Rules(aged_target=AgedTarget(4.0, 120.0, 0.2, NAN, NAN)),
        left_here=Left(3, 101.5, "aged_target"),
    ),
    Difference(
        name="A profit of -1",
        why="there it leaves at once: at the open, or at the bar's worst price inside a bar",
        bars=(FLAT, FLAT, (98.5, 99.5, 97, 99), (99, 99.5, 98, 99), FLAT),
        there="minimal_roi 65: -1", rules_there=strategy(-0.05, roi={65: -1.0}),
        left_there=Left(2, 97, "aged_target"),
        here="time stop 65 min", rules_here=Rules(time_stop=TimeStop(65.0, NAN)),
        left_here=Left(2, 98.5, "time_stop"),
    ),
    Difference(
        name="The whole bar past the profit",
        why="there the bar's worst price fills; here the target's own, which is less",
        bars=(FLAT, (106, 107, 105, 106), FLAT),
        there="minimal_roi 0: 0.04", rules_there=strategy(-0.05, roi={0: 0.04}),
        left_there=Left(1, 105, "aged_target"),
        here="target 104, resting", rules_here=RESTING_4, left_here=Left(1, 104, "target"),
        target_here=104.0,
    ),
    Difference(
        name="Profit and trail in one bar",
        why="there the profit comes before a trail; here the stop always comes first",
        bars=(FLAT, (104, 106, 103, 105), (103, 107.5, 101, 102), FLAT),
        there="trail 3 % past 5 %, minimal_roi 0: 0.07",
        rules_there=PAST_FIVE._replace(minimal_roi=strategy(roi={0: 0.07}).minimal_roi),
        left_there=Left(2, 107, "aged_target"),
        here="percent trail 3 % from 5 %, target 107, resting",
        rules_here=TRAIL_3._replace(target=Target(percent(7), 1.0)),
        left_here=Left(2, 103, "stop"), stop_here=90.0, target_here=107.0,
    ),
    Difference(
        name="Fees",
        why="there inside every ratio, so a profit is asked net; here R is before fees",
        bars=(FLAT, (100, 106, 99, 105), FLAT),
        there="minimal_roi 0: 0.04, fee 0.001",
        rules_there=strategy(-0.05, roi={0: 0.04}, fee=0.001),
        left_there=Left(1, 104.21, "aged_target"),
        here="target 104, resting", rules_here=RESTING_4, left_here=Left(1, 104, "target"),
        target_here=104.0,
    ),
    Difference(
        name="Slippage",
        why="there none; here a stop pays half the spread or one tick unless told otherwise",
        bars=(FLAT, (99, 99.5, 94, 96), FLAT),
        there="stoploss -0.05", rules_there=strategy(-0.05), left_there=Left(1, 95, "stop"),
        here="stop 95", rules_here=Rules(), left_here=Left(1, 94.99, "stop"), slips=True,
    ),
    Difference(
        name="Age over a night",
        why="there every minute counts, the night's too; here those of sessions",
        bars=(FLAT, (101, 101.5, 100.6, 101), (101, 101.5, 100.6, 101), FLAT),
        there="minimal_roi 0: 0.2, 600: 0.005",
        rules_there=strategy(-0.05, roi={0: 0.2, 600: 0.005}),
        left_there=Left(1, 100.6, "aged_target"),
        here="aged target 4 r, 0.1 r from 600 min",
        rules_here=Rules(aged_target=AgedTarget(4.0, 600.0, 0.1, NAN, NAN)),
        left_here=Left(3, 100, "none"), night_before=1,
    ),
    Difference(
        name="The end of the bars",
        why="there the last bar's open fills, though that bar was walked; here its close",
        bars=(FLAT, FLAT, (101, 102, 100.5, 102)),
        there="stoploss -0.05", rules_there=strategy(-0.05), left_there=Left(2, 101, "none"),
        here="stop 95", rules_here=Rules(), left_here=Left(2, 102, "none"),
    ),
)  # fmt: skip


def walked_both(row: Difference) -> tuple[Left, Left]:
    """Return how the position leaves under each policy."""
    there = walked_there(row.bars, row.rules_there, night_before=row.night_before).left
    bars = [a_range(*bar, minutes=HOUR) for bar in row.bars]
    state = a_state(stop=row.stop_here, risk=100.0 - row.stop_here, target=row.target_here)
    here = walked(bars, row.rules_here, state=state)
    price = here.price
    if row.slips:
        price = here.price - ONE_TICK.ticks / state.per_unit
        assert here.slipped_r * state.risk + state.entry == price
    return there, Left(int(here.bar), price, RULE_NAMES[int(here.rule)])
