-- Why: what a tick writes is judged at the door too: a misspelt key of a position would be a lost target.
--      Keys and kinds of all rows are looked at in one pass; which value was wrong is searched for when one was.
-- Lock: access exclusive on stopward.decisions for a moment; its rows are not read. Phase: before deploy.

create function stopward.tick_shape(of_function text)
returns jsonb
language plpgsql immutable
set search_path = ''
as $$
begin
    return case of_function
        when 'record_tick' then '{
            "fence": "bigint", "account_id": "text", "tick_at": "timestamptz", "at": "timestamptz",
            "positions": "rows?", "orders": "rows?", "trades": "rows?", "observations": "rows?", "alarms": "rows?",
            "cleared": "text[]?", "day": "object?", "unprotected_seconds": "numbers?", "release": "boolean?",
            "source": "text", "symbols": "rows?", "views": "rows?", "decisions": "rows?", "settled": "rows?",
            "halted_symbols": "text[]?", "lease_seconds": "double precision?"
        }'::jsonb
        when 'acknowledge' then '{
            "fence": "bigint", "account_id": "text", "tick_at": "timestamptz", "at": "timestamptz",
            "positions": "rows?", "orders": "rows?", "trades": "rows?", "observations": "rows?", "alarms": "rows?",
            "cleared": "text[]?", "day": "object?", "unprotected_seconds": "numbers?", "release": "boolean?"
        }'::jsonb
    end;
end
$$;
comment on function stopward.tick_shape(text) is 'Shape of what record_tick and acknowledge take.';
revoke execute on function stopward.tick_shape(text) from public;

create function stopward.row_shape(of_rows text)
returns jsonb
language plpgsql immutable
set search_path = ''
as $$
begin
    return case of_rows
        when 'positions' then '{
            "id": "text", "account_id": "text", "symbol": "text", "side": "text", "quantity": "numeric(24,9)",
            "initial_quantity": "numeric(24,9)", "average_entry": "numeric(18,6)", "initial_stop": "numeric(18,6)",
            "risk": "numeric(18,6)", "stop": "numeric(18,6)", "target": "numeric(18,6)?", "lot": "numeric(24,9)",
            "tick": "numeric(18,6)", "fees_per_share": "numeric(18,6)", "opened_at": "timestamptz",
            "adopted_at": "timestamptz", "bar_at": "timestamptz?", "marks": "numbers", "tags": "text[]",
            "flags": "text[]", "realised": "numeric(18,6)", "closed_quantity": "numeric(24,9)",
            "tightest": "numeric(18,6)?", "stop_rule": "text", "fills_at": "timestamptz?", "fill_ids": "text[]"
        }'::jsonb
        when 'symbols' then '{
            "symbol": "text", "bar_at": "timestamptz?", "since": "timestamptz?", "carry": "numbers",
            "highs": "prose", "lows": "prose", "daily_atr": "double precision?"
        }'::jsonb
        when 'views' then '{
            "symbol": "text", "quote_at": "timestamptz?", "bid": "numeric(18,6)?", "ask": "numeric(18,6)?",
            "feed": "prose", "bar_at": "timestamptz?", "bar": "double precision[]", "fault": "prose?"
        }'::jsonb
        when 'decisions' then '{
            "position_id": "text", "symbol": "text", "tick_at": "timestamptz", "source": "text",
            "decision": "object", "state": "double precision[]", "account": "double precision[]",
            "fired": "double precision", "reasons": "array", "price": "double precision?", "rules_hash": "prose",
            "rule_version": "text", "mask": "text", "closed_bar": "boolean", "measured": "double precision[]"
        }'::jsonb
        when 'decision' then '{
            "kind": "text", "rule": "text?", "to": "numeric(18,6)?", "quantity": "numeric(24,9)?",
            "stop": "numeric(18,6)?", "stop_rule": "text?"
        }'::jsonb
        when 'orders' then '{
            "id": "text", "position_id": "text", "symbol": "text", "step": "text", "side": "text",
            "quantity": "numeric(24,9)", "price": "numeric(18,6)?", "on": "text?", "rule": "text",
            "tick_at": "timestamptz", "attempt": "integer", "status": "text", "broker_order_id": "text?",
            "filled_quantity": "numeric(24,9)", "filled_price": "numeric(18,6)?", "reason": "prose",
            "partials": "integer", "part": "prose"
        }'::jsonb
        when 'trades' then '{
            "position_id": "text", "symbol": "text", "closed_at": "timestamptz", "exit_price": "numeric(18,6)",
            "result": "numeric(18,6)", "result_r": "double precision", "mae_r": "double precision",
            "mfe_r": "double precision", "cause": "text"
        }'::jsonb
        when 'observations' then '{
            "position_id": "text?", "symbol": "text", "kind": "text", "cause": "text", "detail": "object"
        }'::jsonb
        when 'alarms' then '{
            "key": "text", "kind": "text", "symbol": "text?", "message": "prose", "severity": "text"
        }'::jsonb
        when 'day' then '{
            "session_day": "date", "realised": "numeric(18,6)", "realised_r": "double precision",
            "peak_r": "double precision", "equity": "numeric(18,6)?", "losses": "integer",
            "last_loss_at": "timestamptz?", "locked_by": "text?", "warned": "double precision"
        }'::jsonb
    end;
