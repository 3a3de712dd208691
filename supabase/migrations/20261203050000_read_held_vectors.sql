-- Why: vectors of open positions were served too, and what is learned from them must be what they are when they are made again. A
--      trade teaches by one of its minutes, of an age that is drawn, so that one is compared.
-- Lock: none. Phase: before deploy.

create or replace function api.read_entries(request jsonb)
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
        'read_entries', request,
        '{
            "account_id": "text", "schema_hash": "text", "at": "timestamptz", "since": "timestamptz", "results": "integer",
            "lag_seconds": "integer", "stored": "boolean", "after": "text[]?", "limit": "integer?", "kind": "text?"
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
    this_kind constant text := coalesce(request ->> 'kind', 'entry');
    known_after interval;
    first_close timestamptz := (request ->> 'since')::timestamptz;
    this_exchange text;
begin
    perform stopward.require_account(this_account);
    if
        most not between 1 and 1000
        or most_results not between 0 and 1000
        or lag_seconds not between 0 and 86400
        or this_kind not in ('entry', 'open')
        or (
            after <> '[]'
            and not (jsonb_array_length(after) = 2 and pg_input_is_valid(after ->> 0, 'timestamptz'))
        )
    then
        perform stopward.refuse(
            'read_entries_request',
            format(
                'read_entries: limit was %s, results %s, lag_seconds %s, after %s, kind %s',
                most, most_results, lag_seconds, after, this_kind
            ),
            'allowed are 1 to 1000 trades, 0 to 1000 results, a lag of a day, the place of the last trade of the page before, and entry or open'
        );
    end if;
    known_after := make_interval(secs => lag_seconds);
    first_close := greatest(first_close, (after ->> 0)::timestamptz);
    select a.exchange into this_exchange
    from stopward.accounts as a
    where a.id = this_account;
    return (
        with page as materialized (
            select
                t.position_id,
                t.closed_at,
                coalesce(f.at, t.opened_at) as at,
                coalesce(f.at, t.opened_at) - known_after as known_at,
                f.vector,
                f.rebuilt
            from stopward.trades as t
            left join lateral (
                select
                    o.at,
                    o.vector,
                    o.rebuilt
                from stopward.trade_features as o
                where
                    o.account_id = this_account
                    and t.position_id = o.position_id
                    and o.kind = this_kind
                    and o.schema_hash = this_schema
                    and (
                        this_kind = 'entry'
                        or (
                            o.at >= stopward.taught_from(t.position_id, t.opened_at)
                            and o.at < stopward.taught_from(t.position_id, t.opened_at) + interval '5 minutes'
                            and o.at < t.closed_at
                        )
                    )
                order by o.at
                limit 1
            ) as f on true
            where
                t.account_id = this_account
                and t.closed_at between first_close and this_moment
                and (after = '[]' or (t.closed_at, t.position_id) > ((after ->> 0)::timestamptz, after ->> 1))
                and (f.at is not null) = is_stored
            order by t.closed_at, t.position_id
            limit most
        ),

        -- Of each trade the last results before it; the same result stands before many.
        results as (
            select distinct
                r.symbol,
                r.closed_at,
                r.result_r,
                r.position_id
            from page as g
            cross join lateral (
                select
                    t.symbol,
                    t.closed_at,
                    t.result_r,
                    t.position_id
                from stopward.trades as t
                where t.account_id = this_account and t.closed_at <= g.known_at
                order by t.closed_at desc, t.symbol collate "C" desc, t.result_r desc
                limit most_results
            ) as r
        ),

        -- Positions that were open at some time of the page, whether they closed since or not.
        around as materialized (
            select
                t.position_id,
                t.opened_at,
                t.closed_at
            from stopward.trades as t
            where
                t.account_id = this_account
                and t.closed_at > (select min(g.known_at) from page as g)
                and t.opened_at <= (select max(g.known_at) from page as g)
            union all
            select
                p.id,
                p.opened_at,
                'infinity'
            from stopward.positions as p
            where
                p.account_id = this_account
                and p.closed_at is null
                and p.opened_at <= (select max(g.known_at) from page as g)
        ),

        told as (
            select
                g.closed_at,
                g.position_id,
                json_build_object(
                    'position_id', p.id,
                    'symbol', p.symbol,
                    'side', p.side,
                    'average_entry', p.average_entry::text,
                    'initial_stop', p.initial_stop::text,
                    'target', p.target::text,
                    'opened_at', p.opened_at,
                    'adopted_at', p.adopted_at,
                    'at', g.at,
                    'closed_at', g.closed_at,
                    'flags', to_json(p.flags),
                    'open_positions', (
                        select count(*)
                        from around as o
                        where o.opened_at <= g.known_at and o.closed_at > g.known_at and o.position_id <> g.position_id
                    ),
                    'rebuilt', g.rebuilt,
                    'values', to_json(g.vector::text [])
                ) as trade
            from page as g
            inner join stopward.positions as p on p.account_id = this_account and g.position_id = p.id
        )

        select
            json_build_object(
                'trades', coalesce((select json_agg(t.trade order by t.closed_at, t.position_id) from told as t), '[]'),
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
                            and s.opens_at between (select min(g.at) from page as g) - interval '10 days'
                            and (select max(g.at) from page as g) + interval '1 day'
                    ),
                    '[]'
                ),
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
comment on function api.read_entries(jsonb) is
'A page of closed trades with what a vector of a schema stands on but the bars: {account_id, schema_hash, at: closed until, since: closed '
'from then on, results: how many before each trade, lag_seconds: from its close until a result counts as known, stored: those that have the '
'vector (else those without), after, limit, kind: entry without it, or open: then of its vectors the one that api.read_training_rows draws}. Answers '
'{trades, results, sessions, after}, trades by close and position, each as of at, when its vector was served, else its entry; values as float32 text; '
'after is null on the last page.';
