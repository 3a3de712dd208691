-- Which rules earned their keep over the last thirty days, and how many of their exits are attributed yet?
select
    rule,
    sum(fired) as fired,
    sum(r) as r,
    sum(r) / nullif(sum(r_known), 0) as mean_r,
    sum(net_saved_r) as net_saved_r,
    sum(saved_known) as attributed
from api.daily_exit_performance
where account_id = 'demo' and session_day > current_date - 30
group by rule
order by net_saved_r desc nulls last;
