-- Why: a trader who comes with a history can train on the first day: entry vectors of imported trades are rebuilt from bars, and kept
--      beside them. Who rebuilds them knows the exchange's calendar of those years; the sessions here begin with the guard.
-- Lock: share on imported_trades while its index is made: an import waits, and nothing else writes there. Phase: before deploy.

-- Which trades were open at a moment, without reading all that closed since.
-- squawk-ignore require-concurrent-index-creation
create index imported_trades_span_idx on stopward.imported_trades using gist (tstzrange(opened_at, closed_at));

create table stopward.imported_features (
    account_id text not null,
    source text not null,
    opened_by text not null,
    schema_hash text not null,
    at timestamptz not null,
    vector real[] not null,
    recorded_at timestamptz not null default now(),
    constraint imported_features_pkey primary key (account_id, source, opened_by, schema_hash),
    -- A trade that is made anew, of other executions, needs another vector.
    constraint imported_features_trade_fkey foreign key (account_id, source, opened_by)
    references stopward.imported_trades (account_id, source, opened_by) on delete cascade,
    constraint imported_features_schema_fkey foreign key (schema_hash)
    references stopward.feature_schemas (schema_hash),
    constraint imported_features_vector_is_numbers check (
        array_ndims(vector) = 1
        and array_position(vector, 'NaN'::real) is null
        and array_position(vector, 'Infinity'::real) is null
        and array_position(vector, '-Infinity'::real) is null
    ),
    constraint imported_features_times_plausible check (
        at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    )
);
create index imported_features_schema_idx on stopward.imported_features (schema_hash);
comment on table stopward.imported_features is
'The entry vector of an imported trade, rebuilt from bars; it goes with the trade when that is made anew or taken back.';
comment on column stopward.imported_features.at is 'Time of the entry (UTC): nothing later is in it.';
comment on column stopward.imported_features.vector is
'Features in the order of the schema''s names, as float32, each in its own unit; null is missing, NaN never stands.';
comment on column stopward.imported_features.recorded_at is
'Start of the transaction that stored it, by the clock of the database (UTC).';
alter table stopward.imported_features enable row level security;

create trigger imported_features_append_only
before update on stopward.imported_features
for each row execute function stopward.refuse_change('imported_features_append_only');

create policy imported_features_select_member on stopward.imported_features
for select to authenticated
using (account_id = any(array(
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
)));

create policy imported_features_select_worker on stopward.imported_features
for select to stopward_worker
using (true);

grant select on stopward.imported_features to authenticated, service_role, stopward_worker;

create function api.read_imported_entries(request jsonb)
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
        'read_imported_entries', request,
        '{
            "account_id": "text", "schema_hash": "text", "at": "timestamptz", "since": "timestamptz", "results": "integer",
            "lag_seconds": "integer", "stored": "boolean", "after": "text[]?", "limit": "integer?"
        }'
    );
    this_account constant text := request ->> 'account_id';
    this_schema constant text := request ->> 'schema_hash';
    this_moment constant timestamptz := (request ->> 'at')::timestamptz;
    after constant jsonb := coalesce(request -> 'after', '[]');
    most constant integer := coalesce((request ->> 'limit')::integer, 100);
    most_results constant integer := (request ->> 'results')::integer;
    lag_seconds constant integer := (request ->> 'lag_seconds')::integer;
    is_stored constant boolean := (request ->> 'stored')::boolean;
    known_after interval;
    first_close timestamptz := (request ->> 'since')::timestamptz;
    until timestamptz;
