"""A small sweep in shards: an order, and the same sweep walked here."""

from random import Random

from stopward.replay.grid import rule_sets
from stopward.replay.run import replay
from stopward.replay.sharding.order import Order
from stopward.replay.sweep import Walked, walk_sets
from stopward.replay.terms import Commission, Conditions
from tests.builders.replay import a_table, some_positions

RULES = '[account]\nadopt = "all"\n[rules.target]\ndistance = "2 r"\nresting = true\n'
GRID = """
[grid]
"rules.target.distance" = ["0.3 r", "0.5 r", "0.8 r", "1 r", "1.3 r", "1.6 r"]
[split]
fit = 2
embargo = 0
test = 1
"""
"""Six rule sets beside the rules as they are; they differ in a number, so they compile once."""


def an_order(seed: int = 7, *, positions: int = 40) -> Order:
    """Return a sweep over random bars and positions, with costs."""
    rng = Random(seed)  # noqa: S311
    table = a_table(rng)
    return Order(
        table=table,
        finer=None,
        positions=some_positions(rng, table, count=positions),
        rules=RULES,
        rules_source="rules.toml",
        grid=GRID,
        grid_source="grid.toml",
        conditions=Conditions(commission=Commission(per_share=0.005, least=1.0)),
    )


def walked_here(order: Order) -> Walked:
    """Return the sweep as one machine walks it."""
    return walk_sets(
        rule_sets(order.parsed_grid(), order.rules, source=order.rules_source),
        lambda book: replay(order.positions, order.table, book, order.conditions),
        progress=lambda _: None,
    )
