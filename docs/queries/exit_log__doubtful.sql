-- Which exits may be off, because the fills do not tell all?
select
    at,
    symbol,
    rule,
    quantity,
    price,
    doubt
from api.exit_log
where account_id = 'demo' and doubt is not null
order by at desc
limit 20;
