"""A database as it is after years: a million decisions, a hundred thousand trades, in seconds.

Rows are made by SQL with triggers off, so that the filling is quick; statistics are fresh after it.
One account is large (half of everything), the others share the rest.
"""

from dataclasses import dataclass
from typing import Any, Final

import psycopg

ACCOUNTS: Final = 50
LARGE: Final = "volume-0"
SMALL: Final = "volume-7"
FIRST_MONTH: Final = "2026-05-01"
MONTHS: Final = 6
OPEN_POSITIONS: Final = 25

# The large account has every second row; place gives a row's account.
PREPARE: Final = """
set session_replication_role = replica;
create function pg_temp.account(row_number bigint) returns text language sql immutable as $$
    select 'volume-'
        || case when row_number %% 2 = 0 then 0 else 1 + row_number / 2 %% %(others)s end
$$;
create function pg_temp.moment(row_number bigint, of bigint) returns timestamptz
language sql immutable as $$
    select date_trunc(
        'second',
        timestamptz %(first)s
        + (row_number::double precision / of) * interval '1 month' * %(months)s
    )
$$;
"""

FILL: Final = (
    "insert into stopward.accounts (id, name, mode) select 'volume-' || n, 'Volume ' || n, 'guard'"
    " from generate_series(0, %(accounts)s - 1) as n",
    "insert into stopward.leases (account_id, holder, until, fence)"
    " select a.id, 'nobody', now() - interval '1 hour', 1 from stopward.accounts as a",
    "select stopward.make_partition(t.name, (date %(first)s + make_interval(months => m))::date)"
    " from (values ('decisions'), ('market_views')) as t (name)"
    " cross join generate_series(0, %(months)s - 1) as m",
    """
    insert into stopward.positions (
        account_id, id, symbol, side, quantity, initial_quantity, average_entry, initial_stop, risk,
        stop, lot, tick, fees_per_share, opened_at, adopted_at, marks, realised, closed_quantity,
        stop_rule, closed_at
    )
    select
        pg_temp.account(n), 'p' || n, 'S' || n %% 400, 'long', 0, 100, 100, 98, 2, 99, 1, 0.01, 0,
        pg_temp.moment(n, %(trades)s), pg_temp.moment(n, %(trades)s),
        '{"best": 101.5, "worst": 99.25, "age": 12}', 0, 100, 'breakeven',
        pg_temp.moment(n, %(trades)s) + interval '30 minutes'
    from generate_series(1, %(trades)s) as n
    """,
    """
    insert into stopward.positions (
        account_id, id, symbol, side, quantity, initial_quantity, average_entry, initial_stop, risk,
        stop, lot, tick, fees_per_share, opened_at, adopted_at, marks, realised, closed_quantity,
        stop_rule
    )
    select
        a.id, 'open' || n, 'S' || n, 'long', 100, 100, 100, 98, 2, 99, 1, 0.01, 0,
        pg_temp.moment(1, 1), pg_temp.moment(1, 1),
        '{"best": 101.5, "worst": 99.25, "age": 12}', 0, 0, 'initial'
    from stopward.accounts as a
    cross join generate_series(1, %(open)s) as n
    """,
    """
    insert into stopward.orders (
        account_id, id, position_id, symbol, step, side, quantity, price, rule, tick_at, attempt,
        status, broker_order_id, filled_quantity, filled_price, reason, partials
    )
    select
        p.account_id, p.id || s.step, p.id, p.symbol, s.step, 'sell', 100,
        case s.step when 'arm' then 98 end, s.rule, p.closed_at, 1, s.status, 'b' || p.id || s.step,
        case s.step when 'sell' then 100 else 0 end, case s.step when 'sell' then 101 end, '', 0
    from stopward.positions as p
    cross join (values ('arm', 'initial', 'canceled'), ('sell', 'give_back', 'filled'))
        as s (step, rule, status)
    where p.closed_at is not null
    """,
    """
    insert into stopward.order_events (
        account_id, order_id, tick_at, at, status, filled_quantity, reason, fence
    )
    select o.account_id, o.id, o.tick_at, o.tick_at, s.status, 0, '', 1
    from stopward.orders as o
    cross join (values ('recorded'), ('filled')) as s (status)
    """,
    # Triggers are on here: exits, sums and notices are made as they always are.
    "set session_replication_role = origin",
    """
    insert into stopward.trades (
        account_id, position_id, symbol, side, quantity, average_entry, risk, opened_at, closed_at,
        exit_price, result, result_r, mae_r, mfe_r, cause, tick_at
    )
    select
        p.account_id, p.id, p.symbol, p.side, 100, 100, 2, p.opened_at, p.closed_at,
        100 + o.r * 2, o.r * 200, o.r, 0.25, 1.5,
        (array['give_back', 'breakeven', 'stall', 'by_hand'])[1 + (hashtext(p.id) & 3)], p.closed_at
    from stopward.positions as p
    cross join lateral (select ((hashtext(p.id) & 1023) - 480) / 256.0 as r) as o
    where p.closed_at is not null
    """,
    "set session_replication_role = replica",
    "update stopward.notifications set created_at = now() - id * interval '150 seconds'",
    """
    insert into stopward.decisions (
        account_id, position_id, tick_at, source, symbol, kind, rule, stop, fired, reasons, state,
        account_state, rules_hash, rule_version, mask, closed_bar, measured, last_tick_at, price
    )
    select
        pg_temp.account(n), 'p' || (1 + n %% %(trades)s), pg_temp.moment(n, %(decisions)s),
        'monitor_positions', 'S' || n %% 400, case when n %% 20 = 0 then 'exit' else 'hold' end,
        case when n %% 20 = 0 then 'give_back' end, 99, 0, '[]', %(state)s, '[0, 0, 0, 0, 0, 0]',
        'hash', '1', 'all', true, '{}', pg_temp.moment(n, %(decisions)s), 101
    from generate_series(1, %(decisions)s) as n
    on conflict do nothing
    """,
    """
    insert into stopward.market_views (account_id, tick_at, symbol, quote_at, bid, ask, feed, bar)
    select
        pg_temp.account(n), pg_temp.moment(n, %(decisions)s), 'S' || n %% 400,
        pg_temp.moment(n, %(decisions)s), 100.99, 101.01, 'iex', '[]'
    from generate_series(1, %(decisions)s, 2) as n
    on conflict do nothing
    """,
    """
    insert into stopward.day_results (
        account_id, session_day, realised, realised_r, peak_r, losses, warned
    )
    select a.id, date %(first)s + d, 100, 0.5, 1, 0, 0
    from stopward.accounts as a cross join generate_series(0, %(months)s * 30) as d
    """,
    """
    insert into stopward.alarms (
        account_id, key, kind, message, severity, first_at, last_at, last_tick_at, cleared_at
    )
    select pg_temp.account(n), 'k' || n, 'stale_quote', 'm', 'warning', t.at, t.at, t.at, t.at
    from generate_series(1, 20000) as n
    cross join lateral (select pg_temp.moment(n, 20000) as at) as t
    """,
)
"""In the order of their keys. Tables that later issues fill add their statement here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How much; `state` is the JSON of each decision's state, small where only plans matter."""

    decisions: int = 1_000_000
    trades: int = 100_000
    state: str = "[]"


def fill(connection: psycopg.Connection[Any], volume: Volume) -> None:
    """Fill a migrated, empty database and leave its statistics fresh; autocommit is needed."""
    values = {
        "accounts": ACCOUNTS, "others": ACCOUNTS - 1, "first": FIRST_MONTH, "months": MONTHS,
        "open": OPEN_POSITIONS, "trades": volume.trades, "decisions": volume.decisions,
        "state": volume.state,
    }  # fmt: skip
    client = psycopg.ClientCursor(connection)
    for statement in (PREPARE, *FILL):
        client.execute(statement.encode(), values)
    connection.execute("reset session_replication_role")
    connection.execute("vacuum analyze")
