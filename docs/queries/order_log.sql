-- What was sent to the broker today, for which rule, and what came of it?
select
    tick_at,
    symbol,
    step,
    side,
    quantity,
    price,
    rule,
    status,
    filled_quantity,
    filled_price,
    reason
from api.order_log
where account_id = 'demo' and tick_at >= current_date
order by tick_at desc;
