"""Each feature in a market so plain that its number can be worked out on paper."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stopward.domain.features import (
    ENTRY,
    OPEN,
    AccountState,
    Held,
    Known,
    Reading,
    Result,
    Signal,
    as_bytes,
    entry_vector,
    names,
    open_vector,
)
from stopward.domain.features.vector import as_float32
from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from tests.builders.features import ACME, INDEX, MINUTE, MONDAY, TUESDAY, minutes_of

LAST = TUESDAY.opens_at + 59 * MINUTE
AT = LAST + MINUTE + timedelta(seconds=30)
"""An hour and half a minute after the open."""


def flat(at: Any, *, symbol: Symbol = ACME, price: float = 100.0, half: float = 0.5) -> ClosedBar:
    """Return a bar that opens and closes at a price, its range twice `half`."""
    return ClosedBar(
        symbol=symbol, at=at, open=price, high=price + half, low=price - half, close=price,
        volume=1_000.0,
    )  # fmt: skip


def a_market(symbol: Symbol, scale: float, **last: float) -> tuple[ClosedBar, ...]:
    """Return a flat Monday and a flat hour of Tuesday, its open half a range up.

    The last bar comes from the middle of the range and closes a range up.
    """
    times = [*minutes_of(MONDAY), *minutes_of(TUESDAY)[:60]]
    bars = [flat(at, symbol=symbol, price=100.0 * scale, half=0.5 * scale) for at in times]
    bars[390] = replace(bars[390], open=100.5 * scale)
    end = {"open": 100.5, "high": 101.0, "low": 100.0, "close": 101.0, **last}
    prices = {name: price * scale for name, price in end.items()}
    bars[-1] = replace(bars[-1], volume=2_500.0, **prices)
    return tuple(bars)


def days() -> tuple[ClosedBar, ...]:
    """Return 60 daily bars at 50.00 with a range of 2.00, the last one a half of it up."""
    first = MONDAY.opens_at - timedelta(days=59, hours=9, minutes=30)
    bars = [flat(first + timedelta(days=n), price=50.0, half=1.0) for n in range(60)]
    bars[-1] = replace(bars[-1], close=51.0)
    return tuple(bars)


def results() -> tuple[Result, ...]:
    """Return 25 trades: 15 of -1R on Monday, 7 of +2R in ACME, a loss, then two wins today."""
    rows = [(INDEX, -1.0)] * 15 + [(ACME, 2.0)] * 7 + [(INDEX, -0.5), (INDEX, 0.25), (ACME, 1.0)]
    earlier = [MONDAY.opens_at + number * MINUTE for number in range(22)]
    today = [TUESDAY.opens_at + number * MINUTE for number in (5, 10, 15)]
    return tuple(
        Result(symbol=symbol, closed_at=at, r=r)
        for at, (symbol, r) in zip([*earlier, *today], rows, strict=True)
    )


KNOWN = Known(
    sessions=(MONDAY, TUESDAY),
    bars=a_market(ACME, 1.0),
    daily_bars=days(),
    market_bars=a_market(INDEX, 50.0),
    vix=(Reading(at=TUESDAY.opens_at, number=18.5), Reading(at=LAST, number=99.0)),
    breadth=(Reading(at=AT - 2 * MINUTE, number=0.7),),
    account=AccountState(results=results(), open_positions=3),
)
SIGNAL = Signal(symbol=ACME, side="long", entry=101.25, stop=99.25, target=105.25, at=AT)
BY_HAND: dict[str, float] = {
    # Every range is 1, and so is the ATR. One close is 1 up: an average of n moves 2 / (n + 1).
    "ema_fast_distance": 1 - 2 / 13,
    "ema_slow_distance": 1 - 2 / 27,
    "ema_slope": 2 / 21,
    "rsi": 50,  # only a gain: 100, less 50
    "macd": 2 / 13 - 2 / 27,
    "macd_histogram": 0.8 * (2 / 13 - 2 / 27),  # the signal took a fifth of it
    "adx": 100 / 14,  # one strength of 100 after zeros
    "direction": 100 * 0.5 / 14,  # the high is 0.5 up, a fourteenth of it kept, over a range of 1
    # 61,500 shares: 2,500 of them at (101 + 100 + 101) / 3, the others at 100.
    "vwap_distance": 1 - 2_500 * (2 / 3) / 61_500,
    "momentum_5": 1,
    "momentum_30": 1,
    "session_move": 0.5,  # from 100.50 to 101, Monday's range was 1
    "gap": 0.5,
    "range_position": 1,  # it closes at the high
    "atr_percent": 100 / 101,
    "volatility_regime": 1,
    "daily_atr_percent": 100 * 2 / 51,
    "daily_trend": (1 - 2 / 21) / 2,
    "relative_volume": 2.5,
    "session_volume": 61_500 / 60_000,
    "market_trend": 1 - 2 / 27,
    "market_move": 0.5,
    "vix": 18.5,  # the later one is under a quarter of an hour old
    "breadth": 0.4,
    "minute_of_session": 60.5,
    "minutes_to_close": 329.5,
    "weekday": 1,
    "side": 1,
    "risk_atr": 2,
    "risk_daily_atr": (2 / 101.25) / (2 / 51),
    "reward_to_risk": 2,
    "entry_distance": 0.25,
    "recent_win_rate": 9 / 20,  # the last 20: 10 losses, 7 wins, a loss, 2 wins
    "recent_mean_r": (-10 + 14 - 0.5 + 0.25 + 1) / 20,
    "streak": 2,
    "day_r": 0.75,
    "day_trades": 3,
    "open_positions": 3,
    # 15R of 8 trades in ACME, and the weight of 10 at the account's mean of -0.25R / 25.
    "symbol_mean_r": (15 + 10 * -0.25 / 25) / 18,
    "symbol_trades": 8,
}
SHORT: dict[str, float] = {
    name: -BY_HAND[name]
    for name in (
        "ema_fast_distance", "ema_slow_distance", "ema_slope", "rsi", "macd", "macd_histogram",
        "direction", "vwap_distance", "momentum_5", "momentum_30", "session_move", "gap",
        "range_position", "daily_trend", "market_trend", "market_move", "breadth", "side",
        "entry_distance",
    )
}  # fmt: skip
"""The same market with the other side: what has a direction turns round, the rest stays."""


def entry(signal: Signal = SIGNAL, **changes: Any) -> dict[str, float | None]:
    return dict(zip(names("entry"), entry_vector(signal, replace(KNOWN, **changes)), strict=True))


def test_every_entry_feature_has_its_number_here() -> None:
    assert list(BY_HAND) == [feature.name for feature in ENTRY]


@pytest.mark.parametrize("name", BY_HAND)
def test_an_entry_feature_of_a_long(name: str) -> None:
    assert entry()[name] == pytest.approx(BY_HAND[name], rel=2e-6)


@pytest.mark.parametrize("name", BY_HAND)
def test_an_entry_feature_of_a_short(name: str) -> None:
    short = replace(SIGNAL, side="short", stop=103.25, target=97.25)
    assert entry(short)[name] == pytest.approx({**BY_HAND, **SHORT}[name], rel=2e-6)


def test_a_wide_bar_raises_the_regime() -> None:
    """A range of 15 after ranges of 1: the short average gains a fourteenth of 14."""
    bars = a_market(ACME, 1.0, high=110.0, low=95.0)
    assert entry(bars=bars)["volatility_regime"] == pytest.approx(2 / (1 + 14 / 120))


def test_the_middle_of_the_range_is_neither_end() -> None:
    """The session's range is 99.50 to 101.50; a close at 101 is three quarters up."""
    assert entry(bars=a_market(ACME, 1.0, high=101.5))["range_position"] == 0.5


