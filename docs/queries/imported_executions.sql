-- Which executions is the past of a symbol made of?
select
    at,
    side,
    quantity,
    price,
    fees,
    id
from api.imported_executions
where
    account_id = 'demo'
    and source = 'tradervue'
    and symbol = 'AAPL'
order by at, id
limit 100;
