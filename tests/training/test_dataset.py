"""A dataset holds what was given, in order, or says which row it cannot hold."""

from typing import Any

import numpy as np
import pytest

from stopward.errors import InvalidInput
from stopward.training.dataset import DAY, dataset
from stopward.training.minimum import Minimum, minimum
from tests.builders.simulated_trades import some_trades


def given(**changed: Any) -> dict[str, Any]:
    """Return three trades, given out of order."""
    known: dict[str, Any] = {
        "x": [[1.0, np.nan], [2.0, 0.5], [3.0, 0.1]],
        "names": ("atr", "rsi"),
        "schema_hash": "a" * 64,
        "net_r": [1.0, -1.0, 0.0],
        "entry_at": [3 * DAY, 1 * DAY, 1 * DAY],
        "exit_at": [3 * DAY + 5, 1 * DAY + 9, 1 * DAY + 5],
    }
    return {**known, **changed}


def test_trades_are_sorted_by_entry_and_keep_their_rows() -> None:
    found = dataset(**given())
    assert found.x[:, 0].tolist() == [3.0, 2.0, 1.0]
    assert found.net_r.tolist() == [0.0, -1.0, 1.0]
    assert found.won.tolist() == [False, False, True]
    assert found.day.tolist() == [1, 1, 3]
    assert found.x.dtype == np.float32
    assert np.isnan(found.x[2, 1])


def test_what_was_given_may_be_changed_afterwards() -> None:
    x = np.ones((3, 2), np.float32)
    found = dataset(**given(x=x))
    x[:] = 7.0
    assert (found.x == 1.0).all()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"x": [[1.0], [2.0], [3.0]]}, r"x had shape \(3, 1\); allowed is \(trades, 2 names\)"),
        ({"x": [[1.0, 2.0]]}, r"net_r had shape \(3,\); x has 1 rows"),
        ({"x": [[1.0, 1.0], [1.0, 1e39], [1.0, 1.0]]}, "row 2: a feature was infinite"),
        ({"net_r": [1.0, 1.0, np.nan]}, "row 3: net_r was not a number; leave open trades out"),
        ({"exit_at": [2 * DAY, 2 * DAY, 2 * DAY]}, "row 1: exit_at was before entry_at"),
        ({"entry_at": [0.5, 1.0, 1.0]}, "entry_at was float64; allowed are whole microseconds"),
        ({"names": ("atr", "atr")}, "names had atr twice"),
        ({"schema_hash": ""}, "schema_hash was empty"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_row(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        dataset(**given(**changed))


@pytest.mark.parametrize(
    ("there", "missing", "words"),
    [
        ((100, 60.0, 30, 70), (0, 0, 0), "100 trades, effective number 60.0: enough"),
        ((99, 60.0, 30, 69), (1, 0, 0), "missing: 1 trades (99 of 100)"),
        (
            (100, 59.2, 71, 29),
            (0, 1, 1),
            "missing: 1 of the effective number (59.2 of 60), 1 losers (29 of 30)",
        ),
        (
            (40, 20.0, 5, 35),
            (60, 40, 25),
            "missing: 60 trades (40 of 100), 40 of the effective number (20.0 of 60), "
            "25 winners (5 of 30)",
        ),
    ],
)
def test_the_minimum_says_how_many_are_missing_of_each(
    there: tuple[int, float, int, int], missing: tuple[int, int, int], words: str
) -> None:
    trades, effective, winners, losers = there
    found = Minimum(trades=trades, effective_n=effective, winners=winners, losers=losers)
    assert missing == (
        found.missing_trades,
        found.missing_effective_n,
        found.missing_of_the_rarer_class,
    )
    assert found.is_reached == (missing == (0, 0, 0))
    assert found.sentence() == words


def test_the_minimum_counts_the_trades() -> None:
    found = minimum(some_trades(150, win_rate=0.3))
    assert found.trades == 150
    assert found.winners + found.losers == 150
    assert found.winners < found.losers
    assert found.is_reached
