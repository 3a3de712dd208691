-- Why: alarms, halts and closed trades tell themselves, whoever wrote them. One look at a statement's rows,
--      not one for each: a tick that closes 5,000 positions passes here.
-- Lock: share row exclusive on alarms, accounts, trades, for an instant. Phase: before deploy.

create function stopward.alarm_notices(of_key text, given stopward.alarms[])
returns jsonb
language sql stable
set search_path = ''
as $$
select
    jsonb_agg(jsonb_build_object(
        'account_id', a.account_id,
        'about', 'alarm',
        -- One that comes and goes is told once in a quarter of an hour; a critical one each time.
        'key', case
            when a.severity = 'critical' then concat_ws(':', a.key, of_key, a.id)
            else concat_ws(':', a.key, a.severity, floor(extract(epoch from a.first_at) / 900)::text)
        end,
        'severity', a.severity,
        'title', a.message,
        'said', jsonb_build_object(
            'kind', a.kind, 'key', a.key, 'symbol', a.symbol, 'first_at', a.first_at, 'count', a.count
        )
    ))
from unnest(given) as a
$$;
comment on function stopward.alarm_notices(text, stopward.alarms[]) is 'What is told of alarms; null of none.';
revoke execute on function stopward.alarm_notices(text, stopward.alarms[]) from public;

create function stopward.tell_new_alarms()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    found jsonb;
begin
    select stopward.alarm_notices('raised', array_agg(row(a.*)::stopward.alarms)) into found from raised as a;
    if found is not null then
        perform stopward.write_notices(found);
    end if;
    return null;
exception
    when others then
        raise warning 'stopward: % of % was not told: % (%)', tg_op, tg_table_name, sqlerrm, sqlstate;
        return null;
end
$$;
comment on function stopward.tell_new_alarms() is 'Trigger: tell alarms that were raised.';
revoke execute on function stopward.tell_new_alarms() from public;

create trigger alarms_tell_new
after insert on stopward.alarms
referencing new table as raised
for each statement execute function stopward.tell_new_alarms();

create function stopward.tell_graver_alarms()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    found jsonb;
begin
    select stopward.alarm_notices('rose', array_agg(row(a.*)::stopward.alarms)) into found
    from later as a
    inner join earlier as b on a.id = b.id
    where a.severity = 'critical' and b.severity <> 'critical';
    if found is not null then
        perform stopward.write_notices(found);
    end if;
    return null;
exception
    when others then
        raise warning 'stopward: % of % was not told: % (%)', tg_op, tg_table_name, sqlerrm, sqlstate;
        return null;
end
$$;
comment on function stopward.tell_graver_alarms() is 'Trigger: tell alarms that became critical.';
revoke execute on function stopward.tell_graver_alarms() from public;

create trigger alarms_tell_graver
after update on stopward.alarms
referencing old table as earlier new table as later
for each statement execute function stopward.tell_graver_alarms();

create function stopward.tell_halts()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    found jsonb;
begin
    select
        jsonb_agg(jsonb_build_object(
            'account_id', c.id,
            'about', c.about,
            'key', concat_ws(':', c.what, to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')),
            'severity', c.severity,
            'title', c.title,
            'said', jsonb_build_object('what', c.what, 'because', c.halted_because, 'flatten_at', c.flatten_at)
        ))
    into found
    from (
        select
            a.id,
            a.halted_because,
            a.flatten_at,
            w.*
        from later as a
        inner join earlier as b on a.id = b.id
        cross join lateral (
            values
            (
                a.halted and not b.halted,
                'halted',
                'halted',
                'warning',
                concat_ws(': ', 'The rules were halted', nullif(a.halted_because, ''))
            ),
            (b.halted and not a.halted, 'halted', 'resumed', 'notice', 'The rules go on'),
            (
                a.flatten_at is not null and b.flatten_at is null,
                'flatten',
                'flatten',
                'warning',
                'Everything is to be closed'
            ),
            (
                b.flatten_at is not null and a.flatten_at is null,
                'flatten',
                'flatten_ended',
                'notice',
                'The request to close everything has ended'
            )
        ) as w (is_so, about, what, severity, title)
        where w.is_so
    ) as c;
    if found is not null then
        perform stopward.write_notices(found);
    end if;
    return null;
exception
    when others then
        raise warning 'stopward: % of % was not told: % (%)', tg_op, tg_table_name, sqlerrm, sqlstate;
        return null;
end
$$;
comment on function stopward.tell_halts() is 'Trigger: tell that rules were halted or go on, and that all is to be closed.';
revoke execute on function stopward.tell_halts() from public;

create trigger accounts_tell_halts
after update on stopward.accounts
referencing old table as earlier new table as later
for each statement execute function stopward.tell_halts();

create function stopward.tell_trades()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    found jsonb;
begin
    select
        jsonb_agg(jsonb_build_object(
            'account_id', t.account_id,
            'about', 'trade_closed',
            'key', t.position_id,
            'severity', 'notice',
            'title', format(
                '%s closed at %s%sR by %s',
                t.symbol,
                case when t.result_r >= 0 then '+' end,
                round(t.result_r::numeric, 2),
                t.cause
            ),
            'said', jsonb_build_object(
                'position_id', t.position_id,
                'symbol', t.symbol,
                'side', t.side,
                'quantity', trim_scale(t.quantity)::text,
                'exit_price', trim_scale(t.exit_price)::text,
                'result', trim_scale(t.result)::text,
                'result_r', t.result_r::text,
                'cause', t.cause,
                'closed_at', t.closed_at
            )
        ))
    into found
    from written as t;
    if found is not null then
        perform stopward.write_notices(found);
    end if;
    return null;
exception
    when others then
        raise warning 'stopward: % of % was not told: % (%)', tg_op, tg_table_name, sqlerrm, sqlstate;
        return null;
end
$$;
comment on function stopward.tell_trades() is 'Trigger: tell each trade that was written.';
revoke execute on function stopward.tell_trades() from public;

create trigger trades_tell
after insert on stopward.trades
referencing new table as written
for each statement execute function stopward.tell_trades();
