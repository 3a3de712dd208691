-- Why: the vector that was served is stored when it is served, bit for bit, and training reads that one;
--      what came of the trade is added when the position closes.
-- Lock: none. Phase: before deploy.

create table stopward.feature_schemas (
    schema_hash text not null,
    names text[] not null,
    created_at timestamptz not null default now(),
    constraint feature_schemas_pkey primary key (schema_hash),
    constraint feature_schemas_hash_not_empty check (schema_hash <> ''),
    constraint feature_schemas_names_are_names check (
        cardinality(names) between 1 and 512
        and array_ndims(names) = 1
        and array_position(names, null) is null
        and array_position(names, '') is null
    )
);
comment on table stopward.feature_schemas is
'The names of a feature vector in registry order, by the hash of registry, vocabulary and code version; written once.';
alter table stopward.feature_schemas enable row level security;

create trigger feature_schemas_append_only
before update or delete on stopward.feature_schemas
for each row execute function stopward.refuse_change('feature_schemas_append_only');

create table stopward.trade_features (
    account_id text not null,
    position_id text not null,
    kind text not null,
    schema_hash text not null,
    at timestamptz not null,
    vector real[] not null,
    rebuilt boolean not null default false,
    recorded_at timestamptz not null default now(),
    outcome_r double precision,
    outcome_won boolean,
    outcome_at timestamptz,
    constraint trade_features_pkey primary key (account_id, position_id, kind, schema_hash, at),
    constraint trade_features_position_fkey foreign key (account_id, position_id)
    references stopward.positions (account_id, id),
    constraint trade_features_schema_fkey foreign key (schema_hash)
    references stopward.feature_schemas (schema_hash),
    constraint trade_features_kind_known check (kind in ('entry', 'open')),
    constraint trade_features_vector_is_numbers check (
        array_ndims(vector) = 1
        and array_position(vector, 'NaN'::real) is null
        and array_position(vector, 'Infinity'::real) is null
        and array_position(vector, '-Infinity'::real) is null
    ),
    constraint trade_features_outcome_is_number check (outcome_r > '-Infinity' and outcome_r < 'Infinity'),
    constraint trade_features_outcome_whole check (
        (outcome_at is null) = (outcome_r is null) and (outcome_at is null) = (outcome_won is null)
    )
);
create unique index trade_features_one_entry
on stopward.trade_features (account_id, position_id, schema_hash) where kind = 'entry';
create index trade_features_schema_idx on stopward.trade_features (schema_hash, kind, outcome_at);
create index trade_features_training_idx on stopward.trade_features (account_id, schema_hash, kind, outcome_at);
create index trade_features_unresolved_idx
on stopward.trade_features (account_id, position_id) where outcome_at is null;
comment on table stopward.trade_features is
'The feature vector of a position as it was served: at entry once for each schema, while open as often as asked.';
comment on column stopward.trade_features.at is 'When it was served (UTC): nothing later is in it.';
comment on column stopward.trade_features.vector is
'Features in the order of the schema''s names, as float32, each in its own unit; null is missing, NaN never stands.';
comment on column stopward.trade_features.rebuilt is 'Made later, from stored bars, and not served at that time.';
comment on column stopward.trade_features.outcome_r is 'Result of the trade in R, after fees; null while it is open.';
comment on column stopward.trade_features.outcome_won is 'Whether the result was above zero after fees; null while open.';
comment on column stopward.trade_features.outcome_at is 'When the position closed (UTC); null while open.';
alter table stopward.trade_features enable row level security;

create trigger trade_features_append_only
before update on stopward.trade_features
for each row when (
    old.outcome_at is not null
    or new.outcome_at is null
    or (
        old.account_id, old.position_id, old.kind, old.schema_hash, old.at, old.vector, old.rebuilt, old.recorded_at
    ) is distinct from (
        new.account_id, new.position_id, new.kind, new.schema_hash, new.at, new.vector, new.rebuilt, new.recorded_at
    )
)
execute function stopward.refuse_change('trade_features_append_only');

create trigger trade_features_never_deleted
before delete on stopward.trade_features
for each row execute function stopward.refuse_change('trade_features_append_only');

create function stopward.complete_features()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    batch record;
begin
    for batch in
        select
            c.account_id,
            array_agg(c.position_id) as positions
        from closed as c
        group by c.account_id
        order by c.account_id
    loop
        begin
            update stopward.trade_features as f
            set
                outcome_r = t.result_r,
                outcome_won = t.result > 0,
                outcome_at = t.closed_at
            from stopward.trades as t
            where
                f.account_id = batch.account_id
                and f.position_id = any(batch.positions)
                and f.outcome_at is null
                and t.account_id = f.account_id
                and t.position_id = f.position_id;
        exception
            when others then
                perform stopward.tell_unbooked(batch.account_id, 'features', sqlerrm);
        end;
    end loop;
    return null;
end
$$;
comment on function stopward.complete_features() is 'Trigger: add what came of a trade to its features.';
revoke execute on function stopward.complete_features() from public;

create trigger trades_complete_features
after insert on stopward.trades
referencing new table as closed
for each statement execute function stopward.complete_features();

