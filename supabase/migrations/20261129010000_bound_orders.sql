-- Why: an intent asks for no more shares than are held, is written before the broker is called, and what became of
--      it is told once: a final order is not rewritten, and no broker's id is exchanged. At most one sale of a symbol
--      is under way, also where a position was closed and the symbol was bought again.
-- Lock: access exclusive on stopward.orders while its index is built anew; nothing is rewritten. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

-- squawk-ignore require-concurrent-index-deletion
drop index stopward.orders_one_unsettled_sell;
create unique index orders_one_unsettled_sell
on stopward.orders (account_id, symbol)
where step = 'sell' and status in ('recorded', 'working');

create or replace function stopward.check_intent()
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
    if new.status <> 'recorded' or new.filled_quantity <> 0 or new.broker_order_id is not null then
        perform stopward.refuse(
            'orders_born_recorded',
            format('order %s: it is %s, with %s filled', new.id, new.status, new.filled_quantity),
            'an order is recorded before the broker is called'
        );
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
    if guarded.closed_at is not null then
        perform stopward.refuse(
            'orders_need_open_position', format('order %s: position %s is closed', new.id, guarded.id)
        );
    end if;
    -- A move sends no quantity and a release none either. Where fills explain less than the broker holds, the tick
    -- tells what it saw.
    if
        new.step in ('arm', 'shrink', 'sell')
        and new.quantity > guarded.quantity
        and new.quantity > stopward.held_at(new.account_id, new.position_id, new.tick_at)
    then
        perform stopward.refuse(
            'orders_within_position',
            format('order %s: %s shares of the %s of %s', new.id, new.quantity, guarded.quantity, guarded.id),
            'what the broker holds beyond what fills explain is written as an observation in the same tick'
        );
    end if;
    -- A first stop may lie a tick behind the goal, rounded away from triggering, and never more than a cent; a move
    -- may not. A share bought under a dollar steps by cents above it.
    if new.step in ('arm', 'move') and (
        case guarded.side when 'long' then 1 else -1 end * (guarded.stop - new.price)
        > case
            when new.step = 'move' then 0
            when guarded.tick = 0.0001 and guarded.average_entry < 1 and new.price >= 1 then 0.01
            else least(guarded.tick, 0.01)
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
comment on function stopward.check_intent() is
'Trigger: our orders only reduce, by no more than is held, and our stops only tighten.';

drop trigger orders_final_stays_final on stopward.orders;

-- A broker may tell of a fill after it told the end; of nothing else.
create trigger orders_final_stays_final
before update on stopward.orders
for each row when (
    old.status in ('filled', 'canceled', 'rejected', 'void')
    and (
        (new.status <> old.status and new.status <> 'filled')
        or (new.filled_price is distinct from old.filled_price and new.filled_quantity = old.filled_quantity)
    )
)
execute function stopward.refuse_change('orders_final_stays_final');

create trigger orders_broker_id_is_fixed
before update of broker_order_id on stopward.orders
for each row when (
    old.broker_order_id is not null and new.broker_order_id is distinct from old.broker_order_id
)
execute function stopward.refuse_change('orders_broker_id_is_fixed');

-- Against the quantity of before: an order shrinks to what was left to sell while its last fill is told. What a
-- move covers may grow with the entry that it is a leg of.
create trigger orders_fills_fit_quantity
before update of filled_quantity on stopward.orders
for each row when (
    new.step in ('arm', 'shrink', 'sell')
    and new.filled_quantity > old.filled_quantity
    and new.filled_quantity > old.quantity
)
execute function stopward.refuse_change('orders_fills_fit_quantity');
