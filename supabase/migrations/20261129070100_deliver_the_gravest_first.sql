-- Why: inside one channel a critical notice waited behind whatever had piled up for that channel before it.
-- Lock: none. Phase: before deploy.

create or replace function stopward.lock_due(
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
            order by d.place, d.severity desc, d.next_at, d.notification_id, c.name
        ) as turn
    from stopward.channels as c
    cross join lateral (
        select
            o.id,
            o.notification_id,
            o.next_at,
            stopward.severity_rank(n.severity) as severity,
            row_number() over (
                order by stopward.severity_rank(n.severity) desc, o.next_at, o.notification_id
            ) as place
        from stopward.outbox as o
        inner join stopward.notifications as n on o.notification_id = n.id
        where
            o.account_id = c.account_id
            and o.channel = c.name
            and o.status in ('pending', 'claimed')
            and o.status = of_status
            and o.next_at <= now()
            and (of_id is null or o.id = of_id)
    ) as d
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
'Lock rows that are due and that nobody else has locked, channel by channel in turn, the graver channel first and in '
'each the graver notice; the rest of this transaction may claim them.';
