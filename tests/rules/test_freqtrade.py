"""The exits of freqtrade, situation by situation."""

import pytest

from stopward.rules.types import NAN, Slippage
from tests.builders.freqtrade import Left, strategy, walked_there
from tests.builders.freqtrade_cases import CASES, FIXED, FLAT, OPEN, PAST_FIVE, ROI, STOP, Case
from tests.builders.kernel import mirrored_price


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_situation(case: Case) -> None:
    walked = walked_there(case.bars, case.rules, side=case.side, entry=case.entry)
    assert walked.left == case.left


@pytest.mark.parametrize("case", FIXED, ids=lambda case: case.name)
def test_a_short_without_a_trail_is_the_mirror_of_the_long(case: Case) -> None:
    mirrored = tuple(
        (mirrored_price(open_), mirrored_price(low), mirrored_price(high), mirrored_price(close))
        for open_, high, low, close in case.bars
    )
    left = walked_there(mirrored, case.rules, side=-1.0).left
    assert left._replace(price=mirrored_price(left.price)) == case.left


@pytest.mark.parametrize(
    ("bar", "roi", "left", "other_price"),
    [
        ((100, 105, 94, 103), 0.04, Left(1, 95, STOP), 104.0),
        ((101, 106, 100, 101), 0.04, Left(1, 104, ROI), 102.82),
        ((100, 106, 99, 101), 0.2, Left(1, 102.82, "percent_trail"), NAN),
    ],
)
def test_where_two_were_true_the_other_price_is_kept(
    bar: tuple[float, float, float, float], roi: float, left: Left, other_price: float
) -> None:
    past_five = PAST_FIVE._replace(stoploss=-0.05)
    rules = strategy(-0.05, roi={0: roi})._replace(**_trail_of(past_five))
    walked = walked_there((FLAT, bar, FLAT), rules)
    assert walked.left == left
    assert walked.other_price == pytest.approx(other_price, nan_ok=True)


def _trail_of(rules: object) -> dict[str, float]:
    return {
        name: getattr(rules, name)
        for name in (
            "trailing_stop",
            "trailing_stop_positive",
            "trailing_stop_positive_offset",
            "trailing_only_offset_is_reached",
        )
    }


def test_a_position_entered_inside_a_bar_begins_with_the_next() -> None:
    bars = ((100, 106, 94, 100), FLAT, (100, 106, 99, 105), (100, 106, 99, 105))
    rules = strategy(-0.05, roi={0: 0.2, 120: 0.04})
    assert walked_there(bars, rules, at_open=True).left == Left(0, 95, STOP)
    inside = walked_there(bars, rules, at_open=False)
    assert inside.left == Left(3, 104, ROI), "it is 60 minutes old in its second bar"
    assert inside.stops == [95.0, 95.0, 95.0]


def test_an_open_fills_only_where_a_step_is_whole_bars() -> None:
    bars = (FLAT, (103, 104, 100, 101), FLAT)
    rules = strategy(-0.05, roi={0: 0.2, 1110: 0.01})
    after_a_night = walked_there(bars, rules, night_before=1)
    assert after_a_night.left == Left(1, 101, ROI), "1,110 minutes are 18.5 bars"
    halves = walked_there(bars, rules, night_before=1, bar_minutes=30.0)
    assert halves.left == Left(2, 100, OPEN), "it is 1,080 minutes old"
    whole = walked_there(bars, strategy(-0.05, roi={0: 0.2, 1080: 0.01}), night_before=1,
                         bar_minutes=30.0)  # fmt: skip
    assert whole.left == Left(1, 103, ROI)


def test_a_position_entered_inside_its_last_bar_ends_at_its_close() -> None:
    only = ((100, 106, 94, 103),)
    assert walked_there(only, strategy(), at_open=False).left == Left(0, 103, OPEN)
    assert walked_there(only, strategy(), at_open=True).left == Left(0, 100, OPEN)


@pytest.mark.parametrize(
    ("rules", "bar", "slipped"),
    [
        (strategy(-0.05), (99, 99.5, 94, 96), 94.98),
        (strategy(-0.05, roi={0: 0.04}), (100, 106, 99, 105), 104.0),
        (strategy(trails=True), (100, 110, 97, 98), 98.98),
        (strategy(), FLAT, 100.0),
    ],
    ids=["stop", "profit", "trail", "the bars end"],
)
def test_stops_and_trails_slip(
    rules: object, bar: tuple[float, float, float, float], slipped: float
) -> None:
    two_ticks = Slippage(ticks=2.0, spread=0.0, fraction=0.0, exits=0.0)
    walked = walked_there((FLAT, bar, FLAT), rules, slippage=two_ticks)  # type: ignore[arg-type]
    assert walked.slipped == pytest.approx(slipped)
