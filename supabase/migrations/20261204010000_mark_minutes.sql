-- Why: of what is said of an open position each minute, a trade teaches and is judged by a few minutes alone; the others may go once it is
--      long over. Which they are is known when it closed: it is kept with the row, so that whoever looks for what is old reads nothing
--      else, and a trigger can tell by the row itself what may be removed. What was completed before this is not marked, and stays; the
--      kind is younger than any release.
-- Lock: access exclusive on predictions and trade_features for an instant; share while their indexes are built, a second for 100,000:
--      in a database in use, between sessions. Phase: before deploy.

-- Who logs a score does not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

create function stopward.teaches(of_position text, entered_at timestamptz, closed_at timestamptz, at timestamptz)
returns boolean
language sql immutable
set search_path = ''
as $$
select
    at >= stopward.taught_from(of_position, entered_at)
    and at < stopward.taught_from(of_position, entered_at) + interval '5 minutes'
    and at < closed_at
$$;
comment on function stopward.teaches(text, timestamptz, timestamptz, timestamptz) is
'Whether a minute is among those that its trade teaches and is judged by: in the five minutes from its age on (stopward.taught_from), and before it closed; null while it is open.';
revoke execute on function stopward.teaches(text, timestamptz, timestamptz, timestamptz) from public;

alter table stopward.predictions add column teaches boolean;
alter table stopward.predictions
add constraint predictions_teaches_once_resolved check (teaches is null or resolved_at is not null) not valid;
alter table stopward.trade_features add column teaches boolean;
alter table stopward.trade_features
add constraint trade_features_teaches_once_resolved check (
    (teaches is null) = (kind = 'entry' or outcome_at is null)
) not valid;
comment on column stopward.predictions.teaches is
'Of a minute of an open position, completed: whether its trade is judged by it; null of others. What is false is removed long after the close.';
comment on column stopward.trade_features.teaches is
'Of a minute of an open position, completed: whether its trade teaches by it; null of others. What is false is removed long after the close.';
-- squawk-ignore require-concurrent-index-creation
create index predictions_old_idx on stopward.predictions (account_id, resolved_at) where not teaches;
-- squawk-ignore require-concurrent-index-creation
create index trade_features_old_idx on stopward.trade_features (account_id, outcome_at) where not teaches;

create or replace function api.put_features(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'put_features', request, '{"account_id": "text", "features": "rows"}'
    );
    this_account constant text := request ->> 'account_id';
    asked integer;
    written integer;
    vectors stopward.trade_features[];
    odd text;
begin
    perform stopward.require_account(this_account);
    asked := jsonb_array_length(request -> 'features');
    if asked > 1000 then
        perform stopward.refuse(
            'put_features_batch', format('%s vectors in one call', asked), 'send at most 1000: ticks wait for it'
        );
    end if;
    perform stopward.require_all(
        'put_features', 'features', request -> 'features',
        '{
            "position_id": "jsonb?", "kind": "jsonb?", "at": "timestamptz?", "schema_hash": "jsonb?",
            "values": "jsonb?", "rebuilt": "boolean?"
        }'
    );
    perform stopward.refuse_features(this_account, request -> 'features');

    -- No position closes between the look at its trade and the writing.
    perform stopward.hold_account(this_account);
    vectors := array(
        select
            row(
                this_account,
                g.position_id,
                g.kind,
                g.schema_hash,
                g.at,
                stopward.vector_of(g."values"),
                coalesce(g.rebuilt, false),
                now(),
                t.result_r,
                t.result > 0,
                t.closed_at,
                case g.kind when 'open' then stopward.teaches(t.position_id, t.opened_at, t.closed_at, g.at) end
            )::stopward.trade_features
        from jsonb_to_recordset(request -> 'features') as g (
            position_id text, kind text, at timestamptz, schema_hash text, "values" jsonb, rebuilt boolean
        )
        left join stopward.trades as t on t.account_id = this_account and g.position_id = t.position_id
    );
    insert into stopward.trade_features
    select v.* from unnest(vectors) as v
    order by v.position_id, v.kind, v.schema_hash, v.at
    on conflict do nothing;
    get diagnostics written = row_count;

    -- Bit for bit, for -0 equals 0 and is not it.
    select format('%s of %s at %s', v.kind, v.position_id, v.at) into odd
    from unnest(vectors) as v
    left join stopward.trade_features as f
        on
            f.account_id = this_account
            and v.position_id = f.position_id
            and v.kind = f.kind
            and v.schema_hash = f.schema_hash
            and v.at = f.at
    where f.at is null or array_send(v.vector) <> array_send(f.vector) or v.rebuilt <> f.rebuilt
    limit 1;
    if odd is not null then
        perform stopward.refuse(
            'trade_features_written_once',
            format('features %s are stored, and others', odd),
            'what was served is written once; another registry has another schema_hash'
        );
    end if;
    return jsonb_build_object('count', asked, 'written', written);
end
$$;

create or replace function stopward.keep_vectors(of_account text, of_signals text[])
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
        outcome_at, teaches
    )
    select
        p.account_id, p.position_id, m.kind, p.schema_hash, p.vector_at, p.vector, false, now(), t.result_r,
        t.result > 0, t.closed_at,
        case m.kind when 'open' then stopward.teaches(t.position_id, t.opened_at, t.closed_at, p.vector_at) end
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
