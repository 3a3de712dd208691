-- Why: an alarm that was raised as a warning could not become critical in the same pulse: what the orders came to is
--      told after what was decided, and nobody heard of it. The graver of two words about one pulse counts.
-- Lock: none. Phase: before deploy.

create function stopward.gravity(of_severity text)
returns integer
language sql immutable
set search_path = ''
as $$
select array_position(array['notice', 'warning', 'critical'], of_severity)
$$;
comment on function stopward.gravity(text) is 'How grave a severity is: the greater, the graver.';
revoke execute on function stopward.gravity(text) from public;

create or replace function stopward.write_alarms(
    of_account text, of_tick timestamptz, moment timestamptz, raised jsonb, over jsonb
)
returns void
language sql
set search_path = ''
as $$
update stopward.alarms as a
set cleared_at = moment
where
    a.account_id = of_account
    and a.cleared_at is null
    and (
        a.key in (select k.value from jsonb_array_elements_text(over) as k (value))
        or a.kind in (select k.value from jsonb_array_elements_text(over) as k (value))
    )
    and a.key not in (select g.key from jsonb_to_recordset(raised) as g (key text));

insert into stopward.alarms as a (
    account_id, key, kind, symbol, message, severity, first_at, last_at, last_tick_at
)
select distinct on (g.key) of_account, g.key, g.kind, g.symbol, g.message, g.severity, moment, moment, of_tick
from rows from (
    jsonb_to_recordset(raised) as (key text, kind text, symbol text, message text, severity text)
) with ordinality as g (key, kind, symbol, message, severity, place)
order by g.key asc, stopward.gravity(g.severity) desc nulls first, g.place desc
on conflict (account_id, key) where cleared_at is null do update
set
    message = excluded.message,
    severity = excluded.severity,
    last_at = excluded.last_at,
    last_tick_at = excluded.last_tick_at,
    count = a.count + case when excluded.last_tick_at > a.last_tick_at then 1 else 0 end
where
    excluded.last_tick_at > a.last_tick_at
    or (
        excluded.last_tick_at = a.last_tick_at
        and stopward.gravity(excluded.severity) > stopward.gravity(a.severity)
    )
$$;
comment on function stopward.write_alarms(text, timestamptz, timestamptz, jsonb, jsonb) is
'Raise or count alarms by their key, and clear those whose key or kind is over; a pulse counts once, and the gravest '
'word about it stays.';
