-- Why: what the world must hear of is written in the transaction that makes it true: one notice, and one
--      row for each channel that wants it. Who delivers comes later and may fail; what happened is never lost.
-- Lock: none. Phase: before deploy.

create function stopward.is_safe_url(address text)
returns boolean
language sql immutable
set search_path = ''
as $$
-- Behind the host: printable ASCII without an @.
select address ~ concat(
    '^(https://([a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\])|http://(localhost|127\.0\.0\.1|\[::1\]))',
    '(:[0-9]{1,5})?([/?#][!-?A-~]*)?$'
)
$$;
comment on function stopward.is_safe_url(text) is
'https, or this very machine; in ASCII (a host in its punycode) and never with a user name in it.';
revoke execute on function stopward.is_safe_url(text) from public;

create table stopward.channels (
    account_id text not null,
    name text not null,
    kind text not null,
    deliverer text not null,
    topics text[] not null default '{}',
    least_severity text not null default 'notice',
    attempts_limit integer not null default 8,
    enabled boolean not null default true,
    held_until timestamptz not null default '-infinity',
    created_at timestamptz not null default now(),
    constraint channels_pkey primary key (account_id, name),
    constraint channels_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint channels_name_is_word check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    constraint channels_kind_known check (kind in ('webhook', 'slack', 'discord', 'ntfy', 'sns')),
    constraint channels_one_deliverer check (deliverer in ('lambda', 'edge')),
    constraint channels_sns_by_lambda check (kind <> 'sns' or deliverer = 'lambda'),
    constraint channels_severity_known check (least_severity in ('notice', 'warning', 'critical')),
    constraint channels_attempts_bounded check (attempts_limit between 1 and 50)
);
comment on table stopward.channels is
'Where the notices of an account go; each channel has exactly one deliverer, so that a reader sees each notice once.';
comment on column stopward.channels.deliverer is 'lambda: functions/deliver_outbox; edge: supabase/functions/notify.';
comment on column stopward.channels.topics is 'What it wants to hear of; empty is everything.';
comment on column stopward.channels.least_severity is 'Nothing below it is sent here.';
comment on column stopward.channels.attempts_limit is 'Attempts before a notice is dead here.';
comment on column stopward.channels.held_until is 'The other side asked us to wait until then (UTC); in the past when it did not.';
alter table stopward.channels enable row level security;

create function stopward.is_arn(address text, of_service text)
returns boolean
language sql immutable
set search_path = ''
as $$
select address ~ case of_service
    when 'sns' then '^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]+:[a-zA-Z0-9_-]+(\.fifo)?$'
    when 'secretsmanager' then '^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]+:secret:[a-zA-Z0-9/_+=.@-]+$'
end
$$;
comment on function stopward.is_arn(text, text) is
'Whether an address is the ARN of a topic of sns, or of a secret of secretsmanager.';
revoke execute on function stopward.is_arn(text, text) from public;

-- Apart from the channel, for a member reads channels, and an address of Slack is a secret.
create table stopward.channel_addresses (
    account_id text not null,
    channel text not null,
    address text not null,
    secret text,
    constraint channel_addresses_pkey primary key (account_id, channel),
    constraint channel_addresses_channel_fkey foreign key (account_id, channel)
    references stopward.channels (account_id, name) on delete cascade,
    constraint channel_addresses_address_is_safe check (
        stopward.is_safe_url(address)
        or stopward.is_arn(address, 'sns')
        or stopward.is_arn(address, 'secretsmanager')
    ),
    constraint channel_addresses_secret_not_empty check (secret <> '')
);
comment on table stopward.channel_addresses is
'Address and secret of a channel: handed to its deliverer by api.claim_outbox, and read by nobody else.';
comment on column stopward.channel_addresses.address is
'URL (https, or loopback), topic of SNS, or the ARN of a secret that holds address and secret.';
comment on column stopward.channel_addresses.secret is
'Signs what a webhook gets (HMAC-SHA256), or the access token of ntfy; null without one.';
alter table stopward.channel_addresses enable row level security;

