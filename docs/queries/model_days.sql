-- What would the model's vetoes have brought, day by day?
select
    session_day,
    resolved,
    base_r,
    model_r,
    mean_paired_r
from api.model_days
where account_id = 'demo' and model_id = 'champion-1' and session_day > current_date - 30
order by session_day;
