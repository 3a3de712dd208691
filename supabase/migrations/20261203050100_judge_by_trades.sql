-- Why: a model of open positions speaks each minute, and all minutes of a trade share one outcome: a hundred of them would be one trade, or
--      two, and say nothing of how good it is. So a trade counts once, by the minute that it teaches by when models are trained.
-- Lock: none. Phase: before deploy.

create or replace function api.read_tracked(request jsonb)
returns jsonb
language plpgsql stable
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'read_tracked', request, '{"account_id": "text", "at": "timestamptz"}'
    );
    this_account constant text := request ->> 'account_id';
begin
    perform stopward.require_account(this_account);
    return jsonb_build_object(
        'session_day',
        (
            select stopward.trading_day(a.exchange, (request ->> 'at')::timestamptz)
            from stopward.accounts as a
            where a.id = this_account
        ),
        'models',
        (
            select
                coalesce(
                    jsonb_agg(
                        jsonb_build_object(
                            'model_id', m.id,
                            'resolved', case m.kind when 'open' then h.trades else coalesce(p.resolved, 0) end,
                            'tracked_day', s.session_day,
                            'tracked_n', s.n,
                            'tracked_drift', coalesce(s.more -> 'drift', '[]'),
                            'features', m.manifest -> 'features',
                            'baseline', m.manifest -> 'baseline',
                            'importances', m.manifest -> 'importances'
                        )
                        order by s.session_day nulls first, m.id
                    ),
                    '[]'
                )
            from stopward.model_aliases as a
            inner join stopward.models as m on a.account_id = m.account_id and a.model_id = m.id
            left join lateral (
                select sum(d.resolved) as resolved
                from stopward.model_performance as d
                where d.account_id = m.account_id and d.model_id = m.id and d.arm <> 'model'
            ) as p on true
            left join lateral (
                select count(distinct q.position_id) as trades
                from stopward.predictions as q
                inner join stopward.trades as c on q.account_id = c.account_id and q.position_id = c.position_id
                where
                    m.kind = 'open'
                    and q.vector_at >= stopward.taught_from(c.position_id, c.opened_at)
                    and q.vector_at < stopward.taught_from(c.position_id, c.opened_at) + interval '5 minutes'
                    and q.vector_at < c.closed_at
                    and q.account_id = m.account_id
                    and q.model_id = m.id
                    and q.resolved_at is not null
                    and q.arm <> 'model'
            ) as h on true
            left join lateral (
                select
                    t.session_day,
                    t.n,
                    t.more
                from stopward.model_statistics as t
                where t.account_id = m.account_id and t.model_id = m.id
                order by t.session_day desc
                limit 1
            ) as s on true
            where a.account_id = this_account
        )
    );
end
$$;
comment on function api.read_tracked(jsonb) is
'Which models are to be judged, the one that waits longest first: {account_id, at}. Answers {session_day: of that time, models: [{model_id, '
'resolved: predictions where every signal was traded, of a model of open positions trades, tracked_day, tracked_n and tracked_drift: of what was put '
'last, features, baseline, importances: of its manifest}]}.';

create or replace function api.read_outcomes(request jsonb)
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
        'read_outcomes', request,
        '{"account_id": "text", "model_id": "text", "vectors": "boolean", "after": "text[]?", "limit": "integer?"}'
    );
    this_account constant text := request ->> 'account_id';
    this_model constant text := request ->> 'model_id';
    after constant jsonb := coalesce(request -> 'after', '[]');
    most constant integer := coalesce((request ->> 'limit')::integer, 500);
    has_vectors constant boolean := (request ->> 'vectors')::boolean;
    this_kind text;
