-- What must I know now, and what was over by itself?
select
    severity,
    kind,
    symbol,
    message,
    first_at,
    count,
    cleared_at
from api.alarm_log
where account_id = 'demo' and (cleared_at is null or first_at > now() - interval '1 day')
order by cleared_at asc nulls first, first_at desc;
