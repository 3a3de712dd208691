-- What was the deepest drawdown, and when?
select
    session_day,
    drawdown,
    drawdown_r,
    cumulative
from api.equity_curve
where account_id = 'demo'
order by drawdown_r desc
limit 1;
