"""Everyday stories, to be broken at each of their boundaries, and stories of defects that were."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from stopward.domain.identity import Symbol
from tests.builders.faults import Disturbance, FaultKind, Hand, HandKind, Opening, Schedule, grid
from tests.builders.guard import ADOPT_ALL
from tests.builders.simulator import AAPL, MSFT, Prices, flat

D = Decimal
Story = Callable[[], Schedule]
BREAKEVEN = ADOPT_ALL + '[rules.breakeven]\narm = "0.5 r"\n'
TARGET = ADOPT_ALL + '[rules.target]\ndistance = "1 r"\n'
TIME_STOP = ADOPT_ALL + "[rules.time_stop]\nminutes = 1\n"
SESSION_FLAT = ADOPT_ALL + "[rules.session_flat]\nminutes = 4\n"
PARTIAL = (
    ADOPT_ALL
    + '[rules.partial]\nat_1 = "0.5 r"\nfraction_1 = 0.5\nat_2 = "2 r"\nfraction_2 = 0.25\n'
)
TRAIL = ADOPT_ALL + '[rules.percent_trail]\narm = "0.4 %"\ndistance = "0.5 %"\narm_2 = "off"\n'
GRID = grid(10, pulse=20.0)


def walk(*closes: float) -> tuple[Prices, ...]:
    """Return bars from 100 whose close is the next one's open, then flat ones."""
    opens = (100.0, *closes[:-1])
    rows = [(o, max(o, c), min(o, c), c) for o, c in zip(opens, closes, strict=True)]
    return (*rows, *flat(closes[-1], 10))


def by_hand(
    wake: int,
    kind: HandKind,
    *,
    call: int = 1,
    before: str = "",
    amount: str = "0.5",
    symbol: Symbol = AAPL,
) -> Disturbance:
    """Return an act of the trader before a call of a wake, or before the so-manieth of a kind."""
    hand = Hand(kind=kind, amount=D(amount), symbol=symbol)
    return Disturbance(wake=wake, call=call, what=before, kind="hand", hand=hand)


def fault(
    wake: int, call: int, kind: FaultKind, *, at: str = "", amount: float = 1.0
) -> Disturbance:
    """Return a fault at a call of a wake, or at the so-manieth of a kind."""
    return Disturbance(wake=wake, call=call, what=at, kind=kind, amount=amount)


UP = {AAPL: walk(100, 103)}
DOWN = {AAPL: walk(100, 97)}


def _base(
    *, rules: str = ADOPT_ALL, up: bool = False, down: bool = False, **opening: object
) -> Schedule:
    prices = UP if up else DOWN if down else {AAPL: walk(100)}
    return Schedule(
        prices=prices,
        rules=rules,
        openings=(Opening(**opening),),  # type: ignore[arg-type]
        wakes=GRID,
        start_minute=2,
    )


STORIES: Mapping[str, Story] = {
    "a naked long is armed": lambda: _base(stop=None),
    "a partly covered short is covered": lambda: _base(side="short", covered=D("0.4")),
    "a stop moves to breakeven": lambda: _base(rules=BREAKEVEN, up=True),
    "a bracket's stop moves": lambda: _base(rules=BREAKEVEN, up=True, target=D("0.1")),
    "a target is taken": lambda: _base(rules=TARGET, up=True),
    "a short is closed by time": lambda: _base(rules=TIME_STOP, side="short"),
    "a half is sold": lambda: _base(rules=PARTIAL, up=True),
    "a half of a fraction is sold": lambda: _base(rules=PARTIAL, up=True, quantity=D("12.5")),
    "a half of a bracket is sold": lambda: _base(rules=PARTIAL, up=True, target=D("0.1")),
    "a stop fills": lambda: _base(down=True, stop=D("0.01")),
    "the day ends": lambda: replace(_base(rules=SESSION_FLAT), start_minute=388),
    "the trader closes": lambda: replace(_base(), disturbances=(by_hand(3, "close"),)),
    "the trader adds": lambda: replace(_base(), disturbances=(by_hand(3, "add"),)),
    "the trader cancels the stop": lambda: replace(_base(), disturbances=(by_hand(3, "cancel"),)),
    "the trader closes past our stop": lambda: replace(
        _base(stop=None), disturbances=(by_hand(3, "reduce_keep", amount="1"),)
    ),
    "a split": lambda: replace(_base(), disturbances=(by_hand(3, "split"),)),
    "everything is flattened": lambda: replace(_base(), disturbances=(by_hand(3, "flatten"),)),
    "a share trades thinly": lambda: replace(_base(rules=TARGET, up=True), volume_share=D("0.005")),
}