create table stopward.notifications (
    id bigint generated always as identity,
    account_id text not null,
    about text not null,
    key text not null,
    severity text not null,
    title text not null,
    said jsonb not null,
    created_at timestamptz not null default now(),
    read_at timestamptz,
    constraint notifications_pkey primary key (id),
    constraint notifications_once unique (account_id, about, key),
    constraint notifications_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint notifications_severity_known check (severity in ('notice', 'warning', 'critical'))
);
create index notifications_log_idx on stopward.notifications (account_id, created_at);
create index notifications_unread_idx on stopward.notifications (account_id, created_at) where read_at is null;
create index notifications_age_idx on stopward.notifications (created_at);
comment on table stopward.notifications is 'One notice: something happened that a person wants to hear of; told once.';
comment on column stopward.notifications.about is 'Topic: alarm, halted, flatten, trade_closed, and the like.';
comment on column stopward.notifications.key is 'What makes it this notice and no other within its topic.';
comment on column stopward.notifications.said is 'The facts behind the title; never a secret, never a number of an account at a broker.';
comment on column stopward.notifications.created_at is 'Start of the transaction that told it, by the clock of the database (UTC).';
comment on column stopward.notifications.read_at is 'When a person said that it was read (UTC); null before.';
alter table stopward.notifications enable row level security;

create table stopward.outbox (
    id uuid not null,
    account_id text not null,
    channel text not null,
    notification_id bigint not null,
    status text not null default 'pending',
    attempts integer not null default 0,
    next_at timestamptz not null default now(),
    claimed_by text,
    last_error text,
    failed_at timestamptz,
    created_at timestamptz not null default now(),
    settled_at timestamptz,
    constraint outbox_pkey primary key (id),
    constraint outbox_once_per_channel unique (notification_id, channel),
    constraint outbox_notification_fkey foreign key (notification_id)
    references stopward.notifications (id) on delete cascade,
    constraint outbox_channel_fkey foreign key (account_id, channel)
    references stopward.channels (account_id, name) on delete cascade,
    constraint outbox_status_known check (status in ('pending', 'claimed', 'delivered', 'dead')),
    constraint outbox_claim_has_holder check ((status = 'claimed') = (claimed_by is not null)),
    constraint outbox_settled_is_dated check ((status in ('delivered', 'dead')) = (settled_at is not null)),
    constraint outbox_error_is_dated check ((last_error is null) = (failed_at is null)),
    constraint outbox_attempts_not_negative check (attempts >= 0)
) with (fillfactor = 70);
create index outbox_due_idx on stopward.outbox (account_id, channel, next_at, notification_id)
where status in ('pending', 'claimed');
create index outbox_dead_idx on stopward.outbox (account_id, channel) where status = 'dead';
create index outbox_channel_idx on stopward.outbox (account_id, channel, created_at);
comment on table stopward.outbox is
'One notice on its way to one channel; what is settled stays until it is trimmed by age.';
comment on column stopward.outbox.id is
'Derived from the notice and the channel: the idempotency key, the same for every attempt.';
comment on column stopward.outbox.attempts is 'Times it was claimed.';
comment on column stopward.outbox.next_at is
'When it may be claimed (UTC): the next attempt of a pending row, the end of the claim of a claimed one.';
comment on column stopward.outbox.claimed_by is 'Who is sending it; null when nobody is.';
comment on column stopward.outbox.last_error is 'Why the newest attempt did not deliver it; null before, and once it was delivered.';
comment on column stopward.outbox.failed_at is 'When last_error was said (UTC).';
comment on column stopward.outbox.settled_at is 'When it was delivered or given up (UTC).';
alter table stopward.outbox enable row level security;

create function stopward.severity_rank(severity text)
returns integer
language sql immutable
set search_path = ''
as $$
select case severity when 'critical' then 3 when 'warning' then 2 else 1 end
$$;
comment on function stopward.severity_rank(text) is 'How grave: 1 notice, 2 warning, 3 critical.';
revoke execute on function stopward.severity_rank(text) from public;

create function stopward.outbox_id(of_account text, of_about text, of_key text, of_channel text)
returns uuid
language sql immutable
set search_path = ''
as $$
select left(
    encode(sha256(convert_to(jsonb_build_array(of_account, of_about, of_key, of_channel)::text, 'UTF8')), 'hex'), 32
)::uuid
$$;
comment on function stopward.outbox_id(text, text, text, text) is
'The idempotency key of a notice on a channel: the same whenever and however often it is sent.';
revoke execute on function stopward.outbox_id(text, text, text, text) from public;

create function stopward.write_notices(given jsonb)
returns integer
language plpgsql
set search_path = ''
as $$
declare
    queued integer;
