-- Why: what is added up stays wrong for ever after one NaN or infinity; each table says no to them by name.
--      Nothing arrives so through schema api, whose requests hold JSON numbers: this is for every other hand.
-- Lock: access exclusive on four tables, for a moment. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

-- PostgreSQL sorts NaN above infinity. Old rows are not looked up: they came through schema api.
alter table stopward.symbol_states
add constraint symbol_states_daily_atr_is_number check (
    daily_atr > '-Infinity' and daily_atr < 'Infinity'
) not valid;

alter table stopward.order_events
add constraint order_events_numbers_are_numbers check (
    'NaN' not in (filled_quantity, coalesce(filled_price, 0))
) not valid;

alter table stopward.day_results
add constraint day_results_r_is_number check (
    least(realised_r, peak_r) > '-Infinity' and greatest(realised_r, peak_r) < 'Infinity'
) not valid;

alter table stopward.trades
add constraint trades_result_r_is_number check (
    result_r > '-Infinity' and result_r < 'Infinity'
) not valid;
