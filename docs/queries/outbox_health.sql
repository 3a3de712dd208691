-- Does what should reach me reach me, and what waits?
select
    channel,
    kind,
    pending,
    oldest_pending_seconds,
    dead,
    last_delivered_at,
    last_error
from api.outbox_health
order by oldest_pending_seconds desc;