def doubled_event_at_once() -> Schedule:
    """A target is due; the same event is delivered again while the first run decides."""
    again = replace(GRID[4], number=900, cold=True)
    return replace(
        _base(rules=TARGET, up=True),
        disturbances=(Disturbance(wake=4, call=1, what="quotes", kind="overlap", overlap=again),),
    )


def lagging_position_list() -> Schedule:
    """A position is closed; then the list of positions shows it once more."""
    return replace(_base(), disturbances=(by_hand(3, "close"), fault(4, 1, "stale", amount=12)))


def absent_from_a_lagging_list() -> Schedule:
    """The trader opens; a tick adopts; then an older list has no position."""
    return replace(
        _base(),
        openings=(),
        disturbances=(by_hand(1, "open"), fault(2, 1, "stale", amount=12)),
    )


def rate_limited_sale() -> Schedule:
    """The broker asks us to wait when the exit is sent; the trader sells a part meanwhile."""
    return replace(
        _base(rules=TARGET, up=True),
        disturbances=(
            fault(4, 1, "rate_limited", at="submit market"),
            by_hand(4, "add", call=2, before="position "),
            by_hand(4, "reduce", call=2, before="position "),
        ),
    )


def move_rested_unseen() -> Schedule:
    """A move takes effect, and its tick is killed; before the next one the trader cancels it."""
    wakes = grid(8, pulse=30.0)
    return replace(
        _base(rules=TRAIL, up=True),
        wakes=wakes,
        disturbances=(fault(2, 1, "kill_after", at="replace"), by_hand(3, "cancel")),
    )


def clock_ahead() -> Schedule:
    """Our clock is ahead; what is sold right after the adoption seems older than it."""
    return replace(
        _base(rules=TARGET, stop=None),
        skew_seconds=2.0,
        wakes=(replace(GRID[1], seconds=0.0), replace(GRID[0], number=800, seconds=0.5), *GRID[2:]),
        disturbances=(by_hand(800, "close"),),
        latency=timedelta(milliseconds=1),
    )


def lease_taken_over() -> Schedule:
    """A tick stalls before it records; the next one takes the lease and acts."""
    return replace(
        _base(stop=None),
        disturbances=(
            fault(0, 1, "slow", at="record_tick", amount=16.0),
            Disturbance(wake=0, call=1, what="record_tick", kind="overlap", overlap=GRID[1]),
        ),
    )


def one_of_three_moves_is_done() -> Schedule:
    """Three stops of one position: the tick is killed after it moved one; then the price falls."""
    rules = PARTIAL.replace('"0.5 r"', '"4 r"').replace('"2 r"', '"5 r"') + TRAIL[len(ADOPT_ALL) :]
    seconds = (0.0, 40.0, 57.0)
    return replace(
        _base(rules=rules, quantity=D("12.5"), stop=None),
        prices={AAPL: (*flat(100, 1), (100, 103, 100, 102.6), *flat(102.6, 9))},
        wakes=tuple(replace(GRID[0], number=n, seconds=s) for n, s in enumerate(seconds)),
        disturbances=(fault(1, 1, "kill_after", at="replace"),),
    )


def two_plans_come_out_otherwise() -> Schedule:
    """One exit is rejected, and its stop not accepted either; the other was done by hand."""
    schedule = _base(rules=TARGET)
    return replace(
        schedule,
        prices={AAPL: walk(100, 103), MSFT: walk(100, 103)},
        openings=(Opening(), Opening(symbol=MSFT)),
        disturbances=(
            by_hand(4, "reject", before="submit market"),
            by_hand(4, "close", call=2, before="cancel", symbol=MSFT),
            *(fault(4, call, "no_answer", at="submit stop") for call in (1, 2)),
        ),
    )


def canceled_after_a_move() -> Schedule:
    """The stop is at breakeven; then the trader cancels it."""
    return replace(_base(rules=BREAKEVEN, up=True), disturbances=(by_hand(6, "cancel"),))


def arm_without_an_answer() -> Schedule:
    """A naked position is armed, and no answer comes."""
    return replace(_base(stop=None), disturbances=(fault(0, 1, "no_answer", at="submit stop"),))


def exit_recorded_and_killed() -> Schedule:
    """An exit is recorded, and the process ends before it is sent."""
    return replace(
        _base(rules=TARGET, up=True), disturbances=(fault(4, 1, "kill_after", at="record_tick"),)
    )


