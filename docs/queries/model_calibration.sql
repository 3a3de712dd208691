-- When the model says 60 %, is it right in 60 % of the trades?
select
    probability_from,
    resolved,
    mean_probability,
    win_rate
from api.model_calibration
where account_id = 'demo' and model_id = 'champion-1'
order by probability_from;
