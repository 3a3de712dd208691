-- Why: one intent per position, tick, step and attempt, whatever its id: an id is derived by a program, and a
--      program may derive it anew in its next version. What tells lawful orders of one plan apart is what they act
--      on, and for stops in tranches the part that they protect.
-- Lock: access exclusive on stopward.orders while its index is built; nothing is rewritten. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

alter table stopward.orders add column part text;
comment on column stopward.orders.part is
'For an arm, which part of the position it protects: a tranche, or the order that it replaces; empty for other steps; '
'null when the program did not say, and its id alone tells it apart.';

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

create or replace function stopward.write_intents(
    of_account text, moment timestamptz, token bigint, given jsonb
)
returns jsonb
language sql
set search_path = ''
as $$
-- A tick that runs again may want another order for a step that it recorded before it died: the first one stands.
with wanted as (
    select g.*
    from stopward.orders_of(given) as g
    where
        not exists (
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

select coalesce(jsonb_agg(w.id order by w.id), '[]') from written as w
$$;
comment on function stopward.write_intents(text, timestamptz, bigint, jsonb) is
'Insert intents and answer the ids that are new; a step that is known, by its id or by what it is for, is left alone.';
