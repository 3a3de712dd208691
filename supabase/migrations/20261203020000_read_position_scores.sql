-- Why: a tick reads what a model last said of its open positions, so that a rule may tighten by it. It is part of the
--      snapshot, so that a tick asks no further question: one look at the key for each open position. What does not bind (the model is
--      in shadow, or the position in the control arm) is not told: no rule can go by it, not even by mistake.
-- Lock: none. Phase: before deploy.

create or replace function stopward.snapshot(of_account text, moment timestamptz, token bigint)
returns json
language plpgsql stable
set search_path = ''
as $$
begin
    -- One statement, so that all of it is of one instant; json, not jsonb: built once, and half the time.
    return (
        with account as (
            select a.*, v.rules_toml
            from stopward.accounts as a
            left join stopward.settings_versions as v
                on a.id = v.account_id and a.rules_hash = v.hash
            where a.id = of_account
        ),

        session as (
            select s.*
            from account as a
            cross join lateral stopward.session_at(a.exchange, moment) as s
            where s.day is not null
        ),

        -- Between sessions the day is that of the last one, so that a lock holds until the next opens.
        day as (
            select coalesce(
                (select s.day from session as s),
                (
                    select s.day
                    from stopward.market_sessions as s
                    inner join account as a on s.exchange = a.exchange
                    where s.opens_at <= moment
                    order by s.opens_at desc
                    limit 1
                ),
                (moment at time zone 'UTC')::date
            ) as session_day
        ),

        -- What was put before the last close is the equity of a day that is over: the guard asks the broker then.
        equity as (
            select a.equity_prior_close
            from account as a
            cross join day as d
            left join lateral (
                select s.closes_at
                from stopward.market_sessions as s
                where s.exchange = a.exchange and s.day < d.session_day
                order by s.day desc
                limit 1
            ) as last on true
            where last.closes_at is null or a.equity_put_at >= last.closes_at
        ),

        open_symbols as (
            select p.symbol from stopward.positions as p
            where p.account_id = of_account and p.closed_at is null
        ),

        symbols as (
            select s.*
            from stopward.symbol_states as s
            where
                s.account_id = of_account
                and (
                    s.bar_at > moment - interval '1 day'
                    or s.symbol in (select p.symbol from open_symbols as p)
                )
        ),

        -- The tie is broken as in Python, whatever the collation.
        winners as (
            select t.mae_r
            from stopward.trades as t
            where t.account_id = of_account and t.result > 0
            order by t.closed_at desc, t.position_id collate "C" desc
            limit 500
        ),

        tags as (
            select t.symbol, json_agg(t.tag order by t.tag) as tags
            from stopward.symbol_tags as t
            where t.account_id = of_account
            group by t.symbol
        )

        select json_build_object(
            'fence', token,
            'schema', stopward.schema_version(),
            'account', (
                select json_build_object(
                    'id', a.id,
                    'name', a.name,
                    'mode', a.mode,
                    'halted', a.halted,
                    'flatten_at', a.flatten_at,
                    'rules_toml', coalesce(a.rules_toml, ''),
                    'rules_hash', coalesce(a.rules_hash, '')
                )
                from account as a
            ),
            'session', (
                select json_build_object(
                    'exchange', s.exchange,
                    'day', s.day,
                    'opens_at', s.opens_at,
                    'closes_at', s.closes_at
                )
                from session as s
            ),
            'day', (
                select json_build_object(
                    'session_day', d.session_day,
                    'realised', trim_scale(coalesce(r.realised, 0))::text,
                    'realised_r', coalesce(r.realised_r, 0),
                    'peak_r', coalesce(r.peak_r, 0),
                    'equity', trim_scale(coalesce(r.equity, e.equity_prior_close))::text,
                    'losses', coalesce(r.losses, 0),
                    'last_loss_at', r.last_loss_at,
                    'locked_by', r.locked_by,
                    'warned', coalesce(r.warned, 0)
                )
                from day as d
                left join equity as e on true
                left join stopward.day_results as r
                    on r.account_id = of_account and r.session_day = d.session_day
            ),
            'positions', coalesce((
                select
                    json_agg(
                        json_build_object(
                            'id', p.id,
                            'account_id', p.account_id,
                            'symbol', p.symbol,
                            'side', p.side,
                            'quantity', trim_scale(p.quantity)::text,
                            'initial_quantity', trim_scale(p.initial_quantity)::text,
                            'average_entry', trim_scale(p.average_entry)::text,
                            'initial_stop', trim_scale(p.initial_stop)::text,
                            'risk', trim_scale(p.risk)::text,
                            'stop', trim_scale(p.stop)::text,
                            'target', trim_scale(p.target)::text,
                            'lot', trim_scale(p.lot)::text,
                            'tick', trim_scale(p.tick)::text,
                            'fees_per_share', trim_scale(p.fees_per_share)::text,
                            'opened_at', p.opened_at,
                            'adopted_at', p.adopted_at,
                            'bar_at', p.bar_at,
                            'marks', p.marks,
                            'tags', p.tags,
                            'flags', p.flags,
                            'realised', trim_scale(p.realised)::text,
                            'closed_quantity', trim_scale(p.closed_quantity)::text,
                            'tightest', trim_scale(p.tightest)::text,
                            'stop_rule', p.stop_rule,
                            'fills_at', p.fills_at,
                            'fill_ids', p.fill_ids
                        )
                        order by p.symbol
                    )
                from stopward.positions as p
                where p.account_id = of_account and p.closed_at is null
            ), '[]'),
            'orders', coalesce((
                select
                    json_agg(
                        json_build_object(
                            'id', o.id,
                            'position_id', o.position_id,
                            'symbol', o.symbol,
                            'step', o.step,
                            'side', o.side,
                            'quantity', trim_scale(o.quantity)::text,
                            'price', trim_scale(o.price)::text,
                            'on', o.acts_on,
                            'rule', o.rule,
                            'tick_at', o.tick_at,
                            'attempt', o.attempt,
                            'status', o.status,
                            'broker_order_id', o.broker_order_id,
                            'filled_quantity', trim_scale(o.filled_quantity)::text,
                            'filled_price', trim_scale(o.filled_price)::text,
                            'reason', o.reason,
                            'partials', o.partials,
                            'part', coalesce(o.part, '')
                        )
                        order by o.tick_at, o.id
                    )
                from stopward.orders as o
                where o.account_id = of_account and o.status in ('recorded', 'working')
            ), '[]'),
            'symbols', coalesce((
                select
                    json_object_agg(
                        s.symbol,
                        json_build_object(
                            'symbol', s.symbol,
                            'bar_at', s.bar_at,
                            'since', s.since,
                            'carry', s.carry,
                            'highs', encode(s.highs, 'base64'),
                            'lows', encode(s.lows, 'base64'),
                            'daily_atr', s.daily_atr
                        )
                    )
                from symbols as s
            ), '{}'),
            -- A symbol that is absent trades like any US equity.
            'instruments', coalesce((
                select
                    json_object_agg(
                        i.symbol,
                        json_build_object('symbol', i.symbol, 'tick', trim_scale(i.tick)::text, 'fractionable', i.fractionable)
                    )
                from stopward.instruments as i
                where
                    i.tick is not null
                    or not i.fractionable
                    or i.symbol = any(array(select p.symbol from open_symbols as p))
            ), '{}'),
            'tags', coalesce((select json_object_agg(t.symbol, t.tags) from tags as t), '{}'),
            'usual_volume', coalesce((
                select json_object_agg(u.symbol, u.volume)
                from stopward.usual_volumes as u
                cross join session as s
                where
                    u.symbol = any(array(select p.symbol from open_symbols as p))
                    and u.minute = (floor(extract(epoch from moment - s.opens_at) / 60) - 1)::integer
            ), '{}'),
            'excursions', (
                select json_build_object(
                    'winners', count(*),
                    'mae_r', percentile_cont(0.8) within group (order by w.mae_r)
                )
                from winners as w
            ),
            -- Which of them are fresh the guard judges, by its own clock.
            'scores', coalesce((
                select
                    json_object_agg(
                        s.position_id,
                        json_build_object(
                            'position_id', s.position_id,
                            'model_id', s.model_id,
                            'at', s.at,
                            'probability', s.probability,
                            'threshold', s.threshold
                        )
                    )
                from stopward.position_scores as s
                where
                    s.account_id = of_account
                    and s.position_id = any(array(
                        select p.id from stopward.positions as p
                        where p.account_id = of_account and p.closed_at is null
                    ))
                    and s.binds
                    and s.at > moment - interval '5 minutes'
            ), '{}')
        )
    );
end
$$;

-- 4: the snapshot tells scores, and what was measured for a decision may have a third number.
create or replace function stopward.schema_version()
returns json
language sql stable
set search_path = ''
as $$
select json_build_object('version', 4, 'oldest_program', 1)
$$;
