-- Why: a deliverer claims what is due, sends it, and says what came of it. A claim that ran out may be
--      claimed again, with the same id: at least once, and a reader that knows the id sees it once.
-- Lock: none. Phase: before deploy.

create function stopward.backoff_seconds(of_id uuid, attempt integer)
returns double precision
language sql immutable
set search_path = ''
as $$
-- From 30 seconds on twice as long each time, an hour at most; a quarter more or less by the row's own dice.
select
    least(3600, 30 * power(2, least(greatest(attempt, 1), 20) - 1))
    * (0.75 + 0.5 * (('x' || left(md5(of_id::text || ':' || attempt), 7))::bit(28)::integer / 268435456.0))
$$;
comment on function stopward.backoff_seconds(uuid, integer) is
'Seconds to wait after a failed attempt, counted from 1; the same for the same row and attempt.';
revoke execute on function stopward.backoff_seconds(uuid, integer) from public;

create function stopward.tell_undelivered(of_ids uuid[])
returns void
language sql
set search_path = ''
as $$
select
    stopward.tell_all(jsonb_agg(jsonb_build_object(
        'account_id', o.account_id,
        'about', 'undelivered',
        'key', concat_ws(':', o.channel, (now() at time zone 'UTC')::date),
        'severity', 'critical',
        'title', format('Channel %s gave up a notice: %s', o.channel, n.title),
        'said', jsonb_build_object(
            'channel', o.channel, 'about', n.about, 'attempts', o.attempts, 'error', o.last_error
        ),
        'not_by', o.channel
    )))
from stopward.outbox as o
inner join stopward.notifications as n on o.notification_id = n.id
where o.id = any(of_ids)
having count(*) > 0
$$;
comment on function stopward.tell_undelivered(uuid[]) is
'Tell the other channels that one gave up, once a day for each channel.';
revoke execute on function stopward.tell_undelivered(uuid[]) from public;

create function stopward.bury_abandoned(of_deliverer text)
returns void
language plpgsql
set search_path = ''
as $$
declare
    buried uuid[];
begin
    -- Whoever claimed these never came back, as often as may be tried: what kills its deliverer is dead.
    with lost as (
        select o.id
        from stopward.outbox as o
        inner join stopward.channels as c on o.account_id = c.account_id and o.channel = c.name
        where
            c.deliverer = of_deliverer
            and o.status = 'claimed'
            and o.next_at <= now()
            and o.attempts >= c.attempts_limit
        -- The channel is held too: who removes it waits for us, and we never wait for them.
        for update of o skip locked
        for key share of c skip locked
    ),

    gone as (
        update stopward.outbox as o
        set
            status = 'dead',
            claimed_by = null,
            settled_at = now(),
            last_error = 'claimed ' || o.attempts || ' times and never settled',
            failed_at = now()
        from lost as l
        where o.id = l.id
        returning o.id
    )

    select array_agg(g.id) into buried from gone as g;
    if buried is not null then
        perform stopward.tell_undelivered(buried);
    end if;
end
$$;
comment on function stopward.bury_abandoned(text) is 'Give up what was claimed too often without an answer.';
revoke execute on function stopward.bury_abandoned(text) from public;

create index outbox_claimed_idx on stopward.outbox (next_at) where status = 'claimed';

create function stopward.lock_due(
    of_deliverer text, of_account text, of_id uuid, of_status text, most integer
)
returns uuid[]
language sql
set search_path = ''
as $$
-- One notice of each channel, then the second of each: what piles up for one does not stand before the others.
with due as materialized (
    select
        d.id,
        row_number() over (
            order by d.place, stopward.severity_rank(n.severity) desc, d.next_at, d.notification_id, c.name
        ) as turn
    from stopward.channels as c
    cross join lateral (
        select
            o.id,
            o.notification_id,
            o.next_at,
            row_number() over (order by o.next_at, o.notification_id) as place
        from stopward.outbox as o
        where
            o.account_id = c.account_id
            and o.channel = c.name
            and o.status in ('pending', 'claimed')
            and o.status = of_status
            and o.next_at <= now()
            and (of_id is null or o.id = of_id)
        order by o.next_at, o.notification_id
        -- Some may be in the hands of others who claim at this very moment.
        limit most * 4
    ) as d
    inner join stopward.notifications as n on d.notification_id = n.id
    where
        c.deliverer = of_deliverer
        and c.enabled
        and c.held_until <= now()
        and (of_account is null or c.account_id = of_account)
),

