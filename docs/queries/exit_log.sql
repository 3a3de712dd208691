-- Which exits of one rule cost the most, against the trade without it?
select
    session_day,
    symbol,
    side,
    quantity,
    price,
    r,
    trade_r,
    without_r,
    saved_r
from api.exit_log
where account_id = 'demo' and rule = 'breakeven' and saved_r < 0
order by saved_r
limit 20;