create function api.put_feature_schema(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_hash constant text := request ->> 'schema_hash';
    these_names text[];
begin
    if coalesce(this_hash, '') = '' or jsonb_typeof(request -> 'names') is distinct from 'array' then
        perform stopward.refuse(
            'put_feature_schema_request',
            format('schema_hash %s, names %s', coalesce(this_hash, 'null'), coalesce(request ->> 'names', 'null')),
            'send {schema_hash, names: [...]}, names in registry order'
        );
    end if;
    these_names := array(select g.value from jsonb_array_elements_text(request -> 'names') as g (value));
    if
        cardinality(these_names) not between 1 and 512
        or cardinality(these_names) <> (select count(distinct nullif(n.name, '')) from unnest(these_names) as n (name))
    then
        perform stopward.refuse(
            'feature_schemas_names_are_names',
            format('%s names, some empty or twice', cardinality(these_names)),
            'one to 512 names, each once'
        );
    end if;
    insert into stopward.feature_schemas (schema_hash, names)
    values (this_hash, these_names)
    on conflict on constraint feature_schemas_pkey do nothing;
    if (select s.names from stopward.feature_schemas as s where s.schema_hash = this_hash) <> these_names then
        perform stopward.refuse(
            'feature_schemas_append_only',
            format('schema %s has other names already', this_hash),
            'other names are another schema, under another hash'
        );
    end if;
    return jsonb_build_object('schema_hash', this_hash);
end
$$;
comment on function api.put_feature_schema(jsonb) is
'Store the names of a feature vector once: {schema_hash, names: [...]}, in registry order.';
revoke execute on function api.put_feature_schema(jsonb) from public;
grant execute on function api.put_feature_schema(jsonb) to service_role, stopward_worker;

create function stopward.vector_of(given jsonb)
returns real[]
language plpgsql immutable
set search_path = ''
as $$
begin
    if
        jsonb_typeof(given) is distinct from 'array'
        or exists (
            select from jsonb_array_elements(given) as e (value)
            where jsonb_typeof(e.value) <> 'null' and stopward.number_of(e.value #>> '{}') is null
        )
    then
        perform stopward.refuse(
            'features_are_numbers',
            format('values %s', left(coalesce(given::text, 'null'), 200)),
            'a list of numbers, as text so that -0 stays; null is missing, NaN is never sent'
        );
    end if;
    return array(
        select (e.value #>> '{}')::real
        from jsonb_array_elements(given) with ordinality as e (value, place)
        order by e.place
    );
exception
    when numeric_value_out_of_range then
        perform stopward.refuse(
            'features_are_float32',
            format('values %s', left(given::text, 200)),
            'each fits a float32; one that is too small or too large for it is not one'
        );
        return null;
end
$$;
comment on function stopward.vector_of(jsonb) is
'The float32 values of a list of numbers or of their shortest texts, bit for bit; null is missing.';
revoke execute on function stopward.vector_of(jsonb) from public;

create function stopward.refuse_features(of_account text, given jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
    odd record;
begin
    select
        g.*,
        n.given_values,
        cardinality(s.names) as wanted_values,
        p.id as known_position
    into odd
    from jsonb_to_recordset(given) as g (
        position_id text, kind text, at timestamptz, schema_hash text, "values" jsonb
    )
    cross join lateral (
        select case jsonb_typeof(g."values") when 'array' then jsonb_array_length(g."values") end as given_values
    ) as n
    left join stopward.positions as p on p.account_id = of_account and g.position_id = p.id
    left join stopward.feature_schemas as s on g.schema_hash = s.schema_hash
    where
        p.id is null
        or s.schema_hash is null
        or coalesce(g.kind, '') not in ('entry', 'open')
        or g.at is null
        or n.given_values is distinct from cardinality(s.names)
    limit 1;
    if not found then
        return;
    end if;
    if odd.known_position is null then
        perform stopward.refuse(
            'features_position_known', format('position %s was never under guard', coalesce(odd.position_id, 'null'))
        );
    end if;
    if odd.wanted_values is null then
        perform stopward.refuse(
            'features_schema_known',
            format('schema %s is not known', coalesce(odd.schema_hash, 'null')),
            'put it first, with api.put_feature_schema'
        );
    end if;
    if odd.given_values is distinct from odd.wanted_values then
        perform stopward.refuse(
            'features_fit_schema',
            format('%s values for the %s names of schema %s', odd.given_values, odd.wanted_values, odd.schema_hash),
            'one value for each name, null where it is missing'
        );
    end if;
    perform stopward.refuse(
        'put_features_request',
        format('features of position %s: kind %s, at %s', odd.position_id, odd.kind, odd.at),
        'kind is entry or open, at is when they were served'
    );
end
$$;
comment on function stopward.refuse_features(text, jsonb) is
'Refuse features of unknown positions or schemas, of another length, of no kind, or without a time.';
revoke execute on function stopward.refuse_features(text, jsonb) from public;

create function api.put_features(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    asked integer;
    written integer;
    vectors stopward.trade_features[];
    odd text;
begin
    perform stopward.require_account(this_account);
    if jsonb_typeof(request -> 'features') is distinct from 'array' then
        perform stopward.refuse(
            'put_features_request',
            'features is no list',
            'send {account_id, features: [{position_id, kind, at, schema_hash, values, rebuilt}]}'
        );
    end if;
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
                t.closed_at
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
comment on function api.put_features(jsonb) is
'Store feature vectors as they were served: {account_id, features: [{position_id, kind, at, schema_hash, values, rebuilt}]}. kind is entry or '
'open; values are float32 as shortest text, in the order of the schema''s names, null for missing. At most 1000 a call. Answers {count, written}.';
revoke execute on function api.put_features(jsonb) from public;
grant execute on function api.put_features(jsonb) to service_role, stopward_worker;

create policy feature_schemas_select_all on stopward.feature_schemas
for select to authenticated, stopward_worker
using (true);

create policy trade_features_select_member on stopward.trade_features
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy trade_features_select_worker on stopward.trade_features
for select to stopward_worker
using (true);

grant select on stopward.feature_schemas, stopward.trade_features
to authenticated, service_role, stopward_worker;
