"""Limits of the day: sessions walked again where needed equal all positions side by side."""

from decimal import Decimal

import numpy as np
import pytest

from stopward.domain.rulebook import RuleBook, parse
from stopward.replay.engine import Walk
from stopward.replay.entries import opened
from stopward.replay.limits import walk_together
from stopward.replay.market import MarketColumns
from stopward.replay.terms import Conditions
from stopward.rules.codes import RULE_NAMES
from stopward.rules.course import MOST_EXITS
from tests.builders.kernel_random import dice
from tests.builders.march import Sold, march
from tests.builders.replay import a_table, some_positions

PLAIN = """
[rules.breakeven]
arm = "0.5 r"
[rules.session_flat]
minutes = 5
[rules.partial]
at_1 = "0.6 r"
fraction_1 = 0.5
"""
LOSS = {"loss_r": 1000, "loss_fraction": 0.5}
PROFIT = {"arm_r": 1000}
TIGHTEN = {"act": '"tighten"', "tighten": '"0.4 r"'}
LIMITS = {
    "a loss in R closes all": (LOSS | {"loss_r": 1.5}, PROFIT),
    "a loss of money closes all": (LOSS | {"loss_fraction": 0.001}, PROFIT),
    "a loss tightens all": (LOSS | TIGHTEN | {"loss_r": 1}, PROFIT),
    "a peak is given back": (LOSS, PROFIT | {"arm_r": 1, "give_back": 0.3}),
    "whatever comes first": (LOSS | TIGHTEN | {"loss_r": 1}, {"arm_r": 0.5, "give_back": 0.5}),
}
"""Both are always on, one of them out of reach: the same machine code serves every case."""


def a_book(loss: dict[str, object], profit: dict[str, object]) -> RuleBook:
    tables = [("limits.day_loss", loss), ("limits.day_profit", profit)]
    limits = "".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in table.items())
        for name, table in tables
    )
    return parse(f'[account]\nadopt = "all"\nfees_per_share = 0.01\n{PLAIN}{limits}', source="test")


def walked(walking: Walk) -> list[list[Sold]]:
    """Return the fills of each position, as `march` tells them."""
    walk_together(walking)
    exits, sold = walking.exits, np.asarray(walking.courses.sold).astype(int)
    return [
        [
            (
                float(exits.quantity[slot]),
                float(exits.price[slot]),
                RULE_NAMES[int(exits.rule[slot])],
                int(exits.bar[slot]),
            )
            for slot in range(row * MOST_EXITS, row * MOST_EXITS + sold[row])
        ]
        for row in range(len(walking.opened))
    ]


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS.keys())
def test_sessions_walked_again_equal_all_positions_side_by_side(
    limits: tuple[dict[str, object], dict[str, object]],
) -> None:
    book, quiet_book = a_book(*limits), a_book(LOSS, PROFIT)
    conditions = Conditions(equity=Decimal(20_000))
    closed = changed = 0
    for seed in range(6):
        rng = dice(seed)
        table = a_table(rng)
        columns = MarketColumns(table=table)
        rows = opened(some_positions(rng, table, count=24), table, book)
        expected = march(rows, columns, book, conditions)
        found = walked(Walk(opened=rows, columns=columns, book=book, conditions=conditions))
        assert found == expected, f"seed {seed}"
        closed += any(rule.startswith("day_") for sales in found for _, _, rule, _ in sales)
        quiet = Walk(opened=rows, columns=columns, book=quiet_book, conditions=conditions)
        changed += found != walked(quiet)
    assert changed > 1, "the limit never acted, so nothing was compared"
    assert closed or TIGHTEN.items() <= limits[0].items()
