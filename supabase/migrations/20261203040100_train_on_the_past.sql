-- Why: a trader who comes with a history trains on it from the first day: trades of the past whose entry vector was rebuilt are
--      handed out among the guarded ones, in the order of time. What closed since the account was opened here is not, for it may
--      be one of those. Nothing of the past is known while it was open, so models of open positions do not learn from it.
--      A model of open positions learns from the vector of the age that is drawn for each trade (stopward.taught_from).
-- Lock: none. Phase: before deploy.

create or replace function api.read_training_rows(request jsonb)
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
        '{
            "account_id": "text", "schema_hash": "text", "at": "timestamptz", "after": "text[]?", "limit": "integer?",
            "kind": "text?"
        }'
    );
    this_account constant text := request ->> 'account_id';
    this_schema constant text := request ->> 'schema_hash';
    this_moment constant timestamptz := (request ->> 'at')::timestamptz;
    after constant jsonb := coalesce(request -> 'after', '[]');
    most constant integer := coalesce((request ->> 'limit')::integer, 1000);
    this_kind constant text := coalesce(request ->> 'kind', 'entry');
    until constant timestamptz := (select a.created_at from stopward.accounts as a where a.id = request ->> 'account_id');
begin
    perform stopward.require_account(this_account);
    if
        most not between 1 and 1000
        or this_kind not in ('entry', 'open')
        or (
            after <> '[]'
            and not (jsonb_array_length(after) = 2 and pg_input_is_valid(after ->> 0, 'timestamptz'))
        )
    then
        perform stopward.refuse(
            'read_training_rows_request',
            format('read_training_rows: limit was %s, after %s, kind %s', most, after, this_kind),
            'allowed are 1 to 1000 trades, the place of the last trade of the page before, and entry or open'
        );
    end if;
    return (
        with own as materialized (
            select
                t.position_id,
                t.opened_at,
                t.closed_at,
                t.result_r
            from stopward.trades as t
            where
                t.account_id = this_account
                and t.closed_at <= this_moment
                and (after = '[]' or (t.closed_at, t.position_id) > ((after ->> 0)::timestamptz, after ->> 1))
            order by t.closed_at, t.position_id
            limit most
        ),

        past as materialized (
            select
                i.source || '/' || i.opened_by as position_id,
                i.opened_at,
                i.closed_at,
                i.result_r,
                f.vector
            from stopward.imported_trades as i
            inner join stopward.imported_features as f
                on
                    f.account_id = this_account
                    and i.source = f.source
                    and i.opened_by = f.opened_by
                    and f.schema_hash = this_schema
            where
                this_kind = 'entry'
                and i.account_id = this_account
                and i.risk is not null
                and i.closed_at < until
                and i.closed_at <= this_moment
                and (
                    after = '[]'
                    or (i.closed_at, i.source || '/' || i.opened_by) > ((after ->> 0)::timestamptz, after ->> 1)
                )
            order by i.closed_at, i.source || '/' || i.opened_by
            limit most
        ),

        closed as materialized (
            select
                o.position_id,
                o.opened_at,
                o.closed_at,
                o.result_r,
                null::real[] as vector
            from own as o
            union all
            select
                p.position_id,
                p.opened_at,
                p.closed_at,
                p.result_r,
                p.vector
            from past as p
            order by closed_at, position_id
            limit most
        ),

        page as materialized (
            select
                c.position_id,
                c.closed_at,
                case this_kind when 'open' then f.at else least(f.at, c.opened_at) end as entered_at,
                c.result_r,
                coalesce(c.vector, f.vector) as vector,
                coalesce(f.rebuilt, true) as rebuilt
            from closed as c
            left join lateral (
                select
                    o.at,
                    o.vector,
                    o.rebuilt
                from stopward.trade_features as o
                where
                    c.vector is null
                    and o.account_id = this_account
                    and o.position_id = c.position_id
                    and o.kind = this_kind
                    and o.schema_hash = this_schema
                    and (
                        this_kind = 'entry'
                        or (
                            o.at >= stopward.taught_from(c.position_id, c.opened_at)
                            and o.at < stopward.taught_from(c.position_id, c.opened_at) + interval '5 minutes'
                            -- What was looked at when it closed was not open any more.
                            and o.at < c.closed_at
                        )
                    )
                order by o.at
                limit 1
            ) as f on true
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
                            where
                                i.account_id = this_account
                                and i.closed_at <= this_moment
                                and not (
                                    this_kind = 'entry'
                                    and i.risk is not null
                                    and i.closed_at < until
                                    and exists (
                                        select
                                        from stopward.imported_features as f
                                        where
                                            f.account_id = this_account
                                            and i.source = f.source
                                            and i.opened_by = f.opened_by
                                            and f.schema_hash = this_schema
                                    )
                                )
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
'A page of the closed trades that a model can learn from: {account_id, schema_hash, at: closed until, after, limit: of trades looked at, kind: entry '
'without it, or open}. Answers {names, trades: [{position_id, entered_at, closed_at, r, rebuilt, values}], without, imported, after}, by close and '
'position: r after fees, values as float32 text. Of kind open a trade has the vector of the age that was drawn for it, and entered_at is when that was made; of '
'kind entry it is the earlier of entry and vector, and imported trades from before the account was opened here are among them (source/opened_by) where their vector was '
'rebuilt. without: trades of the page that have no such vector; imported: all imported trades that are left out, on the first page. names is null for '
'a schema that nobody put, after is null on the last page.';
