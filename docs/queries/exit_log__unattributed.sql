-- Which exits have no attribution yet?
select
    session_day,
    position_id,
    symbol,
    rule,
    r
from api.exit_log
where account_id = 'demo' and attributed_at is null
order by session_day desc
limit 50;
