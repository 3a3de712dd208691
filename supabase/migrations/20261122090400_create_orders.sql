-- Why: our intents, written before the broker is called, and everything that came of them.
-- Lock: none. Phase: before deploy.

create table stopward.orders (
    account_id text not null,
    id text not null,
    position_id text not null,
    symbol text not null,
    step text not null,
    side text not null,
    quantity numeric(24, 9) not null,
    price numeric(18, 6),
    acts_on text,
    rule text not null,
    tick_at timestamptz not null,
    attempt integer not null,
    status text not null,
    broker_order_id text,
    filled_quantity numeric(24, 9) not null,
    filled_price numeric(18, 6),
    reason text not null,
    partials integer not null,
    constraint orders_pkey primary key (account_id, id),
    constraint orders_position_fkey foreign key (account_id, position_id)
    references stopward.positions (account_id, id),
    constraint orders_id_fits_broker check (length(id) between 1 and 48),
    constraint orders_step_known check (step in ('arm', 'move', 'shrink', 'release', 'sell')),
    constraint orders_side_known check (side in ('buy', 'sell')),
    constraint orders_status_known check (
        status in ('recorded', 'working', 'filled', 'canceled', 'rejected', 'void')
    ),
    constraint orders_quantity_positive check (quantity > 0),
    constraint orders_filled_quantity_not_negative check (filled_quantity >= 0),
    constraint orders_stop_has_price check (step not in ('arm', 'move') or price > 0),
    constraint orders_counts_not_negative check (attempt >= 0 and partials >= 0),
    constraint orders_numbers_are_numbers check (
        'NaN' not in (quantity, filled_quantity, coalesce(price, 0), coalesce(filled_price, 0))
    )
) with (fillfactor = 80);
create unique index orders_one_unsettled_sell
on stopward.orders (account_id, position_id)
where step = 'sell' and status in ('recorded', 'working');
create index orders_position_idx on stopward.orders (account_id, position_id);
create index orders_unsettled_idx
on stopward.orders (account_id) where status in ('recorded', 'working');
create index orders_tick_idx on stopward.orders (account_id, tick_at);
comment on table stopward.orders is 'One step of an intent of ours; its id is the broker''s client_order_id.';
comment on column stopward.orders.quantity is
'Shares; for a move, those that the stop covers. It may shrink to what was left to sell.';
comment on column stopward.orders.price is 'Dollars: stop of an arm or move, limit of a sell in extended hours, else null.';
comment on column stopward.orders.acts_on is 'Order at the broker that is replaced or canceled; null for arm and sell.';
comment on column stopward.orders.tick_at is 'Pulse instant on its grid (UTC), not the time of writing.';
comment on column stopward.orders.status is
'recorded: the answer is unknown; working: the broker has it; filled, canceled, rejected and void are final.';
comment on column stopward.orders.filled_quantity is 'Shares.';
comment on column stopward.orders.filled_price is 'Mean price of the fills, dollars.';
comment on column stopward.orders.partials is 'For a sell of rule partial: steps done once it is over.';
alter table stopward.orders enable row level security;

create table stopward.order_events (
    id bigint generated always as identity,
    account_id text not null,
    order_id text not null,
    tick_at timestamptz not null,
    at timestamptz not null,
    status text not null,
    broker_order_id text,
    filled_quantity numeric(24, 9) not null,
    filled_price numeric(18, 6),
    reason text not null,
    fence bigint not null,
    constraint order_events_pkey primary key (id),
    constraint order_events_order_fkey foreign key (account_id, order_id)
    references stopward.orders (account_id, id)
);
create index order_events_order_idx on stopward.order_events (account_id, order_id, id);
comment on table stopward.order_events is 'Each change of an order, in the order it became known; written once.';
comment on column stopward.order_events.at is 'Our clock when it became known (UTC).';
comment on column stopward.order_events.filled_quantity is 'Shares.';
comment on column stopward.order_events.filled_price is 'Mean price of the fills, dollars.';
comment on column stopward.order_events.fence is 'Token of the lease under which it was written.';
alter table stopward.order_events enable row level security;

create trigger order_events_append_only
before update or delete on stopward.order_events
for each row execute function stopward.refuse_change('order_events_append_only');

create function stopward.check_intent()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    guarded stopward.positions;
begin
    select * into guarded
    from stopward.positions as p
    where p.account_id = new.account_id and p.id = new.position_id;
    if guarded.id is null then
        return new; -- the foreign key says it better
    end if;
    if
        new.step <> 'release'
        and (new.side <> case guarded.side when 'long' then 'sell' else 'buy' end or new.symbol <> guarded.symbol)
    then
        perform stopward.refuse(
            'orders_only_reduce',
            format('order %s: %s of %s would enlarge %s', new.id, new.side, new.symbol, guarded.id),
            'an order of ours sells a long and buys back a short'
        );
    end if;
    if guarded.closed_at is not null and new.status in ('recorded', 'working') then
        perform stopward.refuse(
            'orders_need_open_position', format('order %s: position %s is closed', new.id, guarded.id)
        );
    end if;
    -- A first stop may lie one tick behind the goal, rounded away from triggering; a move may not.
    -- A share bought under a dollar steps by cents above it.
    if new.step in ('arm', 'move') and (
        case guarded.side when 'long' then 1 else -1 end * (guarded.stop - new.price)
        > case
            when new.step = 'move' then 0
            when guarded.tick = 0.0001 and guarded.average_entry < 1 and new.price >= 1 then 0.01
            else guarded.tick
        end
    ) then
        perform stopward.refuse(
            'orders_stop_tightens',
            format('order %s: stop %s is looser than %s of %s', new.id, new.price, guarded.stop, guarded.id),
            'our stops only tighten'
        );
    end if;
    return new;
end
$$;
comment on function stopward.check_intent() is 'Trigger: our orders only reduce, and our stops only tighten.';
revoke execute on function stopward.check_intent() from public;

create trigger orders_check_intent
before insert on stopward.orders
for each row execute function stopward.check_intent();

create trigger orders_never_deleted
before delete on stopward.orders
for each row execute function stopward.refuse_change('orders_never_deleted');

create trigger orders_intent_is_fixed
before update on stopward.orders
for each row when (
    (old.position_id, old.symbol, old.step, old.side, old.price, old.acts_on, old.rule, old.tick_at)
    is distinct from
    (new.position_id, new.symbol, new.step, new.side, new.price, new.acts_on, new.rule, new.tick_at)
)
execute function stopward.refuse_change('orders_intent_is_fixed');

create trigger orders_quantity_only_shrinks
before update of quantity on stopward.orders
for each row when (new.quantity > old.quantity)
execute function stopward.refuse_change('orders_quantity_only_shrinks');

create trigger orders_final_stays_final
before update of status on stopward.orders
for each row when (
    old.status in ('filled', 'canceled', 'rejected', 'void') and new.status in ('recorded', 'working')
)
execute function stopward.refuse_change('orders_final_stays_final');

create trigger orders_fills_only_grow
before update of filled_quantity on stopward.orders
for each row when (new.filled_quantity < old.filled_quantity)
execute function stopward.refuse_change('orders_fills_only_grow');

create policy orders_select_member on stopward.orders
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy orders_select_worker on stopward.orders
for select to stopward_worker
using (true);

create policy order_events_select_member on stopward.order_events
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy order_events_select_worker on stopward.order_events
for select to stopward_worker
using (true);

grant select on stopward.orders, stopward.order_events to authenticated, service_role, stopward_worker;