begin
    perform stopward.require_account(this_account);
    select m.kind into this_kind
    from stopward.models as m
    where m.account_id = this_account and m.id = this_model;
    if
        this_kind is null
        or most not between 1 and 1000
        or (
            after <> '[]'
            and not (jsonb_array_length(after) = 2 and pg_input_is_valid(after ->> 0, 'timestamptz'))
        )
    then
        perform stopward.refuse(
            'read_outcomes_request',
            format('read_outcomes: model_id was %s, limit %s, after %s', this_model, most, after),
            'allowed are a registered model, 1 to 1000 predictions, and the place of the last one of the page before'
        );
    end if;
    if this_kind = 'open' then
        return (
            with closed as materialized (
                select
                    t.position_id,
                    t.closed_at,
                    stopward.taught_from(t.position_id, t.opened_at) as taught_from
                from stopward.trades as t
                where
                    t.account_id = this_account
                    and exists (
                        select
                        from stopward.predictions as q
                        where
                            q.account_id = this_account
                            and q.position_id = t.position_id
                            and q.model_id = this_model
                            and q.resolved_at is not null
                            and q.arm <> 'model'
                            and q.vector_at >= stopward.taught_from(t.position_id, t.opened_at)
                            and q.vector_at < stopward.taught_from(t.position_id, t.opened_at) + interval '5 minutes'
                            -- What was looked at when it closed was not open any more.
                            and q.vector_at < t.closed_at
                    )
                    and (after = '[]' or (t.closed_at, t.position_id) < ((after ->> 0)::timestamptz, after ->> 1))
                order by t.closed_at desc, t.position_id desc
                limit most
            )

            select
                json_build_object(
                    'outcomes', coalesce(
                        json_agg(
                            json_build_object(
                                'signal_id', d.signal_id,
                                'at', d.at,
                                'closed_at', d.resolved_at,
                                'day', d.resolved_day,
                                'probability', d.probability,
                                'won', d.outcome_won,
                                'latency_ms', d.latency_ms,
                                'values', case when has_vectors then to_json(d.vector::text []) end
                            )
                            order by g.closed_at desc, g.position_id desc
                        ),
                        '[]'
                    ),
                    'after', case
                        when count(*) = most
                            then json_build_array(
                                min(g.closed_at),
                                (array_agg(g.position_id order by g.closed_at, g.position_id))[1]
                            )
                    end
                )
            from closed as g
            inner join lateral (
                select q.*
                from stopward.predictions as q
                where
                    q.account_id = this_account
                    and q.position_id = g.position_id
                    and q.model_id = this_model
                    and q.resolved_at is not null
                    and q.arm <> 'model'
                    and q.vector_at >= g.taught_from
                    and q.vector_at < g.taught_from + interval '5 minutes'
                    and q.vector_at < g.closed_at
                order by q.vector_at, q.signal_id
                limit 1
            ) as d on true
        );
    end if;
    return (
        with page as materialized (
            select
                p.signal_id,
                p.position_id,
                p.schema_hash,
                p.at,
                p.resolved_at,
                p.resolved_day,
                p.probability,
                p.outcome_won,
                p.latency_ms
            from stopward.predictions as p
            where
                p.account_id = this_account
                and p.model_id = this_model
                and p.resolved_at is not null
                and p.arm <> 'model'
                and (after = '[]' or (p.at, p.signal_id) < ((after ->> 0)::timestamptz, after ->> 1))
            order by p.at desc, p.signal_id desc
            limit most
        )

        select
            json_build_object(
                'outcomes', coalesce(
                    json_agg(
                        json_build_object(
                            'signal_id', g.signal_id,
                            'at', g.at,
                            'closed_at', g.resolved_at,
                            'day', g.resolved_day,
                            'probability', g.probability,
                            'won', g.outcome_won,
                            'latency_ms', g.latency_ms,
                            'values', to_json(f.vector::text [])
                        )
                        order by g.at desc, g.signal_id desc
                    ),
                    '[]'
                ),
                'after', case
                    when count(*) = most
                        then json_build_array(
                            min(g.at),
                            (array_agg(g.signal_id order by g.at, g.signal_id))[1]
                        )
                end
            )
        from page as g
        left join lateral (
            select v.vector
            from stopward.trade_features as v
            where
                has_vectors
                and v.account_id = this_account
                and v.position_id = g.position_id
                and v.kind = 'entry'
                and v.schema_hash = g.schema_hash
            order by v.at desc
            limit 1
        ) as f on true
    );
end
$$;
comment on function api.read_outcomes(jsonb) is
'A page of what a model said where every signal was traded (shadow and control), and what came of it, newest first: {account_id, model_id, '
'vectors: whether those that it was said of come along, after, limit}. Answers {outcomes: [{signal_id, at, closed_at, day, probability, '
'won, latency_ms, values}], after}; values as float32 text, null where none is stored; after is null on the last page. Of a model of open positions '
'each trade has the one prediction whose vector api.read_training_rows draws, by close; limit and after are of trades.';
