-- Which trades did the model keep me from?
select
    at,
    symbol,
    probability,
    threshold,
    weight
from api.prediction_log
where account_id = 'demo' and blocked and at > now() - interval '30 days'
order by at desc;
