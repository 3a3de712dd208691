-- Why: the first round trip of a tick: the lease, and everything the tick needs to know, in one call.
-- Lock: none. Phase: before deploy.

create function stopward.require_account(account text)
returns void
language plpgsql stable
set search_path = ''
as $$
begin
    if not exists (select from stopward.accounts as a where a.id = account) then
        perform stopward.refuse(
            'unknown_account', format('account %s is not known', coalesce(account, 'null')), 'open it first'
        );
    end if;
end
$$;
comment on function stopward.require_account(text) is 'Refuse an account that was not opened.';
revoke execute on function stopward.require_account(text) from public;

create function stopward.take_lease(of_account text, by_holder text, seconds double precision)
returns bigint
language sql
set search_path = ''
as $$
insert into stopward.leases as l (account_id, holder, until, fence)
values (of_account, by_holder, now() + make_interval(secs => seconds), 1)
on conflict (account_id) do update
set
    holder = excluded.holder,
    until = excluded.until,
    fence = l.fence + case when l.holder = excluded.holder then 0 else 1 end
where l.until <= now() or l.holder = excluded.holder
returning l.fence
$$;
comment on function stopward.take_lease(text, text, double precision) is
'Take or prolong the lease by the clock of the database; null when another holder has it.';
revoke execute on function stopward.take_lease(text, text, double precision) from public;

create function stopward.session_at(of_exchange text, moment timestamptz)
returns stopward.market_sessions
language sql stable
set search_path = ''
as $$
select s.*
from stopward.market_sessions as s
where
    s.exchange = of_exchange
    and s.opens_at between moment - interval '2 days' and moment + interval '4 hours'
    and s.closes_at >= moment - interval '4 hours'
order by greatest(s.opens_at - moment, moment - s.closes_at, interval '0'), s.opens_at
limit 1
$$;
comment on function stopward.session_at(text, timestamptz) is
'The session within four hours of the moment, the nearest first; null when there is none.';
revoke execute on function stopward.session_at(text, timestamptz) from public;

create function stopward.snapshot(of_account text, moment timestamptz, token bigint)
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
                            'partials', o.partials
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
                    or i.symbol in (select p.symbol from open_symbols as p)
            ), '{}'),
            'tags', coalesce((select json_object_agg(t.symbol, t.tags) from tags as t), '{}'),
            'usual_volume', coalesce((
                select json_object_agg(u.symbol, u.volume)
                from stopward.usual_volumes as u
                cross join session as s
                where
                    u.symbol in (select p.symbol from open_symbols as p)
                    and u.minute = floor(extract(epoch from moment - s.opens_at) / 60) - 1
            ), '{}'),
            'excursions', (
                select json_build_object(
                    'winners', count(*),
                    'mae_r', percentile_cont(0.8) within group (order by w.mae_r)
                )
                from winners as w
            )
        )
    );
end
$$;
comment on function stopward.snapshot(text, timestamptz, bigint) is
'Everything one tick needs to know. usual_volume is of the minute whose bar closed last; '
'excursions tell how far the last 500 winning trades went against the account.';
revoke execute on function stopward.snapshot(text, timestamptz, bigint) from public;

create function api.begin_tick(request jsonb)
returns json
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_tick constant timestamptz := request ->> 'tick_at';
    this_holder constant text := request ->> 'holder';
    seconds constant double precision := request ->> 'lease_seconds';
    token bigint;
begin
    if this_tick is null or this_holder is null or coalesce(seconds, 0) <= 0 then
        perform stopward.refuse(
            'begin_tick_request',
            format('tick_at %s, holder %s, lease_seconds %s', this_tick, this_holder, seconds),
            'all three are needed, the seconds above zero'
        );
    end if;
    perform stopward.require_account(this_account);
    token := stopward.take_lease(this_account, this_holder, seconds);
    if token is null then
        return (
            select json_build_object('busy', json_build_object('holder', l.holder, 'until', l.until))
            from stopward.leases as l
            where l.account_id = this_account
        );
    end if;
    return stopward.snapshot(this_account, this_tick, token);
end
$$;
comment on function api.begin_tick(jsonb) is
'Take the lease of an account and read its snapshot: {account_id, tick_at, holder, lease_seconds}. '
'Answers the snapshot, or {busy: {holder, until}}.';
revoke execute on function api.begin_tick(jsonb) from public;
grant execute on function api.begin_tick(jsonb) to service_role, stopward_worker;
