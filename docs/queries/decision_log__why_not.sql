-- Why was nothing done about this symbol: which rules were not true, how near was it, what stood in the way?
select
    tick_at,
    last_tick_at,
    now_r,
    best_r,
    age_minutes,
    rules_true,
    rules_not_true,
    why_not
from api.decision_log
where account_id = 'demo' and symbol = 'AAPL' and kind = 'hold'
order by tick_at desc
limit 20;
