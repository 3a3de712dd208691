-- What came of each training?
select
    requested_at,
    because,
    trades_at_start,
    verdict,
    model_id,
    numbers
from api.training_log
where account_id = 'demo'
order by requested_at desc
limit 20;
