-- How did the account grow, and how deep is it below its peak?
select
    session_day,
    trades,
    wins,
    result,
    cumulative,
    cumulative_r,
    drawdown,
    drawdown_r,
    locked_by
from api.equity_curve
where account_id = 'demo'
order by session_day;
