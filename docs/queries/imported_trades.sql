-- What did my past trades bring, by symbol, before a guard watched them?
select
    symbol,
    count(*) as trades,
    count(*) filter (where result > 0) as won,
    sum(result) as result,
    sum(fees) as fees,
    avg(held_minutes) as held_minutes
from api.imported_trades
where
    account_id = 'demo'
    and closed_at >= '2024-01-01'
    and closed_at < '2024-02-01'
group by symbol
order by result desc;