held as (
    select
        o.id,
        d.turn
    from due as d
    inner join stopward.outbox as o on d.id = o.id
    where o.status = of_status and o.next_at <= now()
    order by d.turn
    limit most
    for update of o skip locked
)

select coalesce(array_agg(h.id order by h.turn), '{}')
from held as h
$$;
comment on function stopward.lock_due(text, text, uuid, text, integer) is
'Lock rows that are due and that nobody else has locked, channel by channel in turn, the graver channel first; the rest '
'of this transaction may claim them.';
revoke execute on function stopward.lock_due(text, text, uuid, text, integer) from public;

create function api.claim_outbox(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'claim_outbox', request,
        '{
            "deliverer": "jsonb?", "holder": "jsonb?", "limit": "integer?", "seconds": "double precision?",
            "id": "uuid?", "account_id": "text?"
        }'
    );
    this_deliverer constant text := request ->> 'deliverer';
    this_holder constant text := request ->> 'holder';
    this_id constant uuid := request ->> 'id';
    this_account constant text := request ->> 'account_id';
    most constant integer := coalesce((request ->> 'limit')::integer, 20);
    seconds constant double precision := coalesce((request ->> 'seconds')::double precision, 120);
    lost uuid[] := '{}';
    found uuid[];
    claims jsonb;
begin
    if coalesce(this_deliverer not in ('lambda', 'edge'), true) or coalesce(this_holder, '') = '' then
        perform stopward.refuse(
            'claim_outbox_request',
            format('deliverer %s, holder %s', coalesce(this_deliverer, 'null'), coalesce(this_holder, 'null')),
            'deliverer is lambda or edge, holder a name of this very run'
        );
    end if;
    if most not between 1 and 500 or not seconds between 1 and 3600 then
        perform stopward.refuse(
            'claim_outbox_bounds', format('limit %s, seconds %s', most, seconds), 'limit 1 to 500, seconds 1 to 3600'
        );
    end if;
    if this_account is not null then
        perform stopward.require_account(this_account);
    end if;
    perform stopward.bury_abandoned(this_deliverer);

    -- A claim that ran out may have killed its deliverer: one a call, and last, so that it takes nobody with it.
    if exists (select from stopward.outbox as o where o.status = 'claimed' and o.next_at <= now()) then
        lost := stopward.lock_due(this_deliverer, this_account, this_id, 'claimed', 1);
    end if;
    found := stopward.lock_due(this_deliverer, this_account, this_id, 'pending', most - cardinality(lost)) || lost;

    with claimed as (
        update stopward.outbox as o
        set
            status = 'claimed',
            claimed_by = this_holder,
            attempts = o.attempts + 1,
            next_at = now() + make_interval(secs => seconds)
        where o.id = any(found)
        returning o.*
    )

    select
        jsonb_agg(
            jsonb_build_object(
                'id', o.id,
                'account_id', o.account_id,
                'account', a.name,
                'channel', o.channel,
                'kind', c.kind,
                'address', d.address,
                'secret', d.secret,
                'attempt', o.attempts,
                'about', n.about,
                'key', n.key,
                'severity', n.severity,
                'title', n.title,
                'said', n.said,
                'at', n.created_at
            ) order by array_position(found, o.id)
        )
    into claims
    from claimed as o
    inner join stopward.notifications as n on o.notification_id = n.id
    inner join stopward.accounts as a on o.account_id = a.id
    inner join stopward.channels as c on o.account_id = c.account_id and o.channel = c.name
    inner join stopward.channel_addresses as d on o.account_id = d.account_id and o.channel = d.channel;
    return jsonb_build_object('claims', coalesce(claims, '[]'));
end
$$;
comment on function api.claim_outbox(jsonb) is
'Claim what is due for seconds: {deliverer, holder, limit, seconds, id, account_id}. Answers {claims: [notice with address '
'and secret]}, to be sent in that order; no other claims a row meanwhile.';
revoke execute on function api.claim_outbox(jsonb) from public;
grant execute on function api.claim_outbox(jsonb) to service_role, stopward_worker;

