-- Why: notices are many and stay interesting for a year, not for ever: what is settled and old goes, a little
--      at a time. The journal, trades and alarms that they told of are not touched.
-- Lock: none. Phase: before deploy.

create function api.trim_notices(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'trim_notices', request, '{"keep_days": "integer?", "limit": "integer?"}'
    );
    days constant integer := coalesce((request ->> 'keep_days')::integer, 400);
    most constant integer := coalesce((request ->> 'limit')::integer, 1000);
    touched integer;
begin
    if days not between 30 and 36500 or most not between 1 and 10000 then
        perform stopward.refuse(
            'trim_notices_bounds',
            format('keep_days %s, limit %s', days, most),
            'keep_days 30 to 36500, limit 1 to 10000'
        );
    end if;
    with old as (
        select n.id
        from stopward.notifications as n
        where
            n.created_at < now() - make_interval(days => days)
            and not exists (
                select from stopward.outbox as o
                where o.notification_id = n.id and o.status in ('pending', 'claimed')
            )
        order by n.created_at
        limit most
        for update of n skip locked
    )

    delete from stopward.notifications as n
    using old
    where n.id = old.id;
    get diagnostics touched = row_count;
    return jsonb_build_object('count', touched);
end
$$;
comment on function api.trim_notices(jsonb) is
'Delete old notices with their settled deliveries: {keep_days, limit}, 400 and 1000 without; what waits still stays. Answers {count}.';
revoke execute on function api.trim_notices(jsonb) from public;
grant execute on function api.trim_notices(jsonb) to service_role, stopward_worker;