begin
    perform stopward.require_account(this_account);
    if
        most not between 1 and 1000
        or most_results not between 0 and 1000
        or lag_seconds not between 0 and 86400
        or (
            after <> '[]'
            and not (jsonb_array_length(after) = 2 and pg_input_is_valid(after ->> 0, 'timestamptz'))
        )
    then
        perform stopward.refuse(
            'read_imported_entries_request',
            format('read_imported_entries: limit was %s, results %s, lag_seconds %s, after %s', most, most_results, lag_seconds, after),
            'allowed are 1 to 1000 trades, 0 to 1000 results, a lag of a day, and the place of the last trade of the page before'
        );
    end if;
    known_after := make_interval(secs => lag_seconds);
    first_close := greatest(first_close, (after ->> 0)::timestamptz);
    select a.created_at into until
    from stopward.accounts as a
    where a.id = this_account;
    return (
        with page as materialized (
            select
                t.source || '/' || t.opened_by as name,
                t.symbol,
                t.side,
                t.entries,
                t.initial_stop,
                t.opened_at,
                t.closed_at,
                t.opened_at - known_after as known_at,
                f.vector
            from stopward.imported_trades as t
            -- Asked of one trade after the other, in the order of time, until the page is full.
            left join lateral (
                select v.vector
                from stopward.imported_features as v
                where
                    v.account_id = this_account
                    and t.source = v.source
                    and t.opened_by = v.opened_by
                    and v.schema_hash = this_schema
                order by v.at
                limit 1
            ) as f on true
            where
                t.account_id = this_account
                and t.risk is not null
                and t.closed_at < until
                and t.closed_at between first_close and this_moment
                and (
                    after = '[]'
                    or (t.closed_at, t.source || '/' || t.opened_by) > ((after ->> 0)::timestamptz, after ->> 1)
                )
                and coalesce(cardinality(f.vector) > 0, false) = is_stored
            order by t.closed_at, t.source || '/' || t.opened_by
            limit most
        ),

        results as (
            select distinct
                r.symbol,
                r.closed_at,
                r.result_r,
                r.source,
                r.opened_by
            from page as g
            cross join lateral (
                select
                    t.symbol,
                    t.closed_at,
                    t.result_r,
                    t.source,
                    t.opened_by
                from stopward.imported_trades as t
                where t.account_id = this_account and t.closed_at <= g.known_at and t.result_r is not null
                order by t.closed_at desc, t.symbol collate "C" desc, t.result_r desc
                limit most_results
            ) as r
        ),

        told as (
            select
                g.closed_at,
                g.name,
                json_build_object(
                    'position_id', g.name,
                    'symbol', g.symbol,
                    'side', g.side,
                    -- Its risk is measured from there too.
                    'average_entry', g.entries #>> '{0,price}',
                    'initial_stop', g.initial_stop::text,
                    'target', null,
                    'opened_at', g.opened_at,
                    'adopted_at', g.opened_at,
                    'at', g.opened_at,
                    'closed_at', g.closed_at,
                    'flags', case
                        when (g.entries #>> '{-1,at}')::timestamptz > g.opened_at + interval '5 minutes' then '["rebased"]'::json
                        else '[]'::json
                    end,
                    'open_positions', (
                        select count(*)
                        from stopward.imported_trades as o
                        where
                            o.account_id = this_account
                            and tstzrange(o.opened_at, o.closed_at) @> g.known_at
                            and o.source || '/' || o.opened_by <> g.name
                    ),
                    'rebuilt', true,
                    'values', to_json(g.vector::text [])
                ) as trade
            from page as g
        )

        select
            json_build_object(
                'trades', coalesce((select json_agg(t.trade order by t.closed_at, t.name) from told as t), '[]'),
                'results', coalesce(
                    (
                        select
                            json_agg(
                                json_build_object('symbol', r.symbol, 'closed_at', r.closed_at, 'r', r.result_r)
                                order by r.closed_at, r.source, r.opened_by
                            )
                        from results as r
                    ),
                    '[]'
                ),
                'after', case
                    when (select count(*) from page) = most then
                        (
                            select json_build_array(g.closed_at, g.name)
                            from page as g
                            order by g.closed_at desc, g.name desc
                            limit 1
                        )
                end
            )
    );
end
$$;
comment on function api.read_imported_entries(jsonb) is
'A page of imported trades with a known risk that closed before the account was opened here, with what an entry vector of a schema stands on but bars and '
'sessions: {account_id, schema_hash, at: closed until, since: closed from then on, results: how many before each trade, lag_seconds: from its close until '
'a result counts as known, stored: those that have the vector (else those without), after, limit}. Answers {trades, results, after} as '
'api.read_entries does; position_id is source/opened_by.';
revoke execute on function api.read_imported_entries(jsonb) from public;
grant execute on function api.read_imported_entries(jsonb) to service_role, stopward_worker;

create function api.put_imported_features(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'put_imported_features', request, '{"account_id": "text", "features": "rows"}'
    );
    this_account constant text := request ->> 'account_id';
    given constant jsonb := request -> 'features';
    odd record;
    written integer;
begin
    perform stopward.require_account(this_account);
    if jsonb_array_length(given) > 1000 then
        perform stopward.refuse(
            'put_imported_features_request', format('put_imported_features: %s vectors', jsonb_array_length(given)),
            'up to 1000 at once'
        );
    end if;
    perform stopward.require_all(
        'put_imported_features', 'features', given,
        '{"source": "text", "opened_by": "text", "at": "timestamptz", "schema_hash": "text", "values": "jsonb"}'
    );
    select
        g.source,
        g.opened_by,
        g.schema_hash,
        t.symbol,
        s.names
    into odd
    from jsonb_to_recordset(given) as g (
        source text, opened_by text, at timestamptz, schema_hash text, "values" jsonb
    )
    left join stopward.imported_trades as t
        on t.account_id = this_account and g.source = t.source and g.opened_by = t.opened_by and g.at = t.opened_at
    left join stopward.feature_schemas as s on g.schema_hash = s.schema_hash
    where
        t.symbol is null
        or cardinality(s.names)
        is distinct from case jsonb_typeof(g."values") when 'array' then jsonb_array_length(g."values") end
    limit 1;
    if found then
        perform stopward.refuse(
            'imported_features_fit',
            format(
                'vector of %s/%s: %s', odd.source, odd.opened_by,
                case
                    when odd.symbol is null then 'no imported trade of that name was entered at that time'
                    when odd.names is null then format('schema %s is not known', odd.schema_hash)
                    else 'not one value for each name of its schema'
                end
            ),
            'import the trade and put the schema first; null is missing'
        );
    end if;
    insert into stopward.imported_features (account_id, source, opened_by, schema_hash, at, vector)
    select
        this_account,
        g.source,
        g.opened_by,
        g.schema_hash,
        g.at,
        stopward.vector_of(g."values")
    from jsonb_to_recordset(given) as g (
        source text, opened_by text, at timestamptz, schema_hash text, "values" jsonb
    )
    order by g.source, g.opened_by, g.schema_hash
    on conflict on constraint imported_features_pkey do nothing;
    get diagnostics written = row_count;

    -- Bit for bit, for -0 equals 0 and is not it.
    select
        g.source,
        g.opened_by
    into odd
    from jsonb_to_recordset(given) as g (source text, opened_by text, schema_hash text, "values" jsonb)
    inner join stopward.imported_features as f
        on
            f.account_id = this_account
            and g.source = f.source
            and g.opened_by = f.opened_by
            and g.schema_hash = f.schema_hash
    where array_send(stopward.vector_of(g."values")) <> array_send(f.vector)
    limit 1;
    if found then
        perform stopward.refuse(
            'imported_features_written_once',
            format('vector of %s/%s is stored, and another one', odd.source, odd.opened_by),
            'it was made of other bars? stopward import --forget takes the source back with its vectors'
        );
    end if;
    return jsonb_build_object('written', written);
end
$$;
comment on function api.put_imported_features(jsonb) is
'Store entry vectors of imported trades: {account_id, features: [{source, opened_by, at, schema_hash, values}]}, values as api.put_features takes them. '
'At most 1000 a call. Answers {written}: how many are new; one that is stored otherwise is refused.';
revoke execute on function api.put_imported_features(jsonb) from public;
grant execute on function api.put_imported_features(jsonb) to service_role, stopward_worker;
