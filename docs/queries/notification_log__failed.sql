-- Which notices of the last week did not reach a channel?
select
    created_at,
    title,
    deliveries
from api.notification_log
where
    created_at > now() - interval '7 days'
    and deliveries @? '$.* ? (@ == "dead")'
order by created_at desc;