create function api.settle_delivery(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'settle_delivery', request,
        '{
            "id": "uuid?", "holder": "jsonb?", "outcome": "jsonb?", "error": "prose?",
            "retry_after_seconds": "double precision?", "hold_seconds": "double precision?"
        }'
    );
    this_id constant uuid := request ->> 'id';
    this_holder constant text := request ->> 'holder';
    outcome constant text := request ->> 'outcome';
    told constant text := left(coalesce(request ->> 'error', 'no reason was given'), 500);
    wait constant double precision := least(
        greatest(coalesce((request ->> 'retry_after_seconds')::double precision, 0), 0), 86400
    );
    hold constant double precision := least(
        greatest(coalesce((request ->> 'hold_seconds')::double precision, 0), 0), 86400
    );
    o stopward.outbox;
    most integer;
begin
    if coalesce(outcome not in ('delivered', 'retry', 'put_back', 'dead'), true) or this_id is null then
        perform stopward.refuse(
            'settle_delivery_request',
            format('id %s, outcome %s', coalesce(this_id::text, 'null'), coalesce(outcome, 'null')),
            'id of a claim, and outcome delivered, retry, put_back or dead'
        );
    end if;
    -- The channel before the row, as stopward.outbox is locked everywhere: who removes a channel comes that way.
    perform from stopward.channels as c
    inner join stopward.outbox as x on c.account_id = x.account_id and c.name = x.channel
    where x.id = this_id
    for no key update of c;
    select * into o from stopward.outbox as x where x.id = this_id for update;
    if not found then
        return jsonb_build_object('status', 'unknown');
    end if;
    -- That it arrived is true whoever says it, and however late; that it failed counts for its own claim only.
    if outcome = 'delivered' then
        update stopward.outbox
        set status = 'delivered', claimed_by = null, settled_at = now(), last_error = null, failed_at = null
        where id = this_id and status <> 'delivered';
        return jsonb_build_object('status', 'delivered');
    end if;
    if o.status <> 'claimed' or o.claimed_by is distinct from this_holder then
        return jsonb_build_object('status', o.status);
    end if;
    select c.attempts_limit into most
    from stopward.channels as c
    where c.account_id = o.account_id and c.name = o.channel;
    if hold > 0 then
        update stopward.channels
        set held_until = greatest(held_until, now() + make_interval(secs => hold))
        where account_id = o.account_id and name = o.channel;
    end if;
    -- Put back: it was not this notice's fault, which is forgiven for a day.
    if outcome = 'put_back' and o.created_at > now() - interval '1 day' then
        o.attempts := o.attempts - 1;
    end if;
    if outcome = 'dead' or o.attempts >= most then
        update stopward.outbox
        set
            status = 'dead',
            claimed_by = null,
            settled_at = now(),
            last_error = told,
            failed_at = now(),
            attempts = o.attempts
        where id = this_id;
        perform stopward.tell_undelivered(array[this_id]);
        return jsonb_build_object('status', 'dead');
    end if;
    update stopward.outbox
    set
        status = 'pending',
        claimed_by = null,
        attempts = o.attempts,
        last_error = told,
        failed_at = now(),
        next_at = now() + make_interval(
            secs => case
                when outcome = 'put_back' then wait
                else greatest(wait, stopward.backoff_seconds(this_id, o.attempts))
            end
        )
    where id = this_id;
    return jsonb_build_object('status', 'pending');
end
$$;
comment on function api.settle_delivery(jsonb) is
'Say what came of a claim: {id, holder, outcome: delivered|retry|put_back|dead, error, retry_after_seconds, hold_seconds}; hold_seconds is for the whole channel. Answers {status}; repeated, it changes nothing.';
revoke execute on function api.settle_delivery(jsonb) from public;
grant execute on function api.settle_delivery(jsonb) to service_role, stopward_worker;

create function api.retry_dead(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'retry_dead', request, '{"account_id": "text", "channel": "text?"}'
    );
    touched integer;
begin
    perform stopward.require_account(request ->> 'account_id');
    -- The channels before their rows, as stopward.outbox is locked everywhere.
    perform from stopward.channels as c
    where
        c.account_id = request ->> 'account_id'
        and (request ->> 'channel' is null or c.name = request ->> 'channel')
    order by c.name
    for no key update of c;
    update stopward.outbox as o
    set status = 'pending', attempts = 0, next_at = now(), settled_at = null
    where
        o.account_id = request ->> 'account_id'
        and o.status = 'dead'
        and (request ->> 'channel' is null or o.channel = request ->> 'channel');
    get diagnostics touched = row_count;
    return jsonb_build_object('count', touched);