end
$$;
comment on function stopward.row_shape(text) is
'Shape of the rows that a tick writes, by the key that holds them. Who replaces it replaces stopward.row_path too.';
revoke execute on function stopward.row_shape(text) from public;

-- PostgreSQL works these out once a session, and would keep those of an older row_shape.
create function stopward.row_path(of_rows text)
returns jsonpath
language plpgsql immutable
set search_path = ''
as $$
begin
    return case of_rows
        when 'positions' then stopward.shape_path(stopward.row_shape('positions'))
        when 'symbols' then stopward.shape_path(stopward.row_shape('symbols'))
        when 'views' then stopward.shape_path(stopward.row_shape('views'))
        when 'decisions' then stopward.shape_path(stopward.row_shape('decisions'))
        when 'orders' then stopward.shape_path(stopward.row_shape('orders'))
        when 'trades' then stopward.shape_path(stopward.row_shape('trades'))
        when 'observations' then stopward.shape_path(stopward.row_shape('observations'))
        when 'alarms' then stopward.shape_path(stopward.row_shape('alarms'))
        when 'day' then stopward.shape_path(stopward.row_shape('day'))
    end;
end
$$;
comment on function stopward.row_path(text) is 'stopward.shape_path of the rows that a tick writes.';
revoke execute on function stopward.row_path(text) from public;

create function stopward.require_now(function_name text, request jsonb)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
    this_tick constant timestamptz := request ->> 'tick_at';
    renewed constant double precision := coalesce((request ->> 'lease_seconds')::double precision, 0);
    -- Clocks differ by seconds; what is of tomorrow would hide every alarm and hold until then.
    latest constant timestamptz := now() + interval '1 day';
    said constant jsonb := jsonb_build_object('said', request -> 'tick_at');
    other text;
