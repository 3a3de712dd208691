-- Why: where notices go is what a person sets; what was read is what a person says.
-- Lock: none. Phase: before deploy.

create function stopward.without_address(said text)
returns text
language sql immutable
set search_path = ''
as $$
-- A word has none of these; an address that was put in the place of a word has.
select case when said ~ '[:/@]' then 'an address, or part of one' else left(coalesce(said, 'null'), 60) end
$$;
comment on function stopward.without_address(text) is
'A word as it may be told in a refusal; not repeated where it could be the address of a chat, which is a secret.';
revoke execute on function stopward.without_address(text) from public;

create function stopward.require_channel(request jsonb, kind text, deliverer text, address text)
returns void
language plpgsql immutable
set search_path = ''
as $$
declare
    refers constant boolean := stopward.is_arn(address, 'secretsmanager');
begin
    if coalesce(request ->> 'name', '') !~ '^[a-z0-9][a-z0-9_-]{0,62}$' then
        perform stopward.refuse(
            'channels_name_is_word',
            format('name was %s', stopward.without_address(request ->> 'name')),
            'up to 63 lower case letters, digits, - and _'
        );
    end if;
    if coalesce(kind not in ('webhook', 'slack', 'discord', 'ntfy', 'sns'), true) then
        perform stopward.refuse(
            'channels_kind_known',
            format('kind was %s', stopward.without_address(kind)),
            'webhook, slack, discord, ntfy or sns'
        );
    end if;
    if coalesce(deliverer not in ('lambda', 'edge'), true) or (deliverer = 'edge' and (kind = 'sns' or refers)) then
        perform stopward.refuse(
            'channels_one_deliverer',
            format('deliverer of kind %s was %s', kind, stopward.without_address(deliverer)),
            'lambda or edge; SNS and references to a secret are for lambda'
        );
    end if;
    if address is null then
        perform stopward.refuse('channel_addresses_needed', 'address was null', 'a new channel needs one');
    end if;
    if
        not refers
        and not (kind = 'sns' and stopward.is_arn(address, 'sns'))
        and not (kind <> 'sns' and stopward.is_safe_url(address))
    then
        perform stopward.refuse(
            'channel_addresses_address_is_safe',
            format('the address of kind %s was not one', kind),
            'https without a user name, in ASCII; the ARN of an SNS topic for sns; or the ARN of a secret'
        );
    end if;
    if jsonb_typeof(request -> 'topics') not in ('array', 'null') then
        perform stopward.refuse(
            'put_channel_topics', format('topics was %s', stopward.without_address(request ->> 'topics')),
            'a list of words; empty is everything'
        );
    end if;
    if coalesce(request ->> 'least_severity', 'notice') not in ('notice', 'warning', 'critical') then
        perform stopward.refuse(
            'channels_severity_known',
            format('least_severity was %s', stopward.without_address(request ->> 'least_severity')),
            'notice, warning or critical'
        );
    end if;
    if
        coalesce(request ->> 'attempts_limit', '8') !~ '^[0-9]{1,2}$'
        or coalesce(request ->> 'attempts_limit', '8')::integer not between 1 and 50
    then
        perform stopward.refuse(
            'channels_attempts_bounded',
            format('attempts_limit was %s', stopward.without_address(request ->> 'attempts_limit')),
            '1 to 50'
        );
    end if;
end
$$;
comment on function stopward.require_channel(jsonb, text, text, text) is
'Refuse a channel that could not be delivered to; the address is not repeated, for it may be a secret.';
revoke execute on function stopward.require_channel(jsonb, text, text, text) from public;

create function stopward.without_secrets(request jsonb)
returns jsonb
language sql immutable
set search_path = ''
as $$
select
    case
        when jsonb_typeof(request) = 'object' then
            request || coalesce(
                (
                    select
                        jsonb_object_agg(
                            g.key,
                            case
                                when jsonb_typeof(g.value) = 'null' then g.value
                                when jsonb_typeof(g.value) = 'string' and length(g.value #>> '{}') <= 2000
                                    then '"hidden"'::jsonb
                                else 'false'::jsonb
                            end
                        )
                    from jsonb_each(request) as g (key, value)
                    where g.key in ('address', 'url', 'secret')
                ), '{}'
            )
        else to_jsonb(jsonb_typeof(request))
    end
$$;
comment on function stopward.without_secrets(jsonb) is
'A request as it may be told in a refusal: its address, url and secret are hidden, false where they are no text of up to '
'2000 characters; what is no object is named by its kind.';
revoke execute on function stopward.without_secrets(jsonb) from public;

create function api.put_channel(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'put_channel', stopward.without_secrets(request),
        '{
            "account_id": "text", "name": "jsonb?", "kind": "jsonb?", "deliverer": "jsonb?",
            "address": "text?", "secret": "text?", "topics": "jsonb?", "least_severity": "jsonb?",
            "attempts_limit": "jsonb?", "enabled": "boolean?"
        }'
    );
    this_account constant text := request ->> 'account_id';
    this_name constant text := request ->> 'name';
    earlier stopward.channels;
    earlier_address stopward.channel_addresses;
    this_topics text[];
