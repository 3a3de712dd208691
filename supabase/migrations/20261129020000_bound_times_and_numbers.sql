-- Why: a row with the time 'infinity', or of the year 20000, was stored and could not be read again: no snapshot came any
--      more, and the guard was blind. So was a mark of 1e400, which no double holds. Such rows are refused, whoever
--      writes them. A time of the next two centuries is still wrong, but it can be read.
-- Lock: access exclusive on each table for an instant; old rows are not read. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

alter table stopward.accounts
add constraint accounts_times_plausible check (
    flatten_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and equity_put_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.alarms
add constraint alarms_times_plausible check (
    first_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and last_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and last_tick_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and cleared_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.day_results
add constraint day_results_times_plausible check (
    last_loss_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.decision_runs
add constraint decision_runs_times_plausible check (
    tick_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and last_tick_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.decisions
add constraint decisions_times_plausible check (
    tick_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and last_tick_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.equity_days
add constraint equity_days_times_plausible check (
    last_closed_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.leases
add constraint leases_times_plausible check (
    until between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and last_tick_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.market_sessions
add constraint market_sessions_times_plausible check (
    opens_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and closes_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.market_views
add constraint market_views_times_plausible check (
    tick_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and quote_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and bar_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.model_alias_changes
add constraint model_alias_changes_times_plausible check (
    at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.model_aliases
add constraint model_aliases_times_plausible check (
    changed_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.model_statistics
add constraint model_statistics_times_plausible check (
    put_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.models
add constraint models_times_plausible check (
    created_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and expires_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and trained_from between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and trained_to between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.observations
add constraint observations_times_plausible check (
    tick_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and observed_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.order_events
add constraint order_events_times_plausible check (
    tick_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.orders
add constraint orders_times_plausible check (
    tick_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.position_exits
add constraint position_exits_times_plausible check (
    at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.positions
add constraint positions_times_plausible check (
    opened_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and adopted_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and bar_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and fills_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and closed_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.predictions
add constraint predictions_times_plausible check (
    at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and resolved_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.protection_gaps
add constraint protection_gaps_times_plausible check (
    tick_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.rollout_events
add constraint rollout_events_times_plausible check (
    cooldown_until between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.session_claims
add constraint session_claims_times_plausible check (
    opens_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and closes_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.symbol_states
add constraint symbol_states_times_plausible check (
    bar_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and since between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.trade_features
add constraint trade_features_times_plausible check (
    at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and outcome_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;
alter table stopward.trades
add constraint trades_times_plausible check (
    opened_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and closed_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    and tick_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
) not valid;

-- A number that no double holds is none: too large, or so small that it is not nothing. Thousands of these pass at every
-- closed bar: the text, where jsonb spells no exponent, says of nearly all that they are numbers of fewer than 30 digits,
-- and the path is asked for the rest.
alter table stopward.positions
add constraint positions_marks_are_numbers check (
    marks ?& array['best', 'worst']
    and jsonb_typeof(marks) = 'object'
    and (
        marks::text !~ ': [^0-9n-]|[0-9]{30}'
        or not jsonb_path_exists(
            marks,
            'strict $.* ? (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308 || @ < 3e-324
            && @ > -3e-324 && @ != 0 || @.type() != "number" && @.type() != "null")'
        )
    )
) not valid;
alter table stopward.symbol_states
add constraint symbol_states_carry_is_numbers check (
    jsonb_typeof(carry) = 'object'
    and (
        carry::text !~ ': [^0-9n-]|[0-9]{30}'
        or not jsonb_path_exists(
            carry,
            'strict $.* ? (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308 || @ < 3e-324
            && @ > -3e-324 && @ != 0 || @.type() != "number" && @.type() != "null")'
        )
    )
) not valid;
alter table stopward.decisions
add constraint decisions_state_is_numbers check (
    jsonb_typeof(state) = 'array'
    and (
        state::text !~ '[^][0-9., nul-]|.[[]|[0-9]{30}'
        or not jsonb_path_exists(
            state,
            'strict $[*] ? (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308 || @ < 3e-324
            && @ > -3e-324 && @ != 0 || @.type() != "number" && @.type() != "null")'
        )
    )
) not valid;
alter table stopward.decisions
add constraint decisions_account_state_is_numbers check (
    jsonb_typeof(account_state) = 'array'
    and (
        account_state::text !~ '[^][0-9., nul-]|.[[]|[0-9]{30}'
        or not jsonb_path_exists(
            account_state,
            'strict $[*] ? (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308 || @ < 3e-324
            && @ > -3e-324 && @ != 0 || @.type() != "number" && @.type() != "null")'
        )
    )
) not valid;
alter table stopward.decisions
add constraint decisions_measured_is_numbers check (
    jsonb_typeof(measured) = 'array'
    and (
        measured::text !~ '[^][0-9., nul-]|.[[]|[0-9]{30}'
        or not jsonb_path_exists(
            measured,
            'strict $[*] ? (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308 || @ < 3e-324
            && @ > -3e-324 && @ != 0 || @.type() != "number" && @.type() != "null")'
        )
    )
) not valid;
alter table stopward.market_views
add constraint market_views_bar_is_numbers check (
    jsonb_typeof(bar) = 'array'
    and (
        bar::text !~ '[^][0-9., nul-]|.[[]|[0-9]{30}'
        or not jsonb_path_exists(
            bar,
            'strict $[*] ? (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308 || @ < 3e-324
            && @ > -3e-324 && @ != 0 || @.type() != "number" && @.type() != "null")'
        )
    )
) not valid;
