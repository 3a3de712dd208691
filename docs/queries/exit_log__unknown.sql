-- Why is it unknown what rules saved, and how often?
select
    unknown_because,
    rule,
    count(*) as exits,
    max(session_day) as last_session
from api.exit_log
where account_id = 'demo' and unknown_because is not null
group by unknown_because, rule
order by exits desc, rule asc;
