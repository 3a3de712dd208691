-- Why: what the trader did is stored as seen, with its cause: shares that came and an average that changed need an
--      observation too, and it is about that position. Price and quantity steps are what they were at adoption.
-- Lock: share row exclusive on stopward.positions for a moment; access exclusive on stopward.observations while its
--       index is built anew. Nothing is rewritten. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

-- A detail of some kilobytes is more than an index row holds.
-- squawk-ignore ban-drop-constraint
alter table stopward.observations drop constraint observations_once;
create unique index observations_once
on stopward.observations (account_id, tick_at, symbol, kind, cause, position_id, md5(detail::text))
nulls not distinct;

create or replace function stopward.write_observations(
    of_account text, of_tick timestamptz, moment timestamptz, given jsonb
)
returns void
language sql
set search_path = ''
as $$
-- Until this transaction ends: what was seen at this pulse, in an earlier call too, explains what is written now.
select set_config('stopward.tick_at', of_tick::text, true);

insert into stopward.observations (account_id, tick_at, position_id, symbol, kind, cause, detail, observed_at)
select of_account, of_tick, g.position_id, g.symbol, g.kind, g.cause, g.detail, moment
from jsonb_to_recordset(given) as g (position_id text, symbol text, kind text, cause text, detail jsonb)
on conflict (account_id, tick_at, symbol, kind, cause, position_id, md5(detail::text)) do nothing
$$;

create or replace function stopward.require_observation()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    told_at constant timestamptz := nullif(current_setting('stopward.tick_at', true), '');
begin
    -- Only what was observed of this position, in this transaction or at this pulse, explains a change not ours.
    if not exists (
        select from stopward.observations as o
        where
            o.account_id = new.account_id
            and o.position_id = new.id
            and (o.recorded_at = now() or o.tick_at = told_at)
            and (
                'split' in (o.kind, o.cause)
                or (tg_argv[0] = 'positions_stop_tightens' and o.kind = 'stop_moved' and o.cause = 'by_hand')
                or (tg_argv[0] = 'positions_growth_is_seen' and o.kind = 'added')
            )
    ) then
        perform stopward.refuse(
            tg_argv[0],
            format(
                'position %s: stop %s to %s, initial stop %s to %s, risk %s to %s, quantity %s to %s, entry %s to %s',
                new.id, old.stop, new.stop, old.initial_stop, new.initial_stop, old.risk, new.risk,
                old.quantity, new.quantity, old.average_entry, new.average_entry
            ),
            'what the trader or a split did is written as an observation in the same transaction'
        );
    end if;
    return new;
end
$$;
comment on function stopward.require_observation() is
'Trigger: refuse unless an observation of this position, at the pulse being written, explains it.';

create trigger positions_growth_is_seen
before update on stopward.positions
for each row when (
    new.quantity > old.quantity
    or new.initial_quantity <> old.initial_quantity
    or new.average_entry <> old.average_entry
)
execute function stopward.require_observation('positions_growth_is_seen');

-- A whole lot turns into fractions when a fill is one; it never turns back.
create trigger positions_steps_are_fixed
before update on stopward.positions
for each row when (new.tick <> old.tick or new.lot > old.lot)
execute function stopward.require_observation('positions_steps_are_fixed');
