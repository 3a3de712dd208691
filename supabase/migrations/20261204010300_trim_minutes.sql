-- Why: what is said of open positions each minute, with its vectors, is a million rows a year for ten positions a day, and nothing took
--      them away. A trade teaches and is judged by a few of its minutes, and by what stands of its entry: those stay. The others may go
--      once their position closed long ago, in portions and by this function alone: whatever else is removed is refused as before.
-- Lock: share row exclusive on predictions and trade_features for an instant. Phase: before deploy.

-- Who logs a score does not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

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

drop trigger predictions_never_deleted on stopward.predictions;
create trigger predictions_stay
before delete on stopward.predictions
for each row when ((not old.teaches and old.resolved_at < stopward.minutes_before()) is not true)
execute function stopward.refuse_change('predictions_append_only');

drop trigger trade_features_never_deleted on stopward.trade_features;
create trigger trade_features_stay
before delete on stopward.trade_features
for each row when ((not old.teaches and old.outcome_at < stopward.minutes_before()) is not true)
execute function stopward.refuse_change('trade_features_append_only');

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
    with old as (
        select p.ctid as place
        from stopward.predictions as p
        where p.account_id = this_account and not p.teaches and p.resolved_at < stopward.minutes_before()
        order by p.resolved_at
        limit most
        for update skip locked
    )

    delete from stopward.predictions as p
    using old
    where old.place = p.ctid;
    get diagnostics removed = row_count;

    with old as (
        select f.ctid as place
        from stopward.trade_features as f
        where f.account_id = this_account and not f.teaches and f.outcome_at < stopward.minutes_before()
        order by f.outcome_at
        limit most - removed
        for update skip locked
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
