"""Many closed positions at once, past every function, and what a model may learn of them."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from stopward.domain.identity import AccountId, PositionId


class Hand(Protocol):
    """Who can write to an account, past every function."""

    account_id: AccountId

    def transaction(self) -> AbstractContextManager[object]: ...
    def execute(self, statement: str, *values: object) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A long of one share from 100 with a stop at 98, adopted when it closed."""

    position_id: PositionId
    opened_at: datetime
    closed_at: datetime
    result_r: float


def insert_closed(world: Hand, trades: Sequence[Closed]) -> None:
    """Close positions in one statement and without a tick."""
    columns = (
        [each.position_id for each in trades],
        [each.opened_at for each in trades],
        [each.closed_at for each in trades],
        [each.result_r for each in trades],
        [max(-1e6, min(1e6, each.result_r)) * 2 for each in trades],
    )
    rows = (
        " from unnest(%s::text[], %s::timestamptz[], %s::timestamptz[], %s::float8[],"
        " %s::numeric[]) as g (id, opened_at, closed_at, result_r, result)"
    )
    with world.transaction():
        world.execute(
            """
            insert into stopward.positions (
                account_id, id, symbol, side, quantity, initial_quantity, average_entry,
                initial_stop, risk, stop, lot, tick, fees_per_share, opened_at, adopted_at, marks,
                realised, closed_quantity, stop_rule, closed_at
            )
            select
                %s, g.id, 'BULK', 'long', 0, 1, 100, 98, 2, 98, 1, 0.01, 0, g.opened_at,
                g.closed_at, '{"best": 100, "worst": 100}', 2, 1, 'stop', g.closed_at
            """
            + rows,
            world.account_id,
            *columns,
        )
        world.execute(
            """
            insert into stopward.trades (
                account_id, position_id, symbol, side, quantity, average_entry, risk, opened_at,
                closed_at, exit_price, result, result_r, mae_r, mfe_r, cause, tick_at
            )
            select
                %s, g.id, 'BULK', 'long', 1, 100, 2, g.opened_at, g.closed_at, 102, g.result,
                g.result_r, 0.25, 1.5, 'target', g.closed_at
            """
            + rows,
            world.account_id,
            *columns,
        )
