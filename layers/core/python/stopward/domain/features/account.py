"""How the account has fared of late, in all and in this symbol."""

from collections.abc import Sequence
from typing import Final

from stopward.domain.features.known import Result
from stopward.domain.features.row import Feature
from stopward.domain.features.sight import Sight
from stopward.domain.sessions import EVENING
from stopward.rules.types import NAN

RECENT: Final = 20
FEWEST: Final = 5
"""Results under which a mean says nothing. [judgement]"""
PRIOR: Final = 10.0
"""Results of the account's own mean that a symbol's mean starts from. [judgement]"""
ACCOUNT_NEEDS: Final = ("account",)


def _results(sight: Sight) -> tuple[Result, ...]:
    return () if sight.past is None else sight.past.results


def _total(results: Sequence[Result]) -> float:
    # Added up in order: a sum that compensates would differ between versions of Python.
    total = 0.0
    for each in results:
        total += each.r
    return total


def _win_rate(sight: Sight) -> float:
    recent = _results(sight)[-RECENT:]
    return sum(each.r > 0.0 for each in recent) / len(recent) if len(recent) >= FEWEST else NAN


def _mean_r(sight: Sight) -> float:
    recent = _results(sight)[-RECENT:]
    return _total(recent) / len(recent) if len(recent) >= FEWEST else NAN


def _streak(sight: Sight) -> float:
    results = _results(sight)
    if not results:
        return NAN
    won = results[-1].r > 0.0
    length = 0.0
    for each in reversed(results):
        if (each.r > 0.0) != won:
            break
        length += 1.0
    return length if won else -length


def _today(sight: Sight) -> list[Result] | None:
    if sight.past is None or sight.session is None:
        return None
    since = sight.session.opens_at - EVENING
    return [each for each in sight.past.results if each.closed_at >= since]


def _day_r(sight: Sight) -> float:
    today = _today(sight)
    return NAN if today is None else _total(today)


def _day_trades(sight: Sight) -> float:
    today = _today(sight)
    return NAN if today is None else float(len(today))


def _of_symbol(sight: Sight) -> list[Result]:
    return [each for each in _results(sight) if each.symbol == sight.signal.symbol]


def _symbol_r(sight: Sight) -> float:
    results, own = _results(sight), _of_symbol(sight)
    if len(results) < FEWEST:
        return NAN
    mean = _total(results) / len(results)
    return (_total(own) + PRIOR * mean) / (len(own) + PRIOR)


DAY_R: Final = Feature(
    name="day_r",
    unit="R",
    low=-50.0,
    high=50.0,
    needs=("account", "sessions"),
    meaning="Sum of the results that closed today; 0 when none did.",
    read=_day_r,
)
ACCOUNT: Final = (
    Feature(
        name="recent_win_rate",
        unit="share",
        low=0.0,
        high=1.0,
        needs=ACCOUNT_NEEDS,
        meaning="Share of the last 20 results that were over 0R; missing under 5 results.",
        read=_win_rate,
    ),
    Feature(
        name="recent_mean_r",
        unit="R",
        low=-5.0,
        high=5.0,
        needs=ACCOUNT_NEEDS,
        meaning="Mean of the last 20 results; missing under 5 results.",
        read=_mean_r,
    ),
    Feature(
        name="streak",
        unit="trades",
        low=-20.0,
        high=20.0,
        needs=ACCOUNT_NEEDS,
        meaning="Wins in a row up to the last result; losses in a row are negative.",
        read=_streak,
    ),
    DAY_R,
    Feature(
        name="day_trades",
        unit="trades",
        low=0.0,
        high=200.0,
        needs=("account", "sessions"),
        meaning="Trades that closed today.",
        read=_day_trades,
    ),
    Feature(
        name="open_positions",
        unit="positions",
        low=0.0,
        high=100.0,
        needs=ACCOUNT_NEEDS,
        meaning="Other positions that were open.",
        read=lambda sight: NAN if sight.past is None else float(sight.past.open_positions),
    ),
    Feature(
        name="symbol_mean_r",
        unit="R",
        low=-5.0,
        high=5.0,
        needs=("signal", *ACCOUNT_NEEDS),
        meaning="Mean of the symbol's results among the account's last 200, shrunk towards the "
        "account's by the weight of 10 results; missing under 5 results of the account.",
        source="James and Stein, Estimation with Quadratic Loss, 1961",
        read=_symbol_r,
    ),
    Feature(
        name="symbol_trades",
        unit="trades",
        low=0.0,
        high=200.0,
        needs=("signal", *ACCOUNT_NEEDS),
        meaning="The symbol's results among the account's last 200.",
        read=lambda sight: NAN if sight.past is None else float(len(_of_symbol(sight))),
    ),
)