def test_what_lies_outside_of_a_range_is_clipped_to_it() -> None:
    far = replace(SIGNAL, target=1_000.0)
    assert entry(far)["reward_to_risk"] == 50.0
    assert entry(vix=(Reading(at=TUESDAY.opens_at, number=500.0),))["vix"] == 100.0
    assert entry(vix=(Reading(at=TUESDAY.opens_at, number=-3.0),))["vix"] == 5.0


def test_a_run_of_losses_is_negative_and_nothing_won_is_no_win() -> None:
    account = AccountState(results=results()[:3], open_positions=0)
    found = entry(account=account)
    assert (found["streak"], found["recent_win_rate"], found["day_r"]) == (-3.0, None, 0.0)
    even = tuple(replace(each, r=0.0) for each in results())
    assert entry(account=AccountState(results=even))["recent_win_rate"] == 0.0
    assert entry(account=AccountState(results=even))["streak"] == -20.0


# A position from 100.00 with 2.00 at risk, entered half a minute into the 30th minute of Tuesday.
ENTERED = TUESDAY.opens_at + timedelta(minutes=30, seconds=30)
POSITION = Signal(symbol=ACME, side="long", entry=100.0, stop=98.0, target=105.0, at=ENTERED)
HELD = Held(at=AT, stop=99.0)


