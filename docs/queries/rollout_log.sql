-- Why was a model let up or taken down?
select
    at,
    model_id,
    kind,
    from_stage,
    to_stage,
    weight_to,
    because
from api.rollout_log
where account_id = 'demo'
order by at desc
limit 20;
