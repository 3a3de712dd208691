-- Which winners of the last month gave back the most?
select
    session_day,
    symbol,
    mfe_r,
    result_r,
    given_back_r,
    last_stop_rule
from api.trade_journal
where account_id = 'demo' and closed_at > now() - interval '30 days' and mfe_r >= 1
order by given_back_r desc
limit 20;
