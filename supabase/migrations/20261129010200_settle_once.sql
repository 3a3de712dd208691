-- Why: a record that is told again after its acknowledgement changes nothing: what it heard of an order was heard
--      before, and the order is further on by now. A trade is of its position's symbol.
-- Lock: none. Phase: before deploy.

create or replace function stopward.settle_orders(
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

    with news as materialized (
        select g.*
        from stopward.orders_of(given) as g
        -- Each by its key: what is asked of the events below must not turn this into a scan.
        cross join lateral (
            select * from stopward.orders as o
            where o.account_id = of_account and o.id = g.id
            limit 1
        ) as o
        where
            (o.quantity, o.status, o.broker_order_id, o.filled_quantity, o.filled_price, o.reason)
            is distinct from
            (g.quantity, g.status, g.broker_order_id, g.filled_quantity, g.filled_price, g.reason)
            -- The same word of the same pulse, or an older one of an order that went on, is a repetition.
            and not (
                g.quantity >= o.quantity
                and (o.status, o.broker_order_id, o.filled_quantity, o.filled_price, o.reason)
                is distinct from
                (g.status, g.broker_order_id, g.filled_quantity, g.filled_price, g.reason)
                and exists (
                    select from stopward.order_events as e
                    where
                        e.account_id = of_account
                        and e.order_id = g.id
                        and (e.status, e.broker_order_id, e.filled_quantity, e.filled_price, e.reason)
                        is not distinct from
                        (g.status, g.broker_order_id, g.filled_quantity, g.filled_price, g.reason)
                        and (
                            e.tick_at = of_tick
                            or o.status in ('filled', 'canceled', 'rejected', 'void')
                            or g.filled_quantity < o.filled_quantity
                        )
                )
            )
    ),

    changed as (
        update stopward.orders as o
        set
            quantity = g.quantity,
            status = g.status,
            broker_order_id = g.broker_order_id,
            filled_quantity = g.filled_quantity,
            filled_price = g.filled_price,
            reason = g.reason
        from news as g
        where o.account_id = of_account and o.id = g.id
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
'Write what came of orders, and an event for each that changed; a word that was told before changes nothing.';

create or replace function stopward.write_trades(of_account text, of_tick timestamptz, given jsonb)
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

select
    stopward.refuse(
        'trades_symbol_of_position',
        format('trade of position %s: its symbol is %s, not %s', g.position_id, p.symbol, g.symbol)
    )
from jsonb_to_recordset(given) as g (position_id text, symbol text)
inner join stopward.positions as p on p.account_id = of_account and g.position_id = p.id
where p.symbol <> g.symbol;

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
