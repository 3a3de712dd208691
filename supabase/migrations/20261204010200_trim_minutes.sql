-- Why: what is said of open positions each minute, with its vectors, is a million rows a year for ten positions a day, and nothing took
--      them away. A trade teaches and is judged by a few of its minutes, and by what stands of its entry: those stay. The others may go
--      once their position closed long ago, in portions and by this function alone: whatever else is removed is refused as before.
-- Lock: share row exclusive on predictions and trade_features for an instant. Phase: before deploy.

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
'Whether a minute is among those that its trade teaches and is judged by: in the five minutes from its age on (stopward.taught_from), and before it closed.';
revoke execute on function stopward.teaches(text, timestamptz, timestamptz, timestamptz) from public;

create function stopward.minutes_before()
returns timestamptz
language sql stable
set search_path = ''
as $$
select case
    when current_setting('stopward.minutes_before', true) <> ''
        then least(current_setting('stopward.minutes_before', true)::timestamptz, now() - interval '30 days')
end
$$;
comment on function stopward.minutes_before() is
'Minutes of positions that closed before it may be removed: what api.trim_minutes says in this transaction, at least 30 days ago; null outside of it.';
revoke execute on function stopward.minutes_before() from public;

create function stopward.check_removed_predictions()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    odd record;
begin
    select r.signal_id, r.position_id into odd
    from removed as r
    left join stopward.models as m on r.account_id = m.account_id and r.model_id = m.id
    left join stopward.trades as t on r.account_id = t.account_id and r.position_id = t.position_id
    where (
        m.kind = 'open'
        and t.closed_at < stopward.minutes_before()
        -- One that has no vector teaches nothing.
        and not coalesce(stopward.teaches(t.position_id, t.opened_at, t.closed_at, r.vector_at), false)
    ) is not true
    limit 1;
    if found then
        perform stopward.refuse(
            'predictions_append_only',
            format('prediction %s of position %s was to be removed', odd.signal_id, coalesce(odd.position_id, 'null')),
            'only api.trim_minutes removes any: completed minutes of positions that closed long ago, that teach nothing'
        );
    end if;
    return null;
end
$$;
comment on function stopward.check_removed_predictions() is
'Trigger: completed predictions stay, but for minutes of a position that closed long ago, outside those that it teaches by.';
revoke execute on function stopward.check_removed_predictions() from public;

create function stopward.check_removed_features()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    odd record;
begin
    select r.position_id, r.at into odd
    from removed as r
    left join stopward.trades as t on r.account_id = t.account_id and r.position_id = t.position_id
    where (
        t.closed_at < stopward.minutes_before()
        and not stopward.teaches(t.position_id, t.opened_at, t.closed_at, r.at)
    ) is not true
    limit 1;
    if found then
        perform stopward.refuse(
            'trade_features_append_only',
            format('features of position %s at %s were to be removed', odd.position_id, odd.at),
            'only api.trim_minutes removes any: completed minutes of positions that closed long ago, that teach nothing'
        );
    end if;
    return null;
end
$$;
comment on function stopward.check_removed_features() is
'Trigger: completed vectors of minutes stay, but for those of a position that closed long ago, outside those that it teaches by.';
revoke execute on function stopward.check_removed_features() from public;

drop trigger predictions_never_deleted on stopward.predictions;
create trigger predictions_unresolved_stay
before delete on stopward.predictions
for each row when (old.resolved_at is null)
execute function stopward.refuse_change('predictions_append_only');
create trigger predictions_check_removed
after delete on stopward.predictions
referencing old table as removed
for each statement execute function stopward.check_removed_predictions();

drop trigger trade_features_never_deleted on stopward.trade_features;
create trigger trade_features_of_entries_stay
before delete on stopward.trade_features
for each row when (old.outcome_at is null or old.kind = 'entry')
execute function stopward.refuse_change('trade_features_append_only');
create trigger trade_features_check_removed
after delete on stopward.trade_features
referencing old table as removed
for each statement execute function stopward.check_removed_features();

create function api.trim_minutes(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
set timezone = 'UTC'
set datestyle = 'ISO'
set plan_cache_mode = 'force_custom_plan'
as $$
declare
    is_request constant boolean := stopward.require(
        'trim_minutes', request, '{"account_id": "text", "keep_days": "integer", "limit": "integer?"}'
    );
    this_account constant text := request ->> 'account_id';
    days constant integer := (request ->> 'keep_days')::integer;
    most constant integer := coalesce((request ->> 'limit')::integer, 1000);
    removed integer;
    touched integer;
begin
    perform stopward.require_account(this_account);
    if days not between 30 and 36500 or most not between 1 and 10000 then
        perform stopward.refuse(
            'trim_minutes_bounds', format('keep_days %s, limit %s', days, most), 'keep_days 30 to 36500, limit 1 to 10000'
        );
    end if;
    perform set_config('stopward.minutes_before', (now() - make_interval(days => days))::text, true);
    -- The last ones to have come of age are first: of what is older, little is left to be looked at.
    with old as (
        select p.ctid as place
        from stopward.trades as t
        inner join stopward.predictions as p on p.account_id = this_account and t.position_id = p.position_id
        where
            t.account_id = this_account
            and t.closed_at < stopward.minutes_before()
            and p.resolved_at is not null
            and p.model_id = any(array(
                select m.id from stopward.models as m
                where m.account_id = this_account and m.kind = 'open'
            ))
            and not coalesce(stopward.teaches(t.position_id, t.opened_at, t.closed_at, p.vector_at), false)
        order by t.closed_at desc
        limit most
        for update of p skip locked
    )

    delete from stopward.predictions as p
    using old
    where old.place = p.ctid;
    get diagnostics removed = row_count;

    with old as (
        select f.ctid as place
        from stopward.trades as t
        inner join stopward.trade_features as f on f.account_id = this_account and t.position_id = f.position_id
        where
            t.account_id = this_account
            and t.closed_at < stopward.minutes_before()
            and f.kind = 'open'
            and f.outcome_at is not null
            and not stopward.teaches(t.position_id, t.opened_at, t.closed_at, f.at)
        order by t.closed_at desc
        limit most - removed
        for update of f skip locked
    )

    delete from stopward.trade_features as f
    using old
    where old.place = f.ctid;
    get diagnostics touched = row_count;
    perform set_config('stopward.minutes_before', '', true);
    return jsonb_build_object('count', removed + touched);
end
$$;
comment on function api.trim_minutes(jsonb) is
'Remove completed minutes, predictions and vectors, of positions that closed so many days ago, 30 at least, but those that teach: {account_id, keep_days, '
'limit}, 1000 rows without. No tick waits for it, and sums stay. Answers {count}; nothing is left once that is 0.';
revoke execute on function api.trim_minutes(jsonb) from public;
grant execute on function api.trim_minutes(jsonb) to service_role, stopward_worker;

comment on table stopward.predictions is
'One score of one signal by one model, logged before its outcome; the trade of its position completes it, once. Minutes of positions that closed long ago are removed, but those that teach.';
comment on table stopward.trade_features is
'The feature vector of a position as it was served: at entry once for each schema, while open as often as asked. Minutes of positions that closed long ago are removed, but those that teach.';
