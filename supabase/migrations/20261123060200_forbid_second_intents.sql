-- Why: one intent per position, tick, step and attempt, whatever its id: an id is derived by a program, and a
--      program may derive it anew in its next version. What tells lawful orders of one plan apart is what they act
--      on, and for stops in tranches the part that they protect. What a person or an older sale forbids by now is
--      left out and not answered as new, so that it is not sent and the rest of the tick stands.
-- Lock: access exclusive on stopward.orders while its index is built; nothing is rewritten. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

alter table stopward.orders add column part text;
comment on column stopward.orders.part is
'For an arm, which part of the position it protects: a tranche, or the order that it replaces; empty for other steps; '
'null in rows of before it was asked for.';
alter table stopward.orders add constraint orders_part_is_short check (length(part) <= 200) not valid;

-- The rule is no part of the key: a second rule does not make a second order of the same step.
create unique index orders_one_per_step
on stopward.orders (account_id, position_id, tick_at, step, attempt, coalesce(acts_on, ''), part);

create trigger orders_part_is_fixed
before update of part on stopward.orders
for each row when (old.part is distinct from new.part)
execute function stopward.refuse_change('orders_intent_is_fixed');

-- squawk-ignore ban-drop-function
drop function stopward.orders_of(jsonb); -- of stopward.write_intents and settle_orders alone

create function stopward.orders_of(given jsonb)
returns table (
    id text, position_id text, symbol text, step text, side text, quantity numeric, price numeric, "on" text,
    rule text, tick_at timestamptz, attempt integer, status text, broker_order_id text, filled_quantity numeric,
    filled_price numeric, reason text, partials integer, part text
)
language sql stable
set search_path = ''
as $$
select g.*
from jsonb_to_recordset(given) as g (
    id text, position_id text, symbol text, step text, side text, quantity numeric(24, 9), price numeric(18, 6),
    "on" text, rule text, tick_at timestamptz, attempt integer, status text, broker_order_id text,
    filled_quantity numeric(24, 9), filled_price numeric(18, 6), reason text, partials integer, part text
)
$$;
comment on function stopward.orders_of(jsonb) is 'Orders as rows, rounded as the table keeps them.';
revoke execute on function stopward.orders_of(jsonb) from public;

create function stopward.held_at(of_account text, of_position text, of_tick timestamptz)
returns numeric
language sql stable
set search_path = ''
as $$
select coalesce(max(stopward.number_of(o.detail ->> 'quantity')), 0)
from stopward.observations as o
where
    o.account_id = of_account
    and o.position_id = of_position
    and o.tick_at = of_tick
    and o.kind = 'held'
$$;
comment on function stopward.held_at(text, text, timestamptz) is
'Shares that the broker was seen to hold at that pulse, told because fills explain fewer; 0 when nothing was told.';
revoke execute on function stopward.held_at(text, text, timestamptz) from public;

create or replace function stopward.write_intents(
    of_account text, moment timestamptz, token bigint, given jsonb
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    created jsonb;
    beyond text;
begin
    with wanted as (
        select g.*
        from stopward.orders_of(given) as g
        where
            not exists (
                select from stopward.orders as o
                where o.account_id = of_account and o.id = g.id
            )
            -- A tick that runs again may want another order for a step that it recorded before it died: the
            -- first one stands.
            and not exists (
                select from stopward.orders as o
                where
                    o.account_id = of_account
                    and o.position_id = g.position_id
                    and o.tick_at = g.tick_at
                    and o.step = g.step
                    and o.attempt = g.attempt
                    and coalesce(o.acts_on, '') = coalesce(g."on", '')
                    and o.part = g.part
            )
            -- In mode observe nothing is sent, but what a tick began before is brought to its end: the stop that
            -- it released comes back.
            and (
                exists (select from stopward.accounts as a where a.id = of_account and a.mode = 'guard')
                or exists (
                    select from stopward.orders as o
                    where
                        o.account_id = of_account
                        and o.position_id = g.position_id
                        and o.tick_at = g.tick_at
                        and o.attempt < g.attempt
                )
            )
            -- A sale of the position that was here before may still take these shares.
            and not (
                g.step = 'sell'
                and exists (
                    select from stopward.orders as o
                    where
                        o.account_id = of_account
                        and o.symbol = g.symbol
                        and o.position_id <> g.position_id
                        and o.step = 'sell'
                        and o.status in ('recorded', 'working')
                )
            )
    ),

    written as (
        insert into stopward.orders (
            account_id, id, position_id, symbol, step, side, quantity, price, acts_on, rule, tick_at, attempt, status,
            broker_order_id, filled_quantity, filled_price, reason, partials, part
        )
        select
            of_account, w.id, w.position_id, w.symbol, w.step, w.side, w.quantity, w.price, w."on", w.rule, w.tick_at,
            w.attempt, w.status, w.broker_order_id, w.filled_quantity, w.filled_price, w.reason, w.partials, w.part
        from wanted as w
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

    select coalesce(jsonb_agg(w.id order by w.id), '[]') into created from written as w;
    if created = '[]' then
        return created;
    end if;

    -- Of what is sent together no share is asked for twice. Older orders are not counted: whether they still
    -- stand, the broker knows.
    select min(o.position_id) into beyond
    from (
        select
            w.position_id,
            w.tick_at,
            sum(w.quantity) as quantity
        from stopward.orders as w
        where
            w.account_id = of_account
            and w.id in (select c.value from jsonb_array_elements_text(created) as c (value))
            and w.step in ('arm', 'shrink', 'sell')
        group by w.position_id, w.tick_at
    ) as o
    inner join stopward.positions as p on p.account_id = of_account and o.position_id = p.id
    where o.quantity > p.quantity and o.quantity > stopward.held_at(of_account, o.position_id, o.tick_at);
    if beyond is not null then
        perform stopward.refuse(
            'orders_within_position',
            format('new orders of position %s ask for more shares than it has', beyond),
            'what the broker holds beyond what fills explain is written as an observation in the same tick'
        );
    end if;
    return created;
end
$$;
comment on function stopward.write_intents(text, timestamptz, bigint, jsonb) is
'Insert intents and answer the ids that are new. A step that is known, by its id or by what it is for, is left alone; '
'in mode observe, and beside an unsettled sale of an earlier position, an intent is not written.';
