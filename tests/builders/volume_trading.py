"""What the guard writes, at volume: positions, orders, trades, decisions and their like.

In the order of their keys. A position is open for a while, and has its decisions then.
"""

from typing import Final

TRADING: Final = (
    "insert into stopward.accounts (id, name, mode) select 'volume-' || n, 'Volume ' || n, 'guard'"
    " from generate_series(0, %(accounts)s - 1) as n",
    "insert into stopward.members (account_id, user_id)"
    " select a.id, gen_random_uuid() from stopward.accounts as a",
    "insert into stopward.leases (account_id, holder, until, fence)"
    " select a.id, 'nobody', now() - interval '1 hour', 1 from stopward.accounts as a",
    "select stopward.make_partition(t.name, m.month::date)"
    " from (values ('decisions'), ('market_views')) as t (name)"
    " cross join generate_series("
    " date_trunc('month', pg_temp.moment(0, 1)), %(until)s, interval '1 month') as m (month)",
    """
    insert into stopward.positions (
        account_id, id, symbol, side, quantity, initial_quantity, average_entry, initial_stop, risk,
        stop, lot, tick, fees_per_share, opened_at, adopted_at, marks, realised, closed_quantity,
        stop_rule, closed_at
    )
    select
        pg_temp.account(n), 'p' || n, pg_temp.symbol(n), 'long', 0, 100, 100, 98, 2, 99, 1, 0.01, 0,
        m.at, m.at, '{"best": 101.5, "worst": 99.25, "age": 12}', 0, 100, 'breakeven',
        m.at + interval '10 minutes'
    from generate_series(1, %(trades)s) as n
    cross join lateral (select pg_temp.moment(n - 10, %(trades)s) as at) as m
    """,
    """
    insert into stopward.positions (
        account_id, id, symbol, side, quantity, initial_quantity, average_entry, initial_stop, risk,
        stop, lot, tick, fees_per_share, opened_at, adopted_at, marks, realised, closed_quantity,
        stop_rule
    )
    select
        a.id, 'open' || n, 'S' || n, 'long', 100, 100, 100, 98, 2, 97 + n %% 2, 1, 0.01, 0,
        pg_temp.moment(9, 10), pg_temp.moment(9, 10),
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
        case when s.step <> 'sell' then 98 end, s.rule,
        case s.step when 'sell' then p.closed_at else p.opened_at end, 1,
        case when s.step = 'arm' and hashtext(p.id) & 7 = 0 then 'rejected' else s.status end,
        'b' || p.id || s.step, case s.step when 'sell' then 100 else 0 end,
        case s.step when 'sell' then 101 end,
        case when s.step = 'arm' and hashtext(p.id) & 7 = 0 then 'too late' else '' end, 0
    from stopward.positions as p
    cross join (
        values ('arm', 'initial', 'canceled'), ('move', 'breakeven', 'canceled'),
        ('sell', 'give_back', 'filled')
    ) as s (step, rule, status)
    where p.closed_at is not null and (s.step <> 'move' or hashtext(p.id) & 3 = 0)
    """,
    """
    insert into stopward.orders (
        account_id, id, position_id, symbol, step, side, quantity, price, rule, tick_at, attempt,
        status, broker_order_id, filled_quantity, reason, partials
    )
    select
        p.account_id, p.id || 'arm', p.id, p.symbol, 'arm', 'sell', 100, p.stop, 'initial',
        p.opened_at, 1, 'working', 'b' || p.id, 0, '', 0
    from stopward.positions as p
    where p.closed_at is null
    """,
    """
    insert into stopward.order_events (
        account_id, order_id, tick_at, at, status, filled_quantity, reason, fence
    )
    select o.account_id, o.id, o.tick_at, o.tick_at, s.status, 0, '', 1
    from stopward.orders as o
    cross join (values ('recorded'), ('filled')) as s (status)
    """,
    """
    insert into stopward.trades (
        account_id, position_id, symbol, side, quantity, average_entry, risk, opened_at, closed_at,
        exit_price, result, result_r, mae_r, mfe_r, cause, tick_at, session_day
    )
    select
        p.account_id, p.id, p.symbol, p.side, 100, 100, 2, p.opened_at, p.closed_at,
        100 + o.r * 2, o.r * 200, o.r, 0.25, 1.5,
        (array['give_back', 'breakeven', 'momentum', 'by_hand'])[1 + (hashtext(p.id) & 3)],
        p.closed_at, s.session_day
    from stopward.positions as p
    inner join sessions as s on s.day = p.closed_at::date
    cross join lateral (select (((hashtext(p.id) >> 8) & 1023) - 480) / 256.0 as r) as o
    where p.closed_at is not null
    """,
    # What is older than three days has its attribution; of some the bars do not tell.
    """
    insert into stopward.position_exits (
        account_id, position_id, rule, session_day, fills, quantity, price, at, result, r, trade_r,
        without_r, attributed_at, attribution_version, unknown_because, doubt
    )
    select
        t.account_id, t.position_id, t.cause, t.session_day, 1, t.quantity, t.exit_price,
        t.closed_at, t.result, t.result_r, t.result_r,
        case
            when a.is_asked and not a.is_unknown
                then t.result_r + ((hashtext(t.position_id) >> 20 & 255) - 128) / 99.0
        end,
        case when a.is_asked then t.closed_at + interval '1 day' end,
        case when a.is_asked then '1' end,
        case when a.is_asked and a.is_unknown then 'bars_end' end,
        case when hashtext(t.position_id) >> 12 & 63 = 0 then 'no_fills' end
    from stopward.trades as t
    cross join lateral (
        select
            t.closed_at < %(until)s::timestamptz - interval '3 days' as is_asked,
            hashtext(t.position_id) >> 6 & 63 = 0 as is_unknown
    ) as a
    """,
    """
    insert into stopward.rule_days (
        account_id, session_day, rule, fired, fills, quantity, result, r_known, r_sum, r_squares,
        wins, losses, doubtful, saved_known, saved_r_sum, saved_r_gains, saved_r_costs
    )
    select
        e.account_id, e.session_day, e.rule, count(*), sum(e.fills), sum(e.quantity), sum(e.result),
        count(e.r), sum(e.r), sum(e.r * e.r), count(*) filter (where e.r > 0),
        count(*) filter (where e.r < 0), count(e.doubt), count(e.saved_r),
        coalesce(sum(e.saved_r), 0), coalesce(sum(greatest(e.saved_r, 0)), 0),
        coalesce(sum(greatest(-e.saved_r, 0)), 0)
    from stopward.position_exits as e
    group by e.account_id, e.session_day, e.rule
    """,
    """
    insert into stopward.equity_days (
        account_id, session_day, trades, wins, losses, result, won, lost, r_known, r_sum,
        r_squares, last_closed_at
    )
    select
        t.account_id, t.session_day, count(*), count(*) filter (where t.result > 0),
        count(*) filter (where t.result < 0), sum(t.result), sum(greatest(t.result, 0)),
        sum(least(t.result, 0)), count(*), sum(t.result_r), sum(t.result_r * t.result_r),
        max(t.closed_at)
    from stopward.trades as t
    group by t.account_id, t.session_day
    """,
    """
    insert into stopward.decisions (
        account_id, position_id, tick_at, source, symbol, kind, rule, stop, fired, reasons, state,
        account_state, rules_hash, rule_version, mask, closed_bar, measured, last_tick_at, price
    )
    select
        pg_temp.account(n), 'p' || n, m.at, 'monitor_positions', pg_temp.symbol(n),
        case e when %(each)s then 'exit' when 3 then 'move_stop' else 'hold' end,
        case e when %(each)s then 'give_back' when 3 then 'breakeven' end, 99,
        case when e in (3, %(each)s) then 32 else 0 end, '[]', %(state)s, '[0, 0, 0, 0, 0, 0]',
        'hash-20', '1', 'all', true, '[]', m.at, 101
    from generate_series(1, %(trades)s) as n
    cross join generate_series(1, %(each)s) as e
    cross join lateral (
        select pg_temp.moment(n - 10, %(trades)s) + interval '1 minute' * e as at
    ) as m
    """,
    """
    insert into stopward.decisions (
        account_id, position_id, tick_at, source, symbol, kind, fired, reasons, state,
        account_state, rules_hash, rule_version, mask, closed_bar, measured, last_tick_at, price
    )
    select
        p.account_id, p.id, m.at, 'monitor_positions', p.symbol, 'hold', 0, '[]', %(state)s,
        '[0, 0, 0, 0, 0, 0]', 'hash-20', '1', 'all', true, '[]', m.at, 101
    from stopward.positions as p
    cross join generate_series(1, 100) as e
    cross join lateral (
        select %(until)s::timestamptz - interval '1 minute' * (100 - e) as at
    ) as m
    where p.closed_at is null
    """,
    """
    insert into stopward.decision_runs (account_id, position_id, source, tick_at, last_tick_at)
    select
        p.account_id, p.id, 'monitor_positions', coalesce(p.closed_at, %(until)s),
        coalesce(p.closed_at, %(until)s)
    from stopward.positions as p
    """,
    """
    insert into stopward.market_views (account_id, tick_at, symbol, quote_at, bid, ask, feed, bar)
    select
        pg_temp.account(n), m.at, pg_temp.symbol(n), m.at, 100.99, 101.01, 'iex', '[]'
    from generate_series(1, %(trades)s) as n
    cross join generate_series(1, %(each)s, 2) as e
    cross join lateral (
        select pg_temp.moment(n - 10, %(trades)s) + interval '1 minute' * e as at
    ) as m
    """,
    """
    insert into stopward.observations (
        account_id, tick_at, position_id, symbol, kind, cause, observed_at
    )
    select p.account_id, p.opened_at, p.id, p.symbol, 'adopted', 'market', p.opened_at
    from stopward.positions as p
    """,
    """
    insert into stopward.protection_gaps (account_id, symbol, tick_at, phase, seconds)
    select p.account_id, p.symbol, p.opened_at, 'record', 0.5
    from stopward.positions as p where p.closed_at is not null
    """,
    """
    insert into stopward.symbol_states (account_id, symbol, carry, highs, lows)
    select a.id, 'S' || n, '{}', '', '' from stopward.accounts as a
    cross join generate_series(1, 400) as n
    """,
    """
    insert into stopward.day_results (
        account_id, session_day, realised, realised_r, peak_r, losses, warned
    )
    select a.id, d.session_day, 100, 0.5, 1, 0, 0
    from stopward.accounts as a cross join (select distinct s.session_day from sessions as s) as d
    """,
)
