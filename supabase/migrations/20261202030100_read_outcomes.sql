-- Why: how good a model is live is computed outside the database: it says which models are to be judged, with what they
--      were trained on, and hands out, page by page, what they said and what came of it.
-- Lock: none. Phase: before deploy.

create function api.read_tracked(request jsonb)
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
                            'resolved', coalesce(p.resolved, 0),
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
'resolved: predictions where every signal was traded, tracked_day, tracked_n and tracked_drift: of what was put last, features, baseline, importances: '
'of its manifest}]}.';
revoke execute on function api.read_tracked(jsonb) from public;
grant execute on function api.read_tracked(jsonb) to service_role, stopward_worker;

create function api.read_outcomes(request jsonb)
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
        -- At the entry there is one vector; while open, the last one that was served by then.
        left join lateral (
            select v.vector
            from stopward.trade_features as v
            where
                has_vectors
                and v.account_id = this_account
                and v.position_id = g.position_id
                and v.kind = this_kind
                and v.schema_hash = g.schema_hash
                and (this_kind = 'entry' or v.at <= g.at)
            order by v.at desc
            limit 1
        ) as f on true
    );
end
$$;
comment on function api.read_outcomes(jsonb) is
'A page of what a model said where every signal was traded (shadow and control), and what came of it, newest first: {account_id, model_id, '
'vectors: whether those that it was said of come along, after, limit}. Answers {outcomes: [{signal_id, at, closed_at, day, probability, '
'won, latency_ms, values}], after}; values as float32 text, null where none is stored; after is null on the last page.';
revoke execute on function api.read_outcomes(jsonb) from public;
grant execute on function api.read_outcomes(jsonb) to service_role, stopward_worker;
