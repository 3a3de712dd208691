-- Why was something done, and what did the guard see?
select
    tick_at,
    symbol,
    kind,
    rule,
    stop,
    quantity,
    why,
    bid,
    ask
from api.decision_log
where account_id = 'demo' and kind <> 'hold'
order by tick_at desc
limit 50;
