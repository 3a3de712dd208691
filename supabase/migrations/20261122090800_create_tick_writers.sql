-- Why: the pieces of a tick's record, each one set-based statement that changes nothing when repeated.
--      They run inside api.record_tick and api.acknowledge, under the lease.
-- Lock: none. Phase: before deploy.

create function stopward.require_fence(of_account text, token bigint)
returns void
language plpgsql
set search_path = ''
as $$
declare
    held stopward.leases;
begin
    select * into held from stopward.leases as l where l.account_id = of_account for update;
    if held.fence is distinct from token then
        perform stopward.refuse(
            'stale_fence',
            format('fence %s of account %s was passed by %s, held by %s', token, of_account, held.fence, held.holder),
            'begin a tick and decide anew'
        );
    end if;
end
$$;
comment on function stopward.require_fence(text, bigint) is
'Refuse a writer whose lease was taken over; hold off the next until this transaction ends.';
revoke execute on function stopward.require_fence(text, bigint) from public;

create function stopward.orders_of(given jsonb)
returns table (
    id text, position_id text, symbol text, step text, side text, quantity numeric, price numeric, "on" text,
    rule text, tick_at timestamptz, attempt integer, status text, broker_order_id text, filled_quantity numeric,
    filled_price numeric, reason text, partials integer
)
language sql stable
set search_path = ''
as $$
select g.*
from jsonb_to_recordset(given) as g (
    id text, position_id text, symbol text, step text, side text, quantity numeric(24, 9), price numeric(18, 6),
    "on" text, rule text, tick_at timestamptz, attempt integer, status text, broker_order_id text,
    filled_quantity numeric(24, 9), filled_price numeric(18, 6), reason text, partials integer
)
$$;
comment on function stopward.orders_of(jsonb) is 'Orders as rows, rounded as the table keeps them.';
revoke execute on function stopward.orders_of(jsonb) from public;

create function stopward.write_observations(of_account text, of_tick timestamptz, moment timestamptz, given jsonb)
returns void
language sql
set search_path = ''
as $$
insert into stopward.observations (account_id, tick_at, position_id, symbol, kind, cause, detail, observed_at)
select of_account, of_tick, g.position_id, g.symbol, g.kind, g.cause, g.detail, moment
from jsonb_to_recordset(given) as g (position_id text, symbol text, kind text, cause text, detail jsonb)
on conflict on constraint observations_once do nothing
$$;
comment on function stopward.write_observations(text, timestamptz, timestamptz, jsonb) is 'Append what was seen.';
revoke execute on function stopward.write_observations(text, timestamptz, timestamptz, jsonb) from public;

create function stopward.require_own(of_account text, given jsonb)
returns void
language sql stable
set search_path = ''
as $$
select
    stopward.refuse(
        'positions_own_account',
        format('position %s is of account %s, not of %s', g.value ->> 'id', g.value ->> 'account_id', of_account)
    )
from jsonb_array_elements(given) as g (value)
where g.value ->> 'account_id' is distinct from of_account
$$;
comment on function stopward.require_own(text, jsonb) is 'Refuse positions of another account.';
revoke execute on function stopward.require_own(text, jsonb) from public;

create function stopward.close_positions(of_account text, closing jsonb)
returns void
language sql
set search_path = ''
as $$
update stopward.positions as p
set closed_at = c.closed_at
from jsonb_to_recordset(closing) as c (position_id text, closed_at timestamptz)
where p.account_id = of_account and p.id = c.position_id and p.closed_at is null
$$;
comment on function stopward.close_positions(text, jsonb) is 'Mark positions closed, once.';
revoke execute on function stopward.close_positions(text, jsonb) from public;

