-- Is the guard well: when did it tick last, and is anything wrong?
select
    account_id,
    mode,
    halted,
    now() - last_tick_at as since_last_tick,
    open_positions,
    unsettled_orders,
    critical_alarms,
    unprotected_seconds
from api.guard_health
order by critical_alarms desc, last_tick_at asc;
