-- Which orders of the last week were refused by the broker, and why?
select
    tick_at,
    symbol,
    step,
    rule,
    attempt,
    reason
from api.order_log
where account_id = 'demo' and status = 'rejected' and tick_at > now() - interval '7 days'
order by tick_at desc;