begin
    if this_tick > latest or (request ->> 'at')::timestamptz > latest then
        perform stopward.refuse(
            function_name || '_request',
            format('%s: tick_at was %s and at %s, it is %s', function_name, this_tick, request ->> 'at', now()),
            'allowed is up to a day ahead of the clock of the database'
        );
    end if;
    if renewed not between 0 and 86400 then
        perform stopward.refuse(
            function_name || '_request',
            format('%s: lease_seconds was %s, allowed is 0 to 86400', function_name, renewed)
        );
    end if;
    if function_name <> 'record_tick' then
        return;
    end if;
    -- Spelled the same, as the guard does, they need not be read as times.
    select t.value #>> '{}' into other
    from jsonb_path_query(request, '$.decisions[*].tick_at ? (@ != $said)', said) as t (value)
    where (t.value #>> '{}')::timestamptz <> this_tick
    limit 1;
    if other is not null then
        perform stopward.refuse(
            'record_tick_request',
            format('record_tick: a decision was of %s, the tick is of %s', other, this_tick),
            'what a tick decides is of its pulse'
        );
    end if;
end
$$;
comment on function stopward.require_now(text, jsonb) is
'Refuse a tick of the far future, a lease of more than a day, and decisions of another pulse. Intents may be older: an '
'order that was found at the broker keeps its own.';
revoke execute on function stopward.require_now(text, jsonb) from public;

create function stopward.require_tick(function_name text, request jsonb)
returns void
language plpgsql stable
set search_path = ''
as $$
begin
    perform stopward.require(function_name, request, stopward.tick_shape(function_name));
    perform stopward.require_rows(
        function_name, p.key, p.given, stopward.row_shape(p.of_rows), stopward.row_path(p.of_rows)
    )
    from (
        select
            s.key,
            request -> s.key as given,
            case s.key when 'settled' then 'orders' else s.key end as of_rows
        from jsonb_each_text(stopward.tick_shape(function_name)) as s
        where s.value = 'rows?'
    ) as p
    where p.given <> '[]';
    if jsonb_typeof(request -> 'day') = 'object' then
        perform stopward.require_rows(
            function_name,
            'day',
            jsonb_build_array(request -> 'day'),
            stopward.row_shape('day'),
            stopward.row_path('day')
        );
    end if;
    perform stopward.require_now(function_name, request);
end
$$;
comment on function stopward.require_tick(text, jsonb) is 'Refuse what is not of the shape of a tick, or of no time near.';
revoke execute on function stopward.require_tick(text, jsonb) from public;

create function stopward.name_fault(function_name text, request jsonb, message text)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
    fault text;
begin
    select p.key || f.fault into fault
    from (
        select
            s.key,
            request -> s.key as given,
            case s.key when 'settled' then 'orders' else s.key end as of_rows
        from jsonb_each_text(stopward.tick_shape(function_name)) as s
        where s.value = 'rows?'
        union all
        select 'day', jsonb_build_array(request -> 'day'), 'day'
        where jsonb_typeof(request -> 'day') = 'object'
        union all
        select 'decisions.decision', jsonb_path_query_array(request, '$.decisions[*].decision'), 'decision'
    ) as p
    cross join lateral stopward.fault_of_rows(p.given, stopward.row_shape(p.of_rows)) as f (fault)
    where f.fault is not null
    limit 1;
    perform stopward.refuse(
        function_name || '_request',
        format('%s: %s', function_name, coalesce(fault, message)),
        'nothing was written'
    );
end
$$;
comment on function stopward.name_fault(text, jsonb, text) is
'Refuse a tick that could not be stored: name the value that was wrong, else repeat what PostgreSQL said.';
revoke execute on function stopward.name_fault(text, jsonb, text) from public;

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

-- What a misspelt key of a decision would leave out. Not looked up in old rows: months are large, and final.
alter table stopward.decisions
add constraint decisions_say_what check (
    (kind <> 'move_stop' or stop is not null) and (kind <> 'reduce' or quantity is not null)
) not valid;
alter table stopward.decisions
add constraint decisions_numbers_are_numbers check (
    'NaN' not in (coalesce(stop, 0), coalesce(quantity, 0))
    and price > '-Infinity' and price < 'Infinity'
) not valid;

create or replace function api.begin_tick(request jsonb)
returns json
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account text;
    this_holder text;
    seconds double precision;
    token bigint;
begin
    perform stopward.require(
        'begin_tick',
        request,
        '{"account_id": "text", "tick_at": "timestamptz", "holder": "text", "lease_seconds": "double precision"}'
    );
    this_account := request ->> 'account_id';
    this_holder := request ->> 'holder';
    seconds := request ->> 'lease_seconds';
    if seconds not between 0.001 and 86400 then
        perform stopward.refuse(
            'begin_tick_request',
            format('begin_tick: lease_seconds was %s, allowed is above zero and up to 86400', seconds)
        );
    end if;
    perform stopward.require_account(this_account);
    token := stopward.take_lease(this_account, this_holder, seconds);
    if token is null then
        return (
            select json_build_object('busy', json_build_object('holder', l.holder, 'until', l.until))
            from stopward.leases as l
            where l.account_id = this_account
        );
    end if;
    return stopward.snapshot(this_account, (request ->> 'tick_at')::timestamptz, token);
end
$$;

create or replace function api.record_tick(record jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account text;
    this_tick timestamptz;
    moment timestamptz;
    token bigint;
    trades jsonb;
    created jsonb;
begin
    perform stopward.require_tick('record_tick', record);
    this_account := record ->> 'account_id';
    this_tick := record ->> 'tick_at';
    moment := record ->> 'at';
    token := record ->> 'fence';
    trades := coalesce(record -> 'trades', '[]');
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
exception
    when data_exception or not_null_violation or cardinality_violation or program_limit_exceeded then
        -- The kinds were right, a value was not: only now is it worth the time to find which.
        perform stopward.name_fault('record_tick', record, sqlerrm);
        return null;
end
$$;

create or replace function api.acknowledge(acknowledgement jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account text;
    this_tick timestamptz;
    moment timestamptz;
    token bigint;
    trades jsonb;
begin
    perform stopward.require_tick('acknowledge', acknowledgement);
    this_account := acknowledgement ->> 'account_id';
    this_tick := acknowledgement ->> 'tick_at';
    moment := acknowledgement ->> 'at';
    token := acknowledgement ->> 'fence';
    trades := coalesce(acknowledgement -> 'trades', '[]');
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
exception
    when data_exception or not_null_violation or cardinality_violation or program_limit_exceeded then
        -- The kinds were right, a value was not: only now is it worth the time to find which.
        perform stopward.name_fault('acknowledge', acknowledgement, sqlerrm);
        return null;
end
$$;