def one_replan_read_is_lost() -> Schedule:
    """Two exits come out otherwise; the second position does not answer when it is read again."""
    schedule = two_plans_come_out_otherwise()
    lost = fault(4, 2, "no_answer", at="position MSFT")
    return replace(schedule, disturbances=(*schedule.disturbances[:2], lost))


def replan_without_an_answer() -> Schedule:
    """An exit is rejected, and the list of orders does not answer when it is read again."""
    return replace(
        _base(rules=TARGET, up=True),
        disturbances=(
            by_hand(4, "reject", before="submit market"),
            fault(4, 2, "no_answer", at="open_orders"),
        ),
    )


def naked_and_only_looked_at() -> Schedule:
    """A naked position of an account in mode observe."""
    return replace(_base(stop=None), mode="observe")


def lagging_order_list() -> Schedule:
    """A stop is at breakeven; an older list shows it where it was; then shares are added."""
    return replace(
        _base(rules=BREAKEVEN, up=True),
        disturbances=(fault(4, 1, "stale", amount=2), by_hand(5, "add")),
    )


def a_part_is_stopped_out() -> Schedule:
    """A half is to be sold and the stop raised: killed after one of two stops, which then fills."""
    seconds = (0.0, 40.0, 60.0)
    return replace(
        _base(rules=PARTIAL + BREAKEVEN[len(ADOPT_ALL) :], quantity=D("12.5")),
        prices={AAPL: (*flat(100, 1), (100, 103, 100, 103), *flat(99.8, 9))},
        wakes=tuple(replace(GRID[0], number=n, seconds=s) for n, s in enumerate(seconds)),
        disturbances=(fault(1, 2, "kill_before", at="submit stop"),),
    )


def half_sold_twice_over() -> Schedule:
    """A half is sold; the same event runs once more, and by now the target wants the rest sold."""
    rules = PARTIAL + TARGET[len(ADOPT_ALL) :]
    return replace(
        _base(rules=rules, up=True),
        wakes=(
            replace(GRID[0], number=0, seconds=0.0),
            replace(GRID[0], number=1, seconds=27.0),
            replace(GRID[0], number=2, seconds=27.0, late_seconds=12.0, cold=True),
        ),
    )


def tightened_and_refused() -> Schedule:
    """The trader tightens a stop that we then shrink; the sale is rejected, and we arm again."""
    return replace(
        _base(rules=PARTIAL, up=True),
        disturbances=(
            by_hand(4, "tighten", before="record_tick", amount="1"),
            by_hand(4, "reject", before="submit market"),
        ),
    )


def older_fills() -> Schedule:
    """A stop has filled in part; then an older list shows less of it."""
    return replace(
        _base(rules=BREAKEVEN, up=True),
        prices={AAPL: (*flat(100, 1), (100, 103, 100, 103), *flat(99.5, 9))},
        wakes=grid(16, pulse=10.0),
        disturbances=(
            by_hand(2, "cap"),
            *(fault(wake, 1, "stale", amount=12) for wake in (13, 15)),
        ),
    )


def reduced_before_its_partial_sale() -> Schedule:
    """No stop rests; a half is to be sold and a stop armed; the trader sells most of it first."""
    return replace(
        _base(rules=PARTIAL, up=True),
        disturbances=(
            by_hand(4, "cancel"),
            by_hand(4, "reduce", before="position AAPL", amount="0.6"),
        ),
    )


def split_seen_by_half() -> Schedule:
    """Shares are split; the same tick lists old positions, and its stop is refused."""
    return replace(
        _base(),
        disturbances=(
            by_hand(4, "split"),
            fault(4, 1, "stale", at="positions", amount=5),
        ),
    )


def loosened_as_shares_are_added() -> Schedule:
    """The trader adds shares and moves the old stop away, before the new ones get theirs."""
    return replace(
        _base(),
        disturbances=(
            by_hand(4, "add", amount="0.1"),
            by_hand(4, "loosen", before="record_tick"),
        ),
    )


def closed_past_a_stop_and_still_listed() -> Schedule:
    """The trader sells all and leaves our stop; the list of positions, read again, is older."""
    schedule = STORIES["the trader closes past our stop"]()
    lags = fault(3, 2, "stale", at="positions", amount=2)
    return replace(schedule, disturbances=(*schedule.disturbances, lags))


def unlisted_as_another_is_adopted() -> Schedule:
    """A stop of ours rests; for a new position orders are listed again, and that list is older."""
    return replace(
        _base(stop=None),
        prices={AAPL: walk(100), MSFT: walk(100)},
        disturbances=(
            by_hand(2, "open", symbol=MSFT),
            fault(2, 2, "stale", at="open_orders", amount=1),
        ),
    )
