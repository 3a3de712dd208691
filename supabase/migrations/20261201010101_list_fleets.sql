-- Why: one stack guards many accounts, and must know which: those that a person put into its fleet, and no others. Each
--      minute it asks for them, and which of them have not ticked for a while, for nobody else looks at all of them.
-- Lock: access exclusive on accounts for an instant; its rows are not read. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

-- The id is part of the name of the secret that holds the account's keys. No row has a fleet yet, so both hold.
alter table stopward.accounts
add column fleet text,
add constraint accounts_fleet_is_stage check (fleet ~ '^[a-z][a-z0-9-]{1,15}$') not valid,
add constraint accounts_fleet_id_is_name check (fleet is null or id ~ '^[A-Za-z0-9_-]{1,64}$') not valid;
comment on column stopward.accounts.fleet is
'Stage of the stack that guards the account among others; null where a stack of its own does, or none.';

create function api.put_fleet(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require('put_fleet', request, '{"account_id": "text", "fleet": "text?"}');
    perform stopward.require_account(request ->> 'account_id');
    update stopward.accounts
    set fleet = request ->> 'fleet'
    where id = request ->> 'account_id' and fleet is distinct from request ->> 'fleet';
    return jsonb_build_object('done', true);
end
$$;
comment on function api.put_fleet(jsonb) is
'Put an account into the fleet of a stage, or, with null, out of any: {account_id, fleet}. It holds from the next minute on.';
revoke execute on function api.put_fleet(jsonb) from public;
grant execute on function api.put_fleet(jsonb) to service_role, stopward_worker;

create function api.list_fleet(request jsonb)
returns jsonb
language plpgsql stable
security definer
set search_path = ''
as $$
begin
    perform stopward.require('list_fleet', request, '{"fleet": "text", "silent_before": "timestamptz"}');
    return (
        with guarded as (
            select
                a.id,
                l.last_tick_at,
                coalesce(l.last_tick_at < (request ->> 'silent_before')::timestamptz, true) as is_silent
            from stopward.accounts as a
            left join stopward.leases as l on a.id = l.account_id
            where a.fleet = request ->> 'fleet'
        ),

        named as (
            select g.id, g.last_tick_at
            from guarded as g
            where g.is_silent
            order by g.last_tick_at nulls first, g.id
            limit 10
        )

        select
            jsonb_build_object(
                'accounts', coalesce((select jsonb_agg(g.id order by g.id) from guarded as g), '[]'),
                'silent', (select count(*) from guarded as g where g.is_silent),
                'longest_silent', coalesce(
                    (select jsonb_agg(n.id order by n.last_tick_at nulls first, n.id) from named as n), '[]'
                )
            )
    );
end
$$;
comment on function api.list_fleet(jsonb) is
'The accounts of a fleet: {fleet, silent_before}. Answers {accounts: ids in order, silent: how many have no tick since then, '
'longest_silent: the ten of them that have been so for longest}.';
revoke execute on function api.list_fleet(jsonb) from public;
grant execute on function api.list_fleet(jsonb) to service_role, stopward_worker;
