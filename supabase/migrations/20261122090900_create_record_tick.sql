-- Why: the second and third round trip of a tick: what was decided, before anything is sent,
--      and what came of it. Each is one transaction; repeating it changes nothing.
-- Lock: none. Phase: before deploy.

create function api.record_tick(record jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := record ->> 'account_id';
    this_tick constant timestamptz := record ->> 'tick_at';
    moment constant timestamptz := record ->> 'at';
    token constant bigint := record ->> 'fence';
    trades constant jsonb := coalesce(record -> 'trades', '[]');
    created jsonb;
begin
    perform stopward.require_account(this_account);
    perform stopward.require_fence(this_account, token);
    perform stopward.write_observations(this_account, this_tick, moment, coalesce(record -> 'observations', '[]'));
    perform stopward.settle_orders(this_account, this_tick, moment, token, coalesce(record -> 'settled', '[]'));
    perform stopward.write_positions(this_account, coalesce(record -> 'positions', '[]'), trades);
    perform stopward.write_trades(this_account, this_tick, trades);
    perform stopward.write_symbols(this_account, coalesce(record -> 'symbols', '[]'));
    perform stopward.write_journal(
        this_account, this_tick, coalesce(record -> 'decisions', '[]'), coalesce(record -> 'views', '[]')
    );
    created := stopward.write_intents(this_account, moment, token, coalesce(record -> 'orders', '[]'));
    perform stopward.write_alarms(
        this_account, this_tick, moment, coalesce(record -> 'alarms', '[]'), coalesce(record -> 'cleared', '[]')
    );
    perform stopward.halt_symbols(this_account, coalesce(record -> 'halted_symbols', '[]'));
    if jsonb_typeof(record -> 'day') = 'object' then
        perform stopward.write_day(this_account, record -> 'day');
    end if;
    perform stopward.write_gaps(
        this_account, this_tick, 'record', coalesce(record -> 'unprotected_seconds', '{}')
    );
    perform stopward.end_tick(
        this_account,
        this_tick,
        record ->> 'source',
        coalesce((record ->> 'release')::boolean, false),
        coalesce((record ->> 'lease_seconds')::double precision, 0)
    );
    return jsonb_build_object('new', created);
end
$$;
comment on function api.record_tick(jsonb) is
'Write a tick whole, under its fence, before anything is sent. Answers {new: [ids of the orders to send]}.';
revoke execute on function api.record_tick(jsonb) from public;
grant execute on function api.record_tick(jsonb) to service_role, stopward_worker;

create function api.acknowledge(acknowledgement jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := acknowledgement ->> 'account_id';
    this_tick constant timestamptz := acknowledgement ->> 'tick_at';
    moment constant timestamptz := acknowledgement ->> 'at';
    token constant bigint := acknowledgement ->> 'fence';
    trades constant jsonb := coalesce(acknowledgement -> 'trades', '[]');
begin
    perform stopward.require_account(this_account);
    perform stopward.require_fence(this_account, token);
    perform stopward.write_observations(
        this_account, this_tick, moment, coalesce(acknowledgement -> 'observations', '[]')
    );
    perform stopward.settle_orders(
        this_account, this_tick, moment, token, coalesce(acknowledgement -> 'orders', '[]')
    );
    perform stopward.write_positions(this_account, coalesce(acknowledgement -> 'positions', '[]'), trades);
    perform stopward.write_trades(this_account, this_tick, trades);
    perform stopward.write_alarms(
        this_account,
        this_tick,
        moment,
        coalesce(acknowledgement -> 'alarms', '[]'),
        coalesce(acknowledgement -> 'cleared', '[]')
    );
    if jsonb_typeof(acknowledgement -> 'day') = 'object' then
        perform stopward.write_day(this_account, acknowledgement -> 'day');
    end if;
    perform stopward.write_gaps(
        this_account, this_tick, 'acknowledge', coalesce(acknowledgement -> 'unprotected_seconds', '{}')
    );
    perform stopward.end_tick(
        this_account, this_tick, null, coalesce((acknowledgement ->> 'release')::boolean, true), 0
    );
    return jsonb_build_object('done', true);
end
$$;
comment on function api.acknowledge(jsonb) is
'Write what came of the orders that were sent, under the fence of their tick. Answers {done: true}.';
revoke execute on function api.acknowledge(jsonb) from public;
grant execute on function api.acknowledge(jsonb) to service_role, stopward_worker;
