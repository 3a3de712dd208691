-- What is under guard now, how does each position stand, and what was decided last?
select
    symbol,
    side,
    quantity,
    now_r,
    best_r,
    stop,
    stop_r,
    stop_rule,
    decision,
    rule,
    decided_at
from api.open_positions
where account_id = 'demo'
order by now_r desc nulls last;