begin
    with asked as (
        select distinct on (1, 2, 3)
            a.id as account_id,
            coalesce(nullif(left(g.about, 100), ''), 'unknown') as about,
            -- An index takes 2,704 bytes of key, and no more.
            case
                when octet_length(g.key) <= 500 then g.key
                else md5(coalesce(g.key, concat(g.title, g.said)))
            end as key,
            case when g.severity in ('notice', 'warning', 'critical') then g.severity else 'warning' end as severity,
            coalesce(nullif(left(g.title, 500), ''), 'a notice without a title') as title,
            case
                when jsonb_typeof(g.said) <> 'object' then jsonb_build_object('value', g.said)
                when octet_length(g.said::text) > 16000 then '{"omitted": "it was longer than 16000 bytes"}'::jsonb
                else coalesce(g.said, '{}')
            end as said,
            g.not_by
        from jsonb_to_recordset(given) as g (
            account_id text, about text, key text, severity text, title text, said jsonb, not_by text
        )
        inner join stopward.accounts as a on g.account_id = a.id
        order by 1, 2, 3
    ),

    fresh as (
        insert into stopward.notifications as n (account_id, about, key, severity, title, said)
        select
            a.account_id,
            a.about,
            a.key,
            a.severity,
            a.title,
            a.said
        from asked as a
        on conflict on constraint notifications_once do nothing
        returning n.id, n.account_id, n.about, n.key, n.severity
    ),

    -- The share lock holds off whoever removes the channel, until this transaction has ended.
    wanted as (
        select
            c.name,
            f.id,
            f.account_id,
            f.about,
            f.key
        from fresh as f
        inner join asked as a on f.account_id = a.account_id and f.about = a.about and f.key = a.key
        inner join stopward.channels as c on f.account_id = c.account_id
        where
            c.enabled
            and c.name is distinct from a.not_by
            and (c.topics = '{}' or f.about = any(c.topics) or f.about = 'undelivered')
            and stopward.severity_rank(f.severity) >= stopward.severity_rank(c.least_severity)
        for key share of c
    )

    insert into stopward.outbox (id, account_id, channel, notification_id)
    select
        stopward.outbox_id(w.account_id, w.about, w.key, w.name),
        w.account_id,
        w.name,
        w.id
    from wanted as w
    order by w.id, w.name
    on conflict on constraint outbox_pkey do nothing;
    get diagnostics queued = row_count;
    if queued > 0 then
        perform pg_notify('stopward_outbox', '');
    end if;
    return queued;
end
$$;
comment on function stopward.write_notices(jsonb) is
'Write the notices that are new and queue them for each channel that wants them; answers how many were queued. Odd input is mended.';
revoke execute on function stopward.write_notices(jsonb) from public;

create function stopward.tell_all(given jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
    -- What is told about a tick must not undo the tick: any error is taken here, and said in the log.
    begin
        perform stopward.write_notices(given);
    exception
        when others then
            raise warning 'stopward: notices were not queued: % (%)', sqlerrm, sqlstate;
    end;
end
$$;
comment on function stopward.tell_all(jsonb) is
'Queue many notices at once, [{account_id, about, key, severity, title, said}], each once; never fails.';
revoke execute on function stopward.tell_all(jsonb) from public;

create function stopward.tell(
    of_account text, about text, with_key text, severity text, title text, said jsonb
)
returns void
language sql
set search_path = ''
as $$
select stopward.tell_all(jsonb_build_array(jsonb_build_object(
    'account_id', of_account, 'about', about, 'key', with_key, 'severity', severity, 'title', title, 'said', said
)))
$$;
comment on function stopward.tell(text, text, text, text, text, jsonb) is
'Queue one notice in this transaction, once for each (account, about, key); never fails.';
revoke execute on function stopward.tell(text, text, text, text, text, jsonb) from public;

create policy channels_select_member on stopward.channels
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy channels_select_worker on stopward.channels
for select to stopward_worker
using (true);

create policy notifications_select_member on stopward.notifications
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy notifications_select_worker on stopward.notifications
for select to stopward_worker
using (true);

create policy outbox_select_member on stopward.outbox
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy outbox_select_worker on stopward.outbox
for select to stopward_worker
using (true);

grant select on stopward.channels, stopward.notifications, stopward.outbox
to authenticated, service_role, stopward_worker;
