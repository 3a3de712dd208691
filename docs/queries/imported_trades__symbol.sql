-- How did I trade one symbol, entry by entry and exit by exit?
select
    opened_at,
    side,
    quantity,
    average_entry,
    average_exit,
    result,
    result_r,
    entries,
    exits
from api.imported_trades
where account_id = 'demo' and symbol = 'AAPL'
order by opened_at
limit 100;
