-- Why: each night, and when a person asks, what rules saved is computed outside the database: it hands out, page by page, the
--      trades whose figures are missing with all that a counterfactual stands on but the bars.
-- Lock: none. Phase: before deploy.

create function api.read_unattributed(request jsonb)
returns json
language plpgsql stable
security definer
set search_path = ''
set timezone = 'UTC'
set datestyle = 'ISO'
set extra_float_digits = 1
set plan_cache_mode = 'force_custom_plan'
as $$
declare
    is_request constant boolean := stopward.require(
        'read_unattributed', request,
        '{
            "account_id": "text", "at": "timestamptz", "rules": "text[]", "waiting": "text[]", "since": "date?",
            "more_bars": "boolean?", "again": "boolean?", "after": "text[]?", "limit": "integer?"
        }'
    );
    this_account constant text := request ->> 'account_id';
    this_moment constant timestamptz := (request ->> 'at')::timestamptz;
    these_rules constant text[] := array(select g.value from jsonb_array_elements_text(request -> 'rules') as g (value));
    waiting constant text[] := array(select g.value from jsonb_array_elements_text(request -> 'waiting') as g (value));
    is_again constant boolean := coalesce((request ->> 'again')::boolean, false);
    after constant jsonb := coalesce(request -> 'after', '[]');
    most constant integer := coalesce((request ->> 'limit')::integer, 100);
    this_exchange text;
    first_day date := coalesce((request ->> 'since')::date, '-infinity');
    -- What waits for bars is asked for again once a session has closed since; for a month, unless a person says since when.
    waits_since date := coalesce((request ->> 'since')::date, this_moment::date - 30);
    asked_before timestamptz := this_moment;
