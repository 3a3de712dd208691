-- What did the last trades bring, and what closed them, part by part?
select
    session_day,
    symbol,
    side,
    result,
    result_r,
    mfe_r,
    given_back_r,
    held_minutes,
    cause,
    exits
from api.trade_journal
where account_id = 'demo'
order by closed_at desc
limit 50;