def a_life() -> tuple[ClosedBar, ...]:
    """Return the market with a peak of 104 and a trough of 98.50 between entry and now."""
    bars = list(a_market(ACME, 1.0))
    bars[390 + 30] = replace(bars[390 + 30], high=109.0, low=91.0)  # the entry's own bar
    bars[390 + 40] = replace(bars[390 + 40], high=104.0)
    bars[390 + 45] = replace(bars[390 + 45], low=98.5)
    return tuple(bars)


LIFE: dict[str, float] = {
    "r_now": 0.5,  # 101 against 100
    "mfe_r": 2.0,
    "mae_r": 0.75,
    "given_back": 0.75,
    "age_minutes": 30.0,
    "minutes_since_best": 60.5 - 41.0,
    "stop_distance_r": 1.0,
    "target_distance_r": 2.0,
}
LIFE_OF_A_SHORT: dict[str, float] = {
    "r_now": -0.5,
    "mfe_r": 0.75,
    "mae_r": 2.0,
    "given_back": 1.25 / 0.75,
    "age_minutes": 30.0,
    "minutes_since_best": 60.5 - 46.0,
    "stop_distance_r": 0.25,  # from 101 to 101.50
    "target_distance_r": 3.0,
}


def held(position: Signal = POSITION, now: Held = HELD, **changes: Any) -> dict[str, float | None]:
    known = replace(KNOWN, **{"bars": a_life(), **changes})
    return dict(zip(names("open"), open_vector(position, now, known), strict=True))


@pytest.mark.parametrize("name", LIFE)
def test_an_open_feature_of_a_long_and_of_a_short(name: str) -> None:
    assert held()[name] == pytest.approx(LIFE[name])
    short = replace(POSITION, side="short", stop=102.0, target=95.0)
    assert held(short, replace(HELD, stop=101.5))[name] == pytest.approx(LIFE_OF_A_SHORT[name])


@pytest.mark.parametrize("name", [each.name for each in OPEN if each.name not in LIFE])
def test_what_both_kinds_have_is_the_same_number_at_the_same_time(name: str) -> None:
    assert held(bars=KNOWN.bars)[name] == entry()[name] is not None


def test_every_open_feature_has_its_number_here() -> None:
    assert {*LIFE} == {each.name for each in OPEN} - {each.name for each in ENTRY}
    assert {*LIFE_OF_A_SHORT} == {*LIFE}


def test_a_life_over_night_counts_minutes_of_session_and_bars_of_both_days() -> None:
    """Entered on Monday an hour before the close, at whose last bar the peak was."""
    bars = list(a_market(ACME, 1.0))
    bars[389] = replace(bars[389], high=106.0)
    late = replace(POSITION, at=MONDAY.closes_at - 60 * MINUTE)
    found = held(late, bars=tuple(bars))
    assert (found["age_minutes"], found["mfe_r"], found["minutes_since_best"]) == (120.5, 3.0, 60.5)


def test_without_the_bars_from_the_entry_on_nothing_is_known_of_its_life() -> None:
    """Half of a life has an excursion too, and a wrong one."""
    later = tuple(bar for bar in a_life() if bar.at > ENTERED)
    found = held(bars=later)
    life = set(LIFE) - {"age_minutes"}
    assert {name for name in LIFE if found[name] is None} == life
    fresh = replace(POSITION, at=LAST + timedelta(seconds=30))
    assert {name for name in LIFE if held(fresh)[name] is None} == life


def test_a_target_or_stop_that_is_missing_leaves_the_rest() -> None:
    found = held(replace(POSITION, target=None), replace(HELD, stop=None))
    missing = {name for name in LIFE if found[name] is None}
    assert missing == {"stop_distance_r", "target_distance_r"}


def test_no_gain_yet_is_no_share_given_back() -> None:
    down = tuple(
        replace(bar, open=99.0, high=99.5, low=98.5, close=99.0) if bar.at > ENTERED else bar
        for bar in a_life()
    )
    found = held(bars=down)
    assert (found["mfe_r"], found["given_back"], found["mae_r"]) == (0.0, None, 0.75)


def test_the_numbers_are_the_float32_nearest_to_those_on_paper() -> None:
    assert entry()["vix"] == 18.5
    assert entry()["macd"] == pytest.approx(as_float32(BY_HAND["macd"]), rel=1e-7)
    assert len(as_bytes(entry_vector(SIGNAL, KNOWN))) == 4 * len(ENTRY)
