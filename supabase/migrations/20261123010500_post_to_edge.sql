-- Why: a channel whose deliverer is the edge function is told at once, by a webhook, where pg_net exists.
--      URL and secret lie in a table that no role may read, like the addresses of channels: the path that runs
--      at a host is then the one that is tested without it (Vault cannot be had here).
--      The trigger is made everywhere; without pg_net, or without a URL, it does nothing.
-- Lock: share row exclusive on outbox, for an instant. Phase: before deploy.

do $$
begin
    if exists (
        select from pg_catalog.pg_available_extensions as e
        where e.name = 'pg_net' and e.installed_version is null
    ) then
        create extension pg_net;
    end if;
end
$$;

create table stopward.edge_webhook (
    is_only boolean not null default true,
    url text not null,
    secret text not null,
    constraint edge_webhook_pkey primary key (is_only),
    constraint edge_webhook_one_row check (is_only),
    constraint edge_webhook_url_is_safe check (
        -- kong is the gateway of a stack that the Supabase CLI started.
        stopward.is_safe_url(url) or url ~ '^http://kong:[0-9]{1,5}/[!-?A-~]*$'
    ),
    constraint edge_webhook_secret_is_long check (length(secret) >= 24)
);
comment on table stopward.edge_webhook is
'Where the edge function listens, and the secret it knows us by; at most one row, read by no role.';
alter table stopward.edge_webhook enable row level security;

create function api.put_edge_webhook(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'put_edge_webhook', stopward.without_secrets(request), '{"url": "text?", "secret": "text?"}'
    );
begin
    if request ->> 'url' is null then
        delete from stopward.edge_webhook where is_only;
        return jsonb_build_object('set', false);
    end if;
    if
        not stopward.is_safe_url(request ->> 'url')
        and request ->> 'url' !~ '^http://kong:[0-9]{1,5}/[!-?A-~]*$'
    then
        perform stopward.refuse(
            'edge_webhook_url_is_safe',
            'url was neither https nor loopback',
            'https://<project>.supabase.co/functions/v1/notify'
        );
    end if;
    if coalesce(length(request ->> 'secret'), 0) < 24 then
        perform stopward.refuse(
            'edge_webhook_secret_is_long',
            format('secret had %s characters', coalesce(length(request ->> 'secret'), 0)),
            'at least 24, the same as the function has in NOTIFY_WEBHOOK_SECRET'
        );
    end if;
    insert into stopward.edge_webhook (url, secret)
    values (request ->> 'url', request ->> 'secret')
    on conflict on constraint edge_webhook_pkey do update
    set url = excluded.url, secret = excluded.secret;
    return jsonb_build_object('set', true);
end
$$;
comment on function api.put_edge_webhook(jsonb) is
'Say where the edge function listens: {url, secret}; without a url it is told nothing. For all accounts.';
revoke execute on function api.put_edge_webhook(jsonb) from public;
grant execute on function api.put_edge_webhook(jsonb) to service_role, stopward_worker;

create function stopward.post_to_edge(given uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
    posted integer := 0;
    hook stopward.edge_webhook;
begin
    if to_regprocedure('net.http_post(text,jsonb,jsonb,jsonb,integer)') is null then
        return 0;
    end if;
    select * into hook from stopward.edge_webhook as w where w.is_only;
    if not found then
        return 0;
    end if;
    -- The body of a database webhook. Nothing but the id leaves: the function claims the rest.
    execute $statement$
        select count(net.http_post(
            url := $1,
            body := jsonb_build_object(
                'type', 'INSERT',
                'schema', 'stopward',
                'table', 'outbox',
                'record', jsonb_build_object('id', g.id),
                'old_record', null
            ),
            params := '{}'::jsonb,
            headers := jsonb_build_object('content-type', 'application/json', 'x-stopward-webhook-secret', $2),
            timeout_milliseconds := 10000
        ))
        from unnest($3) as g (id)
    $statement$ into posted using hook.url, hook.secret, given;
    return posted;
exception
    when others then
        -- pg_net is not on the way of a tick; api.nudge_edge posts again what nobody claimed.
        raise warning 'stopward: the edge function was not told: % (%)', sqlerrm, sqlstate;
        return 0;
end
$$;
comment on function stopward.post_to_edge(uuid[]) is
'Ask pg_net to tell the edge function of outbox rows, once this transaction is committed; answers how many. Never fails.';
revoke execute on function stopward.post_to_edge(uuid[]) from public;

create function stopward.post_new_to_edge()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    found uuid[];
begin
    -- A flood is told in part; the rest is posted minute by minute.
    select array_agg(f.id) into found
    from (
        select q.id
        from queued as q
        inner join stopward.channels as c on q.account_id = c.account_id and q.channel = c.name
        where c.deliverer = 'edge'
        limit 100
    ) as f;
    if found is not null then
        perform stopward.post_to_edge(found);
    end if;
    return null;
end
$$;
comment on function stopward.post_new_to_edge() is 'Trigger: tell the edge function of what was queued for it.';
revoke execute on function stopward.post_new_to_edge() from public;

create trigger outbox_post_to_edge
after insert on stopward.outbox
referencing new table as queued
for each statement execute function stopward.post_new_to_edge();

create function api.nudge_edge(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'nudge_edge', request,
        '{
            "late_seconds": "double precision?", "limit": "integer?"
        }'
    );
    late constant double precision := coalesce((request ->> 'late_seconds')::double precision, 15);
    most constant integer := coalesce((request ->> 'limit')::integer, 200);
    found uuid[];
begin
    if most not between 1 and 10000 or late not between 0 and 86400 then
        perform stopward.refuse(
            'nudge_edge_request',
            format('nudge_edge: limit %s, late_seconds %s', most, late),
            'limit 1 to 10000, late_seconds 0 to 86400'
        );
    end if;
    select array_agg(d.id) into found
    from (
        select q.id
        from stopward.channels as c
        cross join lateral (
            select o.id
            from stopward.outbox as o
            where
                o.account_id = c.account_id
                and o.channel = c.name
                and o.status in ('pending', 'claimed')
                and o.next_at <= now() - make_interval(secs => late)
            order by o.next_at
            limit most
        ) as q
        where c.deliverer = 'edge' and c.enabled and c.held_until <= now()
        limit most
    ) as d;
    return jsonb_build_object(
        'posted', case when found is null then 0 else stopward.post_to_edge(found) end,
        'due', coalesce(cardinality(found), 0)
    );
end
$$;
comment on function api.nudge_edge(jsonb) is
'Tell the edge function again of what is due and was not claimed: {late_seconds, limit}. Answers {posted, due}. Each minute.';
revoke execute on function api.nudge_edge(jsonb) from public;
grant execute on function api.nudge_edge(jsonb) to service_role, stopward_worker;
