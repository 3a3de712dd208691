-- What was I told that I have not read yet?
select
    created_at,
    severity,
    about,
    title,
    deliveries
from api.notification_log
where account_id = 'demo' and read_at is null
order by created_at desc
limit 50;
