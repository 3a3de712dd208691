-- Why: a model is trained outside the database, on closed trades with the vectors that were stored for them: it hands them out page
--      by page, so that neither side holds more than a page, and says what there is that cannot be learned from.
-- Lock: none. Phase: before deploy.

create function api.read_training_rows(request jsonb)
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
        'read_training_rows', request,
        '{"account_id": "text", "schema_hash": "text", "at": "timestamptz", "after": "text[]?", "limit": "integer?"}'
    );
    this_account constant text := request ->> 'account_id';
    this_schema constant text := request ->> 'schema_hash';
    this_moment constant timestamptz := (request ->> 'at')::timestamptz;
    after constant jsonb := coalesce(request -> 'after', '[]');
    most constant integer := coalesce((request ->> 'limit')::integer, 1000);
begin
    perform stopward.require_account(this_account);
    if
        most not between 1 and 1000
        or (
            after <> '[]'
            and not (jsonb_array_length(after) = 2 and pg_input_is_valid(after ->> 0, 'timestamptz'))
        )
    then
        perform stopward.refuse(
            'read_training_rows_request',
            format('read_training_rows: limit was %s, after %s', most, after),
            'allowed are 1 to 1000 trades, and the place of the last trade of the page before'
        );
    end if;
    return (
        with page as materialized (
            select
                t.position_id,
                t.closed_at,
                least(f.at, t.opened_at) as entered_at,
                t.result_r,
                f.vector,
                f.rebuilt
            from stopward.trades as t
            left join stopward.trade_features as f
                on
                    f.account_id = this_account
                    and t.position_id = f.position_id
                    and f.schema_hash = this_schema
                    and f.kind = 'entry'
            where
                t.account_id = this_account
                and t.closed_at <= this_moment
                and (after = '[]' or (t.closed_at, t.position_id) > ((after ->> 0)::timestamptz, after ->> 1))
            order by t.closed_at, t.position_id
            limit most
        )

        select
            json_build_object(
                'names', (select to_json(s.names) from stopward.feature_schemas as s where s.schema_hash = this_schema),
                'trades', coalesce(
                    (
                        select
                            json_agg(
                                json_build_object(
                                    'position_id', g.position_id,
                                    'entered_at', g.entered_at,
                                    'closed_at', g.closed_at,
                                    'r', g.result_r,
                                    'rebuilt', g.rebuilt,
                                    'values', to_json(g.vector::text [])
                                )
                                order by g.closed_at, g.position_id
                            )
                        from page as g
                        where g.vector is not null
                    ),
                    '[]'
                ),
                'without', (select count(*) from page as g where g.vector is null),
                'imported', case
                    when after = '[]' then
                        (
                            select count(*)
                            from stopward.imported_trades as i
                            where i.account_id = this_account and i.closed_at <= this_moment
                        )
                    else 0
                end,
                'after', case
                    when (select count(*) from page) = most then
                        (
                            select json_build_array(g.closed_at, g.position_id)
                            from page as g
                            order by g.closed_at desc, g.position_id desc
                            limit 1
                        )
                end
            )
    );
end
$$;
comment on function api.read_training_rows(jsonb) is
'A page of the closed trades that a model can learn from: {account_id, schema_hash, at: closed until, after, limit: of trades looked at}. Answers '
'{names, trades: [{position_id, entered_at, closed_at, r, rebuilt, values}], without, imported, after}, by close and position: r after fees, '
'entered_at the earlier of entry and vector, values as float32 text. without: trades of the page that have no such vector; imported: trades of '
'the trader''s past, on the first page. names is null for a schema that nobody put, after is null on the last page.';
revoke execute on function api.read_training_rows(jsonb) from public;
grant execute on function api.read_training_rows(jsonb) to service_role, stopward_worker;