begin
    perform stopward.require_account(this_account);
    select * into earlier from stopward.channels as c
    where c.account_id = this_account and c.name = this_name
    for update;
    select * into earlier_address from stopward.channel_addresses as d
    where d.account_id = this_account and d.channel = this_name;
    perform stopward.require_channel(
        request,
        coalesce(request ->> 'kind', earlier.kind),
        coalesce(request ->> 'deliverer', earlier.deliverer, 'lambda'),
        coalesce(request ->> 'address', earlier_address.address)
    );
    if jsonb_typeof(request -> 'topics') = 'array' then
        select coalesce(array_agg(t.value order by t.value), '{}') into this_topics
        from jsonb_array_elements_text(request -> 'topics') as t (value)
        where t.value is not null;
    end if;
    insert into stopward.channels as c (
        account_id, name, kind, deliverer, topics, least_severity, attempts_limit, enabled
    )
    values (
        this_account,
        this_name,
        coalesce(request ->> 'kind', earlier.kind),
        coalesce(request ->> 'deliverer', earlier.deliverer, 'lambda'),
        coalesce(this_topics, earlier.topics, '{}'),
        coalesce(request ->> 'least_severity', earlier.least_severity, 'notice'),
        coalesce((request ->> 'attempts_limit')::integer, earlier.attempts_limit, 8),
        coalesce((request ->> 'enabled')::boolean, earlier.enabled, true)
    )
    on conflict on constraint channels_pkey do update
    set
        kind = excluded.kind,
        deliverer = excluded.deliverer,
        topics = excluded.topics,
        least_severity = excluded.least_severity,
        attempts_limit = excluded.attempts_limit,
        enabled = excluded.enabled,
        held_until = '-infinity';
    insert into stopward.channel_addresses (account_id, channel, address, secret)
    values (
        this_account,
        this_name,
        coalesce(request ->> 'address', earlier_address.address),
        case
            when request ? 'secret' then nullif(request ->> 'secret', '')
            else earlier_address.secret
        end
    )
    on conflict on constraint channel_addresses_pkey do update
    set address = excluded.address, secret = excluded.secret;
    return jsonb_build_object('account_id', this_account, 'name', this_name);
end
$$;
comment on function api.put_channel(jsonb) is
'Make or change a channel: {account_id, name, kind, deliverer, address, secret, topics, least_severity, attempts_limit, enabled}. What is not named stays as it was.';
revoke execute on function api.put_channel(jsonb) from public;
grant execute on function api.put_channel(jsonb) to service_role, stopward_worker;

create function api.remove_channel(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'remove_channel', request, '{"account_id": "text", "name": "text"}'
    );
    touched integer;
begin
    perform stopward.require_account(request ->> 'account_id');
    -- The channel first, then what waits for it: the order in which stopward.outbox is locked everywhere.
    delete from stopward.channels
    where account_id = request ->> 'account_id' and name = request ->> 'name';
    get diagnostics touched = row_count;
    return jsonb_build_object('removed', touched > 0);
end
$$;
comment on function api.remove_channel(jsonb) is
'Remove a channel with its address and what waits for it: {account_id, name}. The notices themselves stay.';
revoke execute on function api.remove_channel(jsonb) from public;
grant execute on function api.remove_channel(jsonb) to service_role, stopward_worker;

create function api.try_channel(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'try_channel', request, '{"account_id": "text", "name": "text", "key": "text?"}'
    );
    this_account constant text := request ->> 'account_id';
    this_name constant text := request ->> 'name';
    this_key constant text := coalesce(request ->> 'key', now()::text);
    written bigint;
begin
    perform stopward.require_account(this_account);
    if not exists (
        select from stopward.channels as c where c.account_id = this_account and c.name = this_name
    ) then
        perform stopward.refuse('unknown_channel', format('channel %s is not known', this_name), 'put it first');
    end if;
    insert into stopward.notifications (account_id, about, key, severity, title, said)
    values (
        this_account,
        'trial',
        concat_ws(':', this_name, left(md5(this_key), 12)),
        'notice',
        'A trial of channel ' || this_name,
        '{"trial": true}'
    )
    on conflict on constraint notifications_once do nothing
    returning id into written;
    insert into stopward.outbox (id, account_id, channel, notification_id)
    select stopward.outbox_id(n.account_id, n.about, n.key, this_name), n.account_id, this_name, n.id
    from stopward.notifications as n
    where n.id = written;
    return jsonb_build_object('queued', written is not null);
end
$$;
comment on function api.try_channel(jsonb) is
'Send a trial notice to one channel, whatever it listens to: {account_id, name, key}. The same key sends once.';
revoke execute on function api.try_channel(jsonb) from public;
grant execute on function api.try_channel(jsonb) to service_role, stopward_worker;

create function api.mark_read(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'mark_read', request,
        '{
            "account_id": "text", "ids": "bigint[]?", "until": "timestamptz?"
        }'
    );
    touched integer;
begin
    perform stopward.require_account(request ->> 'account_id');
    if jsonb_typeof(request -> 'ids') is distinct from 'array' and request ->> 'until' is null then
        perform stopward.refuse(
            'mark_read_request', 'neither ids nor until was given', 'ids of notices, or the time of the last one read'
        );
    end if;
    -- Two statements, for each has its index.
    if jsonb_typeof(request -> 'ids') = 'array' then
        update stopward.notifications as n
        set read_at = now()
        where
            n.account_id = request ->> 'account_id'
            and n.read_at is null
            and n.id = any(array(
                select g.value::bigint from jsonb_array_elements_text(request -> 'ids') as g (value)
            ));
    else
        update stopward.notifications as n
        set read_at = now()
        where
            n.account_id = request ->> 'account_id'
            and n.read_at is null
            and n.created_at <= (request ->> 'until')::timestamptz;
    end if;
    get diagnostics touched = row_count;
    return jsonb_build_object('count', touched);
end
$$;
comment on function api.mark_read(jsonb) is
'Note that notices were read: {account_id, ids: [...]} or {account_id, until}. Answers {count} of those unread before.';
revoke execute on function api.mark_read(jsonb) from public;
grant execute on function api.mark_read(jsonb) to service_role, stopward_worker;
