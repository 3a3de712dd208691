-- How often did I change the rules, and for how long did each version stand?
select
    rules_hash,
    count(*) as times,
    sum(coalesce(in_force_until, now()) - in_force_from) as stood_for,
    max(in_force_from) as last_from
from api.settings_history
where account_id = 'demo'
group by rules_hash
order by last_from desc;
