"""What holds of the exits of freqtrade whatever the bars and the parameters."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.rules.freqtrade import FreqtradeRules, gain, price_of
from stopward.rules.types import State
from tests.builders.freqtrade import Prices, strategy, walked_there
from tests.builders.kernel import a_state

CENT = 100.0
FINE = 4096.0
"""Ticks a dollar that hold every product of the mirror's numbers exactly."""
sides = st.sampled_from([1.0, -1.0])
fees = st.sampled_from([0.0, 0.0005, 0.001])


@st.composite
def markets(draw: st.DrawFn, grid: float = CENT) -> tuple[Prices, ...]:
    """Return bars on a grid around 100, the first open at 100."""
    step = st.integers(-3 * int(grid), 3 * int(grid))
    tail = st.integers(0, int(grid))
    bars, close = [], 100.0
    for number in range(draw(st.integers(2, 8))):
        gap = 0.0 if number == 0 else draw(step) / grid * 0.5
        opened = round((close + gap) * grid) / grid
        close = opened + draw(step) / grid
        high = max(opened, close) + draw(tail) / grid
        low = min(opened, close) - draw(tail) / grid
        bars.append((opened, high, low, close))
    return tuple(bars)


@st.composite
def strategies(draw: st.DrawFn, *, trails: bool = True, grid: float = 1000.0) -> FreqtradeRules:
    """Return exits whose ratios lie on a grid."""
    ratio = st.integers(1, int(grid) // 25).map(lambda count: count / grid)
    positive = draw(ratio)
    return strategy(
        -draw(ratio),
        roi=draw(st.dictionaries(st.sampled_from([0, 60, 90, 120]), ratio, max_size=3)),
        trails=trails,
        positive=positive,
        offset=draw(st.sampled_from([0.0, positive * 1.5])),
        only_past_offset=draw(st.booleans()),
        fee=draw(fees) if trails else 0.0,
    )


@given(bars=markets(), rules=strategies(), side=sides)
def test_a_stop_never_loosens(bars: tuple[Prices, ...], rules: FreqtradeRules, side: float) -> None:
    stops = walked_there(bars, rules, side=side).stops
    assert all(side * later >= side * before for before, later in pairwise(stops))


@given(bars=markets(), rules=strategies(), side=sides)
def test_nothing_fills_outside_its_bar(
    bars: tuple[Prices, ...], rules: FreqtradeRules, side: float
) -> None:
    left = walked_there(bars, rules, side=side).left
    _, high, low, _ = bars[left.bar]
    assert low <= left.price <= high


@given(bars=markets(64.0), rules=strategies(trails=False, grid=64.0))
def test_without_trail_and_fee_a_short_mirrors_a_long(
    bars: tuple[Prices, ...], rules: FreqtradeRules
) -> None:
    mirrored = tuple((200.0 - o, 200.0 - low, 200.0 - high, 200.0 - c) for o, high, low, c in bars)
    long = walked_there(bars, rules, per_unit=FINE).left
    short = walked_there(mirrored, rules, side=-1.0, per_unit=FINE).left
    assert short._replace(price=200.0 - short.price) == long


@given(bars=markets(), rules=strategies(), side=sides)
def test_what_comes_later_changes_nothing(
    bars: tuple[Prices, ...], rules: FreqtradeRules, side: float
) -> None:
    walked = walked_there(bars, rules, side=side)
    more = walked_there((*bars, (50.0, 150.0, 50.0, 150.0)), rules, side=side)
    if walked.left.rule != "none":
        assert repr(more) == repr(walked)


@settings(max_examples=50)
@given(side=sides, entry=st.integers(100, 50_000), wanted=st.floats(-0.9, 0.9), fee=fees)
def test_the_price_of_a_gain_gains_it(side: float, entry: int, wanted: float, fee: float) -> None:
    state: State = a_state(side=side, entry=entry / 100.0)
    assert abs(gain(state, price_of(state, wanted, fee), fee) - wanted) < 1e-12
