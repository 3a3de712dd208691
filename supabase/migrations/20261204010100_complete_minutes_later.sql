-- Why: what was said of an open position each minute, and its vectors, got the outcome in the tick that found it closed: 780 rows for one
--      that was held all day, and the other positions waited for it. A tick completes what is of entries, a row or two a position; minutes
--      are completed afterwards, in portions, by whoever comes. A portion shares no row with a tick: minutes of closed trades, and the
--      sums of models and of vectors of open positions, are none that a tick writes.
-- Lock: none. Phase: before deploy.

create or replace function stopward.resolve_predictions(of_account text, of_positions text[])
returns integer
language plpgsql
set search_path = ''
set plan_cache_mode = 'force_custom_plan'
as $$
declare
    touched integer;
begin
    update stopward.predictions as p
    set
        outcome_r = t.result_r,
        outcome_won = t.result > 0,
        resolved_at = t.closed_at,
        resolved_day = stopward.trading_day(a.exchange, t.closed_at)
    from stopward.trades as t
    inner join stopward.accounts as a on t.account_id = a.id
    where
        t.account_id = of_account
        and t.position_id = any(of_positions)
        and p.account_id = of_account
        and p.position_id = t.position_id
        -- Those of minutes wait: a position has hundreds, and a tick may wait for this.
        and p.model_id = any(array(
            select m.id from stopward.models as m
            where m.account_id = of_account and m.kind = 'entry'
        ))
        and p.resolved_at is null;
    get diagnostics touched = row_count;
    return touched;
end
$$;
comment on function stopward.resolve_predictions(text, text[]) is
'Complete the predictions about these positions by their trades, but those of minutes; answers how many. Done ones stay.';

create or replace function api.resolve_predictions(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    late text[];
begin
    perform stopward.require('resolve_predictions', request, '{"account_id": "text"}');
    perform stopward.require_account(this_account);
    -- Limited, so that each is looked up by its key, and not every trade is read for the few that are late.
    select coalesce(array_agg(distinct p.position_id), '{}') into late
    from stopward.predictions as p
    inner join stopward.models as m on p.account_id = m.account_id and p.model_id = m.id
    cross join lateral (
        select from stopward.trades as t
        where t.account_id = p.account_id and t.position_id = p.position_id
        limit 1
    ) as t
    where p.account_id = this_account and p.resolved_at is null and p.position_id is not null and m.kind = 'entry';
    return jsonb_build_object('resolved', stopward.resolve_predictions(this_account, late));
end
$$;
comment on function api.resolve_predictions(jsonb) is
'Complete predictions whose trade is written but could not complete them, but those of minutes: {account_id}. Nightly. Answers {resolved}.';

create or replace function stopward.complete_features()
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
                and f.kind = 'entry'
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
comment on function stopward.complete_features() is
'Trigger: add what came of a trade to its entry vectors; those of its minutes are completed later.';

create function api.complete_minutes(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = 'force_custom_plan'
as $$
declare
    is_request constant boolean := stopward.require(
        'complete_minutes', request, '{"account_id": "text", "limit": "integer?"}'
    );
    this_account constant text := request ->> 'account_id';
    most constant integer := coalesce((request ->> 'limit')::integer, 1000);
    completed integer;
    touched integer;
begin
    perform stopward.require_account(this_account);
    if most not between 1 and 10000 then
        perform stopward.refuse('complete_minutes_request', format('complete_minutes: limit was %s', most), 'allowed are 1 to 10000 rows');
    end if;
    -- Predictions and their sums before vectors and theirs, as who logs scores writes them: so no two wait for each other.
    with waiting as materialized (
        select distinct p.position_id
        from stopward.predictions as p
        where p.account_id = this_account and p.resolved_at is null and p.position_id is not null
    ),

    closed as materialized (
        select
            t.*,
            stopward.trading_day(a.exchange, t.closed_at) as closed_day
        from waiting as w
        inner join stopward.accounts as a on a.id = this_account
        -- Limited, so that each is looked up by its key, and not every trade is read for the few that wait.
        cross join lateral (
            select
                c.position_id,
                c.result_r,
                c.result > 0 as is_won,
                c.opened_at,
                c.closed_at
            from stopward.trades as c
            where c.account_id = this_account and w.position_id = c.position_id
            limit 1
        ) as t
    ),

    minutes as (
        select
            p.ctid as place,
            c.result_r,
            c.is_won,
            c.closed_at,
            c.closed_day,
            -- One that has no vector teaches nothing.
            coalesce(stopward.teaches(c.position_id, c.opened_at, c.closed_at, p.vector_at), false) as teaches
        from closed as c
        inner join stopward.predictions as p on p.account_id = this_account and c.position_id = p.position_id
        where
            p.resolved_at is null
            and p.model_id = any(array(
                select m.id from stopward.models as m
                where m.account_id = this_account and m.kind = 'open'
            ))
        limit most
        -- What another one has at hand is completed by that one.
        for update of p skip locked
    )

    update stopward.predictions as p
    set
        outcome_r = n.result_r,
        outcome_won = n.is_won,
        resolved_at = n.closed_at,
        resolved_day = n.closed_day,
        teaches = n.teaches
    from minutes as n
    where n.place = p.ctid;
    get diagnostics completed = row_count;

    with waiting as materialized (
        select distinct f.position_id
        from stopward.trade_features as f
        where f.account_id = this_account and f.outcome_at is null
    ),

    closed as materialized (
        select t.*
        from waiting as w
        cross join lateral (
            select
                c.position_id,
                c.result_r,
                c.result > 0 as is_won,
                c.opened_at,
                c.closed_at
            from stopward.trades as c
            where c.account_id = this_account and w.position_id = c.position_id
            limit 1
        ) as t
    ),

    minutes as (
        select
            f.ctid as place,
            c.result_r,
            c.is_won,
            c.closed_at,
            stopward.teaches(c.position_id, c.opened_at, c.closed_at, f.at) as teaches
        from closed as c
        inner join stopward.trade_features as f on f.account_id = this_account and c.position_id = f.position_id
        where f.kind = 'open' and f.outcome_at is null
        limit most - completed
        for update of f skip locked
    )

    update stopward.trade_features as f
    set
        outcome_r = n.result_r,
        outcome_won = n.is_won,
        outcome_at = n.closed_at,
        teaches = n.teaches
    from minutes as n
    where n.place = f.ctid;
    get diagnostics touched = row_count;
    return jsonb_build_object('completed', completed + touched);
end
$$;
comment on function api.complete_minutes(jsonb) is
'Tell minutes of closed trades what came of them, predictions and vectors: {account_id, limit}, 1000 rows without. No tick waits for it. Answers '
'{completed}; nothing is left once that is 0.';
revoke execute on function api.complete_minutes(jsonb) from public;
grant execute on function api.complete_minutes(jsonb) to service_role, stopward_worker;

comment on column stopward.predictions.resolved_at is
'When the trade closed (UTC); null before, and of a minute of an open position until it is completed, some minutes after the close.';
comment on column stopward.trade_features.outcome_at is
'When the position closed (UTC); null while it is open, and of one of its minutes until it is completed, some minutes after the close.';
comment on view api.prediction_log is
'What a model said of each signal, whether it bound, and what came of it; paired_r is what its word would have changed, in R, and null of a minute of an open position. Of minutes the outcome comes some minutes after the close; old ones are removed.';
