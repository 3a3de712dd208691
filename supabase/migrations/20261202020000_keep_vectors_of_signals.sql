-- Why: a signal is scored before it is a position, and many never become one. Its vector is stored with its prediction, as it was
--      served; once the signal is linked to a position, it is that position's entry vector, which training reads.
-- Lock: access exclusive on predictions for an instant, for its rows are not read; share row exclusive while a trigger is exchanged.
--      Phase: before deploy.

-- Whoever logs a score does not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

alter table stopward.predictions add column vector real[];
alter table stopward.predictions add column vector_at timestamptz;
comment on column stopward.predictions.vector is
'Features as they were served, in the order of the schema''s names, as float32, each in its own unit; null in it is missing, null as a whole: not told.';
comment on column stopward.predictions.vector_at is 'What the vector is as of (UTC): nothing later is in it.';
alter table stopward.predictions
add constraint predictions_vector_is_numbers check (
    array_ndims(vector) = 1
    and array_position(vector, 'NaN'::real) is null
    and array_position(vector, 'Infinity'::real) is null
    and array_position(vector, '-Infinity'::real) is null
) not valid;
alter table stopward.predictions
add constraint predictions_vector_is_whole check ((vector is null) = (vector_at is null)) not valid;
alter table stopward.predictions
add constraint predictions_vector_before_score check (vector_at <= at + interval '1 minute') not valid;
-- The one that takes its place says as much of the old columns.
-- squawk-ignore ban-drop-constraint
alter table stopward.predictions drop constraint predictions_times_plausible;
alter table stopward.predictions
add constraint predictions_times_plausible check (
    at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and vector_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and resolved_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;

drop trigger predictions_append_only on stopward.predictions;
create trigger predictions_append_only
before update on stopward.predictions
for each row when (
    old.resolved_at is not null
    or (old.position_id is not null and old.position_id is distinct from new.position_id)
    or (
        old.account_id, old.model_id, old.signal_id, old.symbol, old.at, old.session_day, old.probability,
        old.threshold, old.decision, old.arm, old.weight, old.u, old.schema_hash, old.latency_ms, old.recorded_at,
        old.vector, old.vector_at
    ) is distinct from (
        new.account_id, new.model_id, new.signal_id, new.symbol, new.at, new.session_day, new.probability,
        new.threshold, new.decision, new.arm, new.weight, new.u, new.schema_hash, new.latency_ms, new.recorded_at,
        new.vector, new.vector_at
    )
)
execute function stopward.refuse_change('predictions_append_only');

create function stopward.keep_vectors(of_account text, of_signals text[])
returns integer
language plpgsql
set search_path = ''
set plan_cache_mode = 'force_custom_plan'
as $$
declare
    kept integer;
begin
    insert into stopward.trade_features (
        account_id, position_id, kind, schema_hash, at, vector, rebuilt, recorded_at, outcome_r, outcome_won,
        outcome_at
    )
    select
        p.account_id, p.position_id, m.kind, p.schema_hash, p.vector_at, p.vector, false, now(), t.result_r,
        t.result > 0, t.closed_at
    from stopward.predictions as p
    inner join stopward.models as m on p.account_id = m.account_id and p.model_id = m.id
    left join stopward.trades as t on p.account_id = t.account_id and p.position_id = t.position_id
    where
        p.account_id = of_account
        and p.signal_id = any(of_signals)
        and p.position_id is not null
        and p.vector is not null
    order by p.recorded_at, p.model_id, p.signal_id
    -- The first vector of an entry stays, be it served or made anew from bars.
    on conflict do nothing;
    get diagnostics kept = row_count;
    return kept;
end
$$;
comment on function stopward.keep_vectors(text, text[]) is
'Store the vectors of these signals as those of the positions they became; answers how many are new. The account is held meanwhile.';
revoke execute on function stopward.keep_vectors(text, text[]) from public;

create or replace function api.put_predictions(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    given constant jsonb := request -> 'predictions';
    of_exchange constant text := (select a.exchange from stopward.accounts as a where a.id = this_account);
    of_positions text[];
    odd record;
    answer jsonb;
begin
    perform stopward.require('put_predictions', request, '{"account_id": "text", "predictions": "rows"}');
    perform stopward.require_account(this_account);
    if jsonb_array_length(given) > 1000 then
        perform stopward.refuse(
            'put_predictions_request', format('put_predictions: %s predictions', jsonb_array_length(given)),
            'up to 1000 at once'
        );
    end if;
    perform stopward.require_all(
        'put_predictions', 'predictions', given,
        '{
            "model_id": "text", "signal_id": "text", "position_id": "text?", "symbol": "text", "at": "timestamptz",
            "probability": "double precision", "threshold": "double precision", "decision": "text", "arm": "text",
            "weight": "numeric", "u": "double precision", "schema_hash": "text", "latency_ms": "double precision",
            "vector": "jsonb?", "vector_at": "timestamptz?"
        }'
    );
    select
        g.signal_id,
        g.schema_hash,
        s.names is not null as is_known
    into odd
    from jsonb_to_recordset(given) as g (signal_id text, schema_hash text, vector jsonb)
    left join stopward.feature_schemas as s on g.schema_hash = s.schema_hash
    where
        jsonb_typeof(g.vector) = 'array'
        and cardinality(s.names) is distinct from jsonb_array_length(g.vector)
    limit 1;
    if found then
        perform stopward.refuse(
            'predictions_vector_fits_schema',
            format(
                'signal %s: its vector has not one value for each name of schema %s (%s)',
                odd.signal_id, odd.schema_hash, case when odd.is_known then 'another length' else 'not known' end
            ),
            'put the schema first, with api.put_feature_schema; null is missing'
        );
    end if;
    of_positions := array(
        select g.signal_id
        from jsonb_to_recordset(given) as g (signal_id text, position_id text)
        where g.position_id is not null
    );
    if cardinality(of_positions) > 0 then
        -- No position closes between the look at its trade and the writing.
        perform stopward.hold_account(this_account);
    end if;
    with told as (
        select g.*
        from jsonb_to_recordset(given) as g (
            model_id text,
            signal_id text,
            position_id text,
            symbol text,
            at timestamptz,
            probability double precision,
            threshold double precision,
            decision text,
            arm text,
            weight numeric,
            u double precision,
            schema_hash text,
            latency_ms double precision,
            vector jsonb,
            vector_at timestamptz
        )
    ),

    new as (
        insert into stopward.predictions (
            account_id, model_id, signal_id, position_id, symbol, at, session_day, probability, threshold,
            decision, arm, weight, u, schema_hash, latency_ms, vector, vector_at
        )
        select
            this_account, t.model_id, t.signal_id, t.position_id, t.symbol, t.at,
            stopward.trading_day(of_exchange, t.at), t.probability, t.threshold, t.decision, t.arm, t.weight, t.u,
            t.schema_hash, t.latency_ms, case when t.vector is not null then stopward.vector_of(t.vector) end,
            t.vector_at
        from told as t
        on conflict on constraint predictions_pkey do nothing
        returning model_id, signal_id
    ),

    -- What was told before binds: whoever told it otherwise now must act on the stored one.
    kept as (
        select distinct p.model_id, p.signal_id, p.probability, p.decision, p.arm, p.weight
        from told as t
        inner join stopward.predictions as p
            on p.account_id = this_account and t.model_id = p.model_id and t.signal_id = p.signal_id
        where
            (t.probability, t.decision, t.arm, t.weight)
            is distinct from (p.probability, p.decision, p.arm, p.weight)
    )

    select
        jsonb_build_object(
            'new', (select count(*) from new as n),
            'kept', coalesce(
                (
                    select jsonb_agg(
                        jsonb_build_object(
                            'model_id', k.model_id,
                            'signal_id', k.signal_id,
                            'probability', k.probability,
                            'decision', k.decision,
                            'arm', k.arm,
                            'weight', trim_scale(k.weight)::text
                        )
                        order by k.model_id, k.signal_id
                    )
                    from kept as k
                ),
                '[]'
            )
        ) into answer;
    perform stopward.keep_vectors(this_account, of_positions);
    return answer;
end
$$;
comment on function api.put_predictions(jsonb) is
'Log up to 1000 predictions before their outcomes: {account_id, predictions: [{model_id, signal_id, position_id, symbol, at, probability, threshold, decision, arm, weight, u, schema_hash, latency_ms, vector, vector_at}]}; a vector is that of api.put_features, and becomes its position''s. Answers {new, kept}: how many are new, and the stored ones that were told otherwise now; the stored ones bind.';

create or replace function api.link_signal(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_signal constant text := request ->> 'signal_id';
    this_position constant text := request ->> 'position_id';
    late timestamptz;
    linked integer;
begin
    perform stopward.require(
        'link_signal', request, '{"account_id": "text", "signal_id": "text", "position_id": "text"}'
    );
    perform stopward.require_account(this_account);
    -- No position closes between the look at its trade and the writing.
    perform stopward.hold_account(this_account);
    select t.closed_at into late
    from stopward.trades as t
    where t.account_id = this_account and t.position_id = this_position;
    -- A trade may be over before it is linked; then the prediction must be older than its end.
    if
        exists (
            select from stopward.predictions as p
            where
                p.account_id = this_account
                and p.signal_id = this_signal
                and p.position_id is null
                and p.recorded_at >= late
        )
    then
        perform stopward.refuse(
            'predictions_before_outcome',
            format('signal %s was logged after position %s closed at %s', this_signal, this_position, late),
            'a prediction is logged before its outcome exists'
        );
    end if;
    update stopward.predictions as p
    set position_id = this_position
    where
        p.account_id = this_account
        and p.signal_id = this_signal
        and p.position_id is distinct from this_position;
    get diagnostics linked = row_count;
    perform stopward.keep_vectors(this_account, array[this_signal]);
    if late is not null then
        perform stopward.resolve_predictions(this_account, array[this_position]);
    end if;
    return jsonb_build_object('linked', linked);
end
$$;
comment on function api.link_signal(jsonb) is
'Say which position a signal became: {account_id, signal_id, position_id}; once. Its vector becomes the position''s. Answers {linked}: predictions that learned it.';