end
$$;
comment on function api.retry_dead(jsonb) is
'Queue again what was given up: {account_id, channel}; without a channel, all of the account. Answers {count}.';
revoke execute on function api.retry_dead(jsonb) from public;
grant execute on function api.retry_dead(jsonb) to service_role, stopward_worker;

create function api.measure_outbox(request jsonb)
returns jsonb
language plpgsql stable
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
begin
    perform stopward.require('measure_outbox', request, '{"account_id": "text?"}');
    if this_account is not null then
        perform stopward.require_account(this_account);
    end if;
    return (
        select
            jsonb_build_object(
                'pending', coalesce(sum(w.pending), 0),
                'dead', coalesce(sum(w.dead), 0),
                'oldest_pending_seconds', coalesce(extract(epoch from now() - min(w.oldest_at))::double precision, 0)
            )
        from stopward.channels as c
        cross join lateral (
            select
                (
                    select count(*) from stopward.outbox as o
                    where o.account_id = c.account_id and o.channel = c.name and o.status in ('pending', 'claimed')
                ) as pending,
                (
                    select min(o.created_at) from stopward.outbox as o
                    where o.account_id = c.account_id and o.channel = c.name and o.status in ('pending', 'claimed')
                ) as oldest_at,
                (
                    select count(*) from stopward.outbox as o
                    where o.account_id = c.account_id and o.channel = c.name and o.status = 'dead'
                ) as dead
        ) as w
        where c.enabled and (this_account is null or c.account_id = this_account)
    );
end
$$;
comment on function api.measure_outbox(jsonb) is
'What waits and what was given up: {account_id}, or all. Answers {pending, dead, oldest_pending_seconds}.';
revoke execute on function api.measure_outbox(jsonb) from public;
grant execute on function api.measure_outbox(jsonb) to service_role, stopward_worker;

create index outbox_settled_idx on stopward.outbox (account_id, channel, settled_at) where settled_at is not null;
create index outbox_error_idx on stopward.outbox (account_id, channel, failed_at) where last_error is not null;

create view api.notification_log with (security_invoker = true) as
select
    n.account_id,
    n.id as notification_id,
    n.created_at,
    n.about,
    n.severity,
    n.title,
    n.said,
    n.key,
    n.read_at,
    coalesce(
        (
            select jsonb_object_agg(o.channel, o.status)
            from stopward.outbox as o
            where o.notification_id = n.id
        ), '{}'
    ) as deliveries
from stopward.notifications as n;
comment on view api.notification_log is
'What was I told, what have I not read yet, and did it go out: each notice with its status on every channel.';

create view api.outbox_health with (security_invoker = true) as
select
    c.account_id,
    c.name as channel,
    c.kind,
    c.deliverer,
    c.enabled,
    c.topics,
    c.least_severity,
    nullif(greatest(c.held_until, now()), now()) as held_until,
    w.pending,
    w.oldest_at as oldest_pending_at,
    coalesce(extract(epoch from now() - w.oldest_at)::double precision, 0) as oldest_pending_seconds,
    (
        select count(*) from stopward.outbox as o
        where o.account_id = c.account_id and o.channel = c.name and o.status = 'dead'
    ) as dead,
    (
        select o.settled_at from stopward.outbox as o
        where
            o.account_id = c.account_id
            and o.channel = c.name
            and o.status = 'delivered'
            and o.settled_at is not null
        order by o.settled_at desc
        limit 1
    ) as last_delivered_at,
    (
        select o.last_error from stopward.outbox as o
        where
            o.account_id = c.account_id
            and o.channel = c.name
            and o.last_error is not null -- it is forgotten once it was delivered
        order by o.failed_at desc
        limit 1
    ) as last_error
from stopward.channels as c
cross join lateral (
    select
        count(*) as pending,
        min(o.created_at) as oldest_at
    from stopward.outbox as o
    where o.account_id = c.account_id and o.channel = c.name and o.status in ('pending', 'claimed')
) as w;
comment on view api.outbox_health is
'Does what should reach me reach me: for each channel what waits, for how many seconds, what was given up, and the newest '
'error of what waits or was given up.';

grant select on api.notification_log, api.outbox_health to authenticated, service_role, stopward_worker;
