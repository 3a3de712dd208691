-- Why: what an open position's features stand on but the bars: the position as it is, the account's results, the sessions. And where
--      its score is put, once the prediction is logged.
-- Lock: none. Phase: before deploy.

create function api.read_open_positions(request jsonb)
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
        'read_open_positions', request,
        '{"account_id": "text", "at": "timestamptz", "results": "integer", "lag_seconds": "integer"}'
    );
    this_account constant text := request ->> 'account_id';
    this_moment constant timestamptz := (request ->> 'at')::timestamptz;
    most_results constant integer := (request ->> 'results')::integer;
    lag_seconds constant integer := (request ->> 'lag_seconds')::integer;
    known_at timestamptz;
    this_exchange text;
begin
    perform stopward.require_account(this_account);
    if most_results not between 0 and 1000 or lag_seconds not between 0 and 86400 then
        perform stopward.refuse(
            'read_open_positions_request',
            format('read_open_positions: results was %s, lag_seconds %s', most_results, lag_seconds),
            'allowed are 0 to 1000 results, and a lag of a day'
        );
    end if;
    known_at := this_moment - make_interval(secs => lag_seconds);
    select a.exchange into this_exchange
    from stopward.accounts as a
    where a.id = this_account;
    return (
        with held as materialized (
            select p.*
            from stopward.positions as p
            where p.account_id = this_account and p.closed_at is null and p.opened_at <= this_moment
        ),

        results as (
            select
                t.symbol,
                t.closed_at,
                t.result_r,
                t.position_id
            from stopward.trades as t
            where t.account_id = this_account and t.closed_at <= known_at
            order by t.closed_at desc, t.symbol collate "C" desc, t.result_r desc
            limit most_results
        )

        select
            json_build_object(
                'positions', coalesce(
                    (
                        select
                            json_agg(
                                json_build_object(
                                    'position_id', h.id,
                                    'symbol', h.symbol,
                                    'side', h.side,
                                    'average_entry', h.average_entry::text,
                                    'initial_stop', h.initial_stop::text,
                                    'stop', h.stop::text,
                                    'target', h.target::text,
                                    'opened_at', h.opened_at,
                                    'adopted_at', h.adopted_at,
                                    'flags', to_json(h.flags)
                                )
                                order by h.symbol
                            )
                        from held as h
                    ),
                    '[]'
                ),
                'results', coalesce(
                    (
                        select
                            json_agg(
                                json_build_object('symbol', r.symbol, 'closed_at', r.closed_at, 'r', r.result_r)
                                order by r.closed_at, r.position_id
                            )
                        from results as r
                    ),
                    '[]'
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
                            and s.opens_at between this_moment - interval '10 days' and this_moment + interval '1 day'
                    ),
                    '[]'
                )
            )
    );
end
$$;
comment on function api.read_open_positions(jsonb) is
'The positions under guard that are open, with what their features stand on but the bars: {account_id, at, results: how many at most, lag_seconds: from '
'its close until a result counts as known}. Answers {positions, results, sessions}; stop is the one that we believe rests.';
revoke execute on function api.read_open_positions(jsonb) from public;
grant execute on function api.read_open_positions(jsonb) to service_role, stopward_worker;

create function api.put_position_scores(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'put_position_scores', request, '{"account_id": "text", "scores": "rows"}'
    );
    this_account constant text := request ->> 'account_id';
    given constant jsonb := request -> 'scores';
    odd record;
    written integer;
begin
    perform stopward.require_account(this_account);
    if jsonb_array_length(given) > 1000 then
        perform stopward.refuse(
            'put_position_scores_request', format('put_position_scores: %s scores', jsonb_array_length(given)),
            'up to 1000 at once'
        );
    end if;
    perform stopward.require_all(
        'put_position_scores', 'scores', given,
        '{"position_id": "text", "model_id": "text", "signal_id": "text", "at": "timestamptz"}'
    );
    select
        g.position_id,
        g.signal_id
    into odd
    from jsonb_to_recordset(given) as g (position_id text, model_id text, signal_id text, at timestamptz)
    left join stopward.predictions as p
        on p.account_id = this_account and g.model_id = p.model_id and g.signal_id = p.signal_id
    left join stopward.models as m on m.account_id = this_account and g.model_id = m.id
    where p.position_id is distinct from g.position_id or p.vector_at is distinct from g.at or m.kind is distinct from 'open'
    limit 1;
    if found then
        perform stopward.refuse(
            'position_scores_are_logged',
            format('score %s of position %s is no logged prediction of a model of open positions', odd.signal_id, odd.position_id),
            'log it first, with api.put_predictions: what no one can look up later, no rule goes by'
        );
    end if;
    with told as (
        select distinct on (g.position_id)
            p.position_id,
            p.model_id,
            p.vector_at,
            p.probability,
            p.threshold,
            p.arm
        from jsonb_to_recordset(given) as g (position_id text, model_id text, signal_id text, at timestamptz)
        inner join stopward.predictions as p
            on p.account_id = this_account and g.model_id = p.model_id and g.signal_id = p.signal_id
        order by g.position_id, g.at desc
    )

    insert into stopward.position_scores as s (account_id, position_id, model_id, at, probability, threshold, binds)
    select
        this_account,
        t.position_id,
        t.model_id,
        t.vector_at,
        t.probability,
        t.threshold,
        t.arm = 'model'
    from told as t
    order by t.position_id
    on conflict on constraint position_scores_pkey do update
        set
            model_id = excluded.model_id,
            at = excluded.at,
            probability = excluded.probability,
            threshold = excluded.threshold,
            binds = excluded.binds,
            recorded_at = now()
        -- One that comes late does not take the place of a newer one.
        where s.at < excluded.at;
    get diagnostics written = row_count;
    return jsonb_build_object('written', written);
end
$$;
comment on function api.put_position_scores(jsonb) is
'Make logged predictions the scores of their positions: {account_id, scores: [{position_id, model_id, signal_id, at}]}, at as of the vector. What '
'they say is taken from the log; they bind in the arm model. Answers {written}: how many are newer than what was there.';
revoke execute on function api.put_position_scores(jsonb) from public;
grant execute on function api.put_position_scores(jsonb) to service_role, stopward_worker;