begin
    perform stopward.require_account(this_account);
    if
        most not between 1 and 1000
        or (
            after <> '[]'
            and not (jsonb_array_length(after) = 2 and pg_input_is_valid(after ->> 0, 'date'))
        )
    then
        perform stopward.refuse(
            'read_unattributed_request',
            format('read_unattributed: limit was %s, after %s', most, after),
            'allowed are 1 to 1000 trades, and the place of the last one of the page before'
        );
    end if;
    select a.exchange into this_exchange
    from stopward.accounts as a
    where a.id = this_account;
    if not coalesce((request ->> 'more_bars')::boolean, false) then
        select max(s.closes_at) into asked_before
        from stopward.market_sessions as s
        where s.exchange = this_exchange and s.closes_at <= this_moment;
    end if;
    first_day := greatest(first_day, (after ->> 0)::date);
    waits_since := greatest(waits_since, first_day);
    return (
        with unasked as (
            select distinct
                e.session_day,
                e.position_id
            from stopward.position_exits as e
            where
                e.account_id = this_account
                and e.attributed_at is null
                and e.rule = any(these_rules)
                and e.session_day >= first_day
                and (after = '[]' or (e.session_day, e.position_id) > ((after ->> 0)::date, after ->> 1))
            order by e.session_day, e.position_id
            limit most
        ),

        unknown as (
            select distinct
                e.session_day,
                e.position_id
            from stopward.position_exits as e
            where
                e.account_id = this_account
                and e.unknown_because is not null
                and e.unknown_because = any(waiting)
                and e.attributed_at < asked_before
                and e.rule = any(these_rules)
                and e.session_day >= waits_since
                and (after = '[]' or (e.session_day, e.position_id) > ((after ->> 0)::date, after ->> 1))
            order by e.session_day, e.position_id
            limit most
        ),

        asked_again as (
            select distinct
                e.session_day,
                e.position_id
            from stopward.position_exits as e
            where
                is_again
                and e.account_id = this_account
                and e.attributed_at is not null
                and e.rule = any(these_rules)
                and e.session_day >= first_day
                and (after = '[]' or (e.session_day, e.position_id) > ((after ->> 0)::date, after ->> 1))
            order by e.session_day, e.position_id
            limit most
        ),

        page as materialized (
            select
                u.session_day,
                u.position_id
            from (
                select * from unasked
                union
                select * from unknown
                union
                select * from asked_again
            ) as u
            order by u.session_day, u.position_id
            limit most
        ),

        closed as materialized (
            select
                g.session_day,
                p.*,
                t.cause,
                t.closed_at as trade_closed_at
            from page as g
            inner join stopward.positions as p on p.account_id = this_account and g.position_id = p.id
            inner join stopward.trades as t on t.account_id = this_account and g.position_id = t.position_id
        ),

        exits as (
            select
                c.id,
                max(e.trade_r) as trade_r,
                json_agg(e.rule order by e.rule) as rules,
                coalesce(
                    json_agg(e.rule order by e.rule) filter (
                        where
                        e.rule = any(these_rules)
                        and (
                            is_again
                            or e.attributed_at is null
                            or (
                                e.unknown_because = any(waiting)
                                and e.attributed_at < asked_before
                                and e.session_day >= waits_since
                            )
                        )
                    ),
                    '[]'
                ) as asked
            from closed as c
            inner join stopward.position_exits as e on e.account_id = this_account and c.id = e.position_id
            group by c.id
        ),

        decided as (
            select
                c.id,
                d.tick_at,
                d.source,
                d.telling,
                d.rule_set,
                d.rules_hash,
                d.measured,
                lag((d.rule_set, d.rules_hash, d.measured)) over (
                    partition by c.id order by d.tick_at, d.source, d.telling
                ) as before
            from closed as c
            inner join stopward.decisions as d
                on
                    d.account_id = this_account
                    and c.id = d.position_id
                    and d.tick_at between c.adopted_at - interval '1 minute' and c.trade_closed_at + interval '1 minute'
            where d.rule_set is not null
        ),

        -- Where one of them changed.
        guarded as materialized (
            select
                d.id,
                d.tick_at,
                d.source,
                d.telling,
                d.rule_set,
                d.rules_hash,
                d.measured
            from decided as d
            where d.before is distinct from (d.rule_set, d.rules_hash, d.measured)
        ),

        -- A limit of the day that acted is known by what it closed first in its session; the sums know which sessions those are.
        locks as materialized (
            select
                d.rule,
                f.at
            from stopward.rule_days as d
            inner join stopward.market_sessions as s on s.exchange = this_exchange and d.session_day = s.day
            cross join lateral (
                select e.at
                from stopward.position_exits as e
                where
                    e.account_id = this_account
                    and e.rule = d.rule
                    and e.session_day = d.session_day
                    and e.at between s.opens_at - interval '4 hours' and s.closes_at + interval '4 hours'
                order by e.at
                limit 1
            ) as f
            where
                d.account_id = this_account
                and d.rule in ('day_loss', 'day_profit')
                and d.fired > 0
                and d.session_day between (select min(c.opened_at)::date from closed as c) - 1
                and (select max(c.trade_closed_at)::date from closed as c) + 30
        ),

        told as (
            select
                c.session_day,
                c.id,
                json_build_object(
                    'position_id', c.id,
                    'symbol', c.symbol,
                    'session_day', c.session_day,
                    'side', c.side,
                    'quantity', c.initial_quantity::text,
                    'average_entry', c.average_entry::text,
                    'initial_stop', c.initial_stop::text,
                    'risk', c.risk::text,
                    'target', c.target::text,
                    'lot', c.lot::text,
                    'tick', c.tick::text,
                    'fees_per_share', c.fees_per_share::text,
                    'opened_at', c.opened_at,
                    'closed_at', c.trade_closed_at,
                    'result_r', e.trade_r::text,
                    'cause', c.cause,
                    'tags', to_json(c.tags),
                    'flags', to_json(c.flags),
                    'exits', e.rules,
                    'asked', e.asked,
                    'guarded', coalesce(
                        (
                            select
                                json_agg(
                                    json_build_object(
                                        'since', g.tick_at,
                                        'rule_set', g.rule_set,
                                        'rules_hash', g.rules_hash,
                                        'measured', g.measured
                                    )
                                    order by g.tick_at, g.source, g.telling
                                )
                            from guarded as g
                            where g.id = c.id
                        ),
                        '[]'
                    ),
                    'locks', coalesce(
                        (
                            select json_agg(json_build_object('rule', l.rule, 'at', l.at) order by l.at, l.rule)
                            from locks as l
                            where l.at between c.opened_at and c.trade_closed_at + interval '30 days'
                        ),
                        '[]'
                    )
                ) as trade
            from closed as c
            inner join exits as e on c.id = e.id
        ),

        volumes as (
            select
                s.symbol,
                (
                    select
                        json_agg(
                            (
                                select u.volume from stopward.usual_volumes as u
                                where u.symbol = s.symbol and u.minute = m.minute
                            )
                            order by m.minute
                        )
                    from generate_series(0, s.last) as m (minute)
                ) as by_minute
            from (
                select
                    u.symbol,
                    max(u.minute) as last
                from stopward.usual_volumes as u
                where u.symbol in (select c.symbol from closed as c)
                group by u.symbol
            ) as s
        )

        select
            json_build_object(
                'trades', coalesce((select json_agg(t.trade order by t.session_day, t.id) from told as t), '[]'),
                'rule_sets', coalesce(
                    (
                        select json_agg(json_build_object('digest', r.digest, 'numbers', r.numbers) order by r.digest)
                        from stopward.rule_sets as r
                        where r.account_id = this_account and r.digest in (select g.rule_set from guarded as g)
                    ),
                    '[]'
                ),
                'rules_toml', coalesce(
                    (
                        select json_object_agg(v.hash, v.rules_toml order by v.hash)
                        from stopward.settings_versions as v
                        where v.account_id = this_account and v.hash in (select g.rules_hash from guarded as g)
                    ),
                    '{}'
                ),
                'sessions', coalesce(
                    (
                        select
                            json_agg(
                                json_build_object(
                                    'exchange', s.exchange,
                                    'day', s.day,
                                    'opens_at', s.opens_at,
                                    'closes_at', s.closes_at
                                )
                                order by s.opens_at
                            )
                        from stopward.market_sessions as s
                        where
                            s.exchange = this_exchange
                            and s.opens_at between (select min(c.opened_at) from closed as c) - interval '1 day'
                            and (select max(c.trade_closed_at) from closed as c) + interval '30 days'
                    ),
                    '[]'
                ),
                'usual_volume', coalesce(
                    (select json_object_agg(v.symbol, v.by_minute order by v.symbol) from volumes as v), '{}'
                ),
                'after', case
                    when (select count(*) from page) = most then
                        (
                            select json_build_array(g.session_day, g.position_id)
                            from page as g
                            order by g.session_day desc, g.position_id desc
                            limit 1
                        )
                end
            )
    );
end
$$;
comment on function api.read_unattributed(jsonb) is
'A page of trades with exits of rules whose attribution is missing, with what their counterfactuals stand on but the bars: {account_id, at: now, '
'rules, waiting: reasons that more bars may end, since: first session, more_bars: ask at once again for what waits (else once a session has '
'closed since), again: for what is known too, after, limit}. Answers {trades, rule_sets, rules_toml, sessions, usual_volume, after}, trades by '
'session and position; after is null on the last page.';
revoke execute on function api.read_unattributed(jsonb) from public;
grant execute on function api.read_unattributed(jsonb) to service_role, stopward_worker;
