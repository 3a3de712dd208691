-- Why: an arm or a move without a price was taken: null > 0 is null, and a check lets pass what is not false.
-- Lock: access exclusive on stopward.orders, for a moment. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

-- Not looked up in old rows: the guard gives every stop a price, and what was sent is over.
alter table stopward.orders
-- squawk-ignore ban-drop-constraint
drop constraint orders_stop_has_price,
add constraint orders_stop_has_price check (
    step not in ('arm', 'move') or (price is not null and price > 0)
) not valid;