create function stopward.write_positions(of_account text, given jsonb, closing jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
    perform stopward.require_own(of_account, given);

    update stopward.positions as p
    set
        symbol = s.symbol,
        side = s.side,
        quantity = s.quantity,
        initial_quantity = s.initial_quantity,
        average_entry = s.average_entry,
        initial_stop = s.initial_stop,
        risk = s.risk,
        stop = s.stop,
        target = s.target,
        lot = s.lot,
        tick = s.tick,
        fees_per_share = s.fees_per_share,
        opened_at = s.opened_at,
        adopted_at = s.adopted_at,
        bar_at = s.bar_at,
        marks = s.marks,
        tags = s.tags,
        flags = s.flags,
        realised = s.realised,
        closed_quantity = s.closed_quantity,
        tightest = s.tightest,
        stop_rule = s.stop_rule,
        fills_at = s.fills_at,
        fill_ids = s.fill_ids
    from jsonb_populate_recordset(null::stopward.positions, given) as s
    where p.account_id = of_account and p.id = s.id and p.closed_at is null and p is distinct from s;

    -- The old one closes first: a symbol may be closed and opened again in one record.
    perform stopward.close_positions(of_account, closing);

    insert into stopward.positions
    select s.*
    from jsonb_populate_recordset(null::stopward.positions, given) as s
    where
        not exists (
            select from stopward.positions as p
            where p.account_id = of_account and p.id = s.id
        );

    perform stopward.close_positions(of_account, closing);
end
$$;
comment on function stopward.write_positions(text, jsonb, jsonb) is
'Bring open positions to the rows given, close those that trades close, add the new ones.';
revoke execute on function stopward.write_positions(text, jsonb, jsonb) from public;

create function stopward.write_trades(of_account text, of_tick timestamptz, given jsonb)
returns void
language sql
set search_path = ''
as $$
select
    stopward.refuse(
        'trades_position_known', format('trade of position %s: it was never under guard', g.position_id)
    )
from jsonb_to_recordset(given) as g (position_id text)
where
    not exists (
        select from stopward.positions as p
        where p.account_id = of_account and p.id = g.position_id
    );

insert into stopward.trades (
    account_id, position_id, symbol, side, quantity, average_entry, risk, opened_at, closed_at, exit_price,
    result, result_r, mae_r, mfe_r, cause, tick_at
)
select
    of_account,
    g.position_id,
    g.symbol,
    p.side,
    p.initial_quantity,
    p.average_entry,
    p.risk,
    p.opened_at,
    g.closed_at,
    g.exit_price,
    g.result,
    g.result_r,
    g.mae_r,
    g.mfe_r,
    g.cause,
    of_tick
from jsonb_to_recordset(given) as g (
    position_id text,
    symbol text,
    closed_at timestamptz,
    exit_price numeric(18, 6),
    result numeric(18, 6),
    result_r double precision,
    mae_r double precision,
    mfe_r double precision,
    cause text
)
inner join stopward.positions as p on p.account_id = of_account and g.position_id = p.id
on conflict on constraint trades_pkey do nothing
$$;
comment on function stopward.write_trades(text, timestamptz, jsonb) is 'Write the trade of each closed position, once.';
revoke execute on function stopward.write_trades(text, timestamptz, jsonb) from public;

create function stopward.write_symbols(of_account text, given jsonb)
returns void
language sql
set search_path = ''
as $$
insert into stopward.symbol_states as s (account_id, symbol, bar_at, since, carry, highs, lows, daily_atr)
select
    of_account,
    g.symbol,
    g.bar_at,
    g.since,
    g.carry,
    decode(g.highs, 'base64'),
    decode(g.lows, 'base64'),
    g.daily_atr
from jsonb_to_recordset(given) as g (
    symbol text,
    bar_at timestamptz,
    since timestamptz,
    carry jsonb,
    highs text,
    lows text,
    daily_atr double precision
)
on conflict on constraint symbol_states_pkey do update
set
    bar_at = excluded.bar_at,
    since = excluded.since,
    carry = excluded.carry,
    highs = excluded.highs,
    lows = excluded.lows,
    daily_atr = excluded.daily_atr
where s.* is distinct from excluded.*
$$;
comment on function stopward.write_symbols(text, jsonb) is 'Bring what closed bars add up to to the rows given.';
revoke execute on function stopward.write_symbols(text, jsonb) from public;

create function stopward.write_journal(of_account text, of_tick timestamptz, given jsonb, views jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
    with stated as (
        select
            g.*,
            g.decision ->> 'kind' as kind,
            case
                when g.decision ->> 'kind' = 'hold' then
                    concat_ws(
                        '|',
                        g.fired,
                        g.rules_hash,
                        g.rule_version,
                        g.mask,
                        g.measured,
                        jsonb_path_query_array(g.reasons, '$[*].rule'),
                        jsonb_path_query_array(g.reasons, '$[*].wanted')
                    )
            end as signature
        from jsonb_to_recordset(given) as g (
            position_id text,
            symbol text,
            tick_at timestamptz,
            source text,
            decision jsonb,
            state jsonb,
            account jsonb,
            fired double precision,
            reasons jsonb,
            price double precision,
            rules_hash text,
            rule_version text,
            mask text,
            closed_bar boolean,
            measured jsonb
        )
    ),

    -- What is already told (at this pulse) drops out here: telling it twice changes nothing.
    fresh as (
        select
            s.*,
            r.tick_at as run_at,
            coalesce(not s.closed_bar and s.signature = r.signature and s.tick_at > r.last_tick_at, false) as extends
        from stated as s
        left join stopward.decision_runs as r
            on r.account_id = of_account and s.position_id = r.position_id and s.source = r.source
        where r.last_tick_at is distinct from s.tick_at
    ),

    extended as (
        update stopward.decisions as d
        set last_tick_at = f.tick_at, ticks = d.ticks + 1
        from fresh as f
        where
            f.extends
            and d.account_id = of_account
            and d.position_id = f.position_id
            and d.tick_at = f.run_at
            and d.source = f.source
    ),

    written as (
        insert into stopward.decisions (
            account_id, position_id, tick_at, source, symbol, kind, rule, stop, stop_rule, quantity, price, fired,
            reasons, state, account_state, rules_hash, rule_version, mask, closed_bar, measured,
            last_tick_at
        )
        select
            of_account,
            f.position_id,
            f.tick_at,
            f.source,
            f.symbol,
            f.kind,
            f.decision ->> 'rule',
            coalesce(f.decision ->> 'to', f.decision ->> 'stop')::numeric,
            coalesce(f.decision ->> 'stop_rule', case f.kind when 'move_stop' then f.decision ->> 'rule' end),
            (f.decision ->> 'quantity')::numeric,
            f.price,
            f.fired::bigint,
            f.reasons,
            f.state,
            f.account,
            f.rules_hash,
            f.rule_version,
            f.mask,
            f.closed_bar,
            f.measured,
            f.tick_at
        from fresh as f
        where not f.extends
        on conflict on constraint decisions_pkey do nothing
    ),

    pointed as (
        insert into stopward.decision_runs as r (account_id, position_id, source, tick_at, last_tick_at, signature)
        select
            of_account,
            f.position_id,
            f.source,
            case when f.extends then f.run_at else f.tick_at end,
            f.tick_at,
            f.signature
        from fresh as f
        on conflict on constraint decision_runs_pkey do update
        set tick_at = excluded.tick_at, last_tick_at = excluded.last_tick_at, signature = excluded.signature
        where excluded.last_tick_at > r.last_tick_at
    ),

    -- A view is needed where a decision was written; where all of a symbol's ran on, it is not.
    told as (
        select s.symbol, bool_or(f.position_id is not null and not f.extends) as is_written
        from stated as s
        left join fresh as f on s.position_id = f.position_id and s.source = f.source
        group by s.symbol
    )

    insert into stopward.market_views (
        account_id, tick_at, symbol, quote_at, bid, ask, feed, bar_at, bar, fault
    )
    select
        of_account, of_tick, v.symbol, v.quote_at, v.bid, v.ask, v.feed, v.bar_at, v.bar, v.fault
    from jsonb_to_recordset(views) as v (
        symbol text,
        quote_at timestamptz,
        bid numeric(18, 6),
        ask numeric(18, 6),
        feed text,
        bar_at timestamptz,
        bar jsonb,
        fault text
    )
    left join told as t on v.symbol = t.symbol
    where coalesce(t.is_written, true)
    on conflict on constraint market_views_pkey do nothing;
end
$$;
comment on function stopward.write_journal(text, timestamptz, jsonb, jsonb) is
'Append decisions and the views they were made on; an equal hold inside a bar extends the run it belongs to.';
revoke execute on function stopward.write_journal(text, timestamptz, jsonb, jsonb) from public;

create function stopward.write_intents(
    of_account text, moment timestamptz, token bigint, given jsonb
)
returns jsonb
language sql
set search_path = ''
as $$
with written as (
    insert into stopward.orders (
        account_id, id, position_id, symbol, step, side, quantity, price, acts_on, rule, tick_at, attempt, status,
        broker_order_id, filled_quantity, filled_price, reason, partials
    )
    select
        of_account, g.id, g.position_id, g.symbol, g.step, g.side, g.quantity, g.price, g."on", g.rule, g.tick_at,
        g.attempt, g.status, g.broker_order_id, g.filled_quantity, g.filled_price, g.reason, g.partials
    from stopward.orders_of(given) as g
    on conflict on constraint orders_pkey do nothing
    returning *
),

told as (
    insert into stopward.order_events (
        account_id, order_id, tick_at, at, status, broker_order_id, filled_quantity, filled_price, reason, fence
    )
    select
        of_account, w.id, w.tick_at, moment, w.status, w.broker_order_id, w.filled_quantity, w.filled_price,
        w.reason, token
    from written as w
)

select coalesce(jsonb_agg(w.id order by w.id), '[]') from written as w
$$;
comment on function stopward.write_intents(text, timestamptz, bigint, jsonb) is
'Insert intents and answer the ids that are new; an id that is known is left alone.';
revoke execute on function stopward.write_intents(text, timestamptz, bigint, jsonb) from public;

create function stopward.settle_orders(
    of_account text, of_tick timestamptz, moment timestamptz, token bigint, given jsonb
)
returns void
language plpgsql
set search_path = ''
as $$
declare
    unknown text;
begin
    select min(g.id) into unknown
    from stopward.orders_of(given) as g
    where not exists (select from stopward.orders as o where o.account_id = of_account and o.id = g.id);
    if unknown is not null then
        perform stopward.refuse(
            'orders_recorded_first',
            format('order %s was never recorded', unknown),
            'an order is recorded before the broker is called'
        );
    end if;

    with changed as (
        update stopward.orders as o
        set
            quantity = g.quantity,
            status = g.status,
            broker_order_id = g.broker_order_id,
            filled_quantity = g.filled_quantity,
            filled_price = g.filled_price,
            reason = g.reason
        from stopward.orders_of(given) as g
        where
            o.account_id = of_account
            and o.id = g.id
            and (o.quantity, o.status, o.broker_order_id, o.filled_quantity, o.filled_price, o.reason)
            is distinct from
            (g.quantity, g.status, g.broker_order_id, g.filled_quantity, g.filled_price, g.reason)
        returning o.*
    )

    insert into stopward.order_events (
        account_id, order_id, tick_at, at, status, broker_order_id, filled_quantity, filled_price, reason, fence
    )
    select
        of_account, c.id, of_tick, moment, c.status, c.broker_order_id, c.filled_quantity, c.filled_price,
        c.reason, token
    from changed as c;
end
$$;
comment on function stopward.settle_orders(text, timestamptz, timestamptz, bigint, jsonb) is
'Write what came of orders, and an event for each that changed.';
revoke execute on function stopward.settle_orders(text, timestamptz, timestamptz, bigint, jsonb) from public;

create function stopward.write_alarms(
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
from jsonb_to_recordset(raised) as g (key text, kind text, symbol text, message text, severity text)
order by g.key
on conflict (account_id, key) where cleared_at is null do update
set
    message = excluded.message,
    severity = excluded.severity,
    last_at = excluded.last_at,
    last_tick_at = excluded.last_tick_at,
    count = a.count + 1
where excluded.last_tick_at > a.last_tick_at
$$;
comment on function stopward.write_alarms(text, timestamptz, timestamptz, jsonb, jsonb) is
'Raise or count alarms by their key, and clear those whose key or kind is over; a pulse counts once.';
revoke execute on function stopward.write_alarms(text, timestamptz, timestamptz, jsonb, jsonb) from public;

create function stopward.halt_symbols(of_account text, given jsonb)
returns void
language sql
set search_path = ''
as $$
insert into stopward.symbol_tags (account_id, symbol, tag)
select of_account, g.value, 'halted'
from jsonb_array_elements_text(given) as g (value)
on conflict on constraint symbol_tags_pkey do nothing
$$;
comment on function stopward.halt_symbols(text, jsonb) is 'Tag symbols halted, until a person takes the tag off.';
revoke execute on function stopward.halt_symbols(text, jsonb) from public;

create function stopward.write_day(of_account text, given jsonb)
returns void
language sql
set search_path = ''
as $$
insert into stopward.day_results as d (
    account_id, session_day, realised, realised_r, peak_r, equity, losses, last_loss_at, locked_by, warned
)
select
    of_account, g.session_day, g.realised, g.realised_r, g.peak_r, g.equity, g.losses, g.last_loss_at, g.locked_by,
    g.warned
from jsonb_to_record(given) as g (
    session_day date,
    realised numeric(18, 6),
    realised_r double precision,
    peak_r double precision,
    equity numeric(18, 6),
    losses integer,
    last_loss_at timestamptz,
    locked_by text,
    warned double precision
)
on conflict on constraint day_results_pkey do update
set
    realised = excluded.realised,
    realised_r = excluded.realised_r,
    peak_r = excluded.peak_r,
    equity = excluded.equity,
    losses = excluded.losses,
    last_loss_at = excluded.last_loss_at,
    locked_by = excluded.locked_by,
    warned = excluded.warned
where d.* is distinct from excluded.*
$$;
comment on function stopward.write_day(text, jsonb) is 'Bring the session''s row to the one given.';
revoke execute on function stopward.write_day(text, jsonb) from public;

create function stopward.write_gaps(of_account text, of_tick timestamptz, of_phase text, given jsonb)
returns void
language sql
set search_path = ''
as $$
insert into stopward.protection_gaps as p (account_id, symbol, tick_at, phase, seconds)
select of_account, g.key, of_tick, of_phase, g.value::double precision
from jsonb_each_text(given) as g (key, value)
on conflict on constraint protection_gaps_pkey do update
set seconds = excluded.seconds
where excluded.seconds > p.seconds
$$;
comment on function stopward.write_gaps(text, timestamptz, text, jsonb) is
'Write the seconds without protection of each symbol; told again, the larger number stays.';
revoke execute on function stopward.write_gaps(text, timestamptz, text, jsonb) from public;

create function stopward.end_tick(
    of_account text, of_tick timestamptz, of_source text, give_back boolean, renewed_seconds double precision
)
returns void
language sql
set search_path = ''
as $$
update stopward.leases as l
set
    until = case
        when give_back then least(l.until, now())
        else greatest(l.until, now() + make_interval(secs => renewed_seconds))
    end,
    last_tick_at = greatest(l.last_tick_at, of_tick),
    last_source = coalesce(of_source, l.last_source)
where l.account_id = of_account
$$;
comment on function stopward.end_tick(text, timestamptz, text, boolean, double precision) is
'Note the pulse; end the lease when it is given back, else let it run so many seconds from now.';
revoke execute on function stopward.end_tick(text, timestamptz, text, boolean, double precision) from public;
