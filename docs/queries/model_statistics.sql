-- Does the model still tell winners from losers, night by night?
select
    session_day,
    n,
    auc,
    auc_low,
    slope,
    recent_skill,
    recent_skill_high,
    drift
from api.model_statistics
where account_id = 'demo' and model_id = 'champion-1'
order by session_day desc
limit 30;
