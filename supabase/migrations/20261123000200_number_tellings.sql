-- Why: a schedule fires at least once, so a pulse may be run twice, and the second run may decide otherwise: an exit
--      where the first one held. Its order is recorded, so its decision is kept too, beside the first, with the view
--      that it was made on. api.open_positions shows the last of them.
-- Lock: access exclusive on decisions and market_views while the index of their key is built anew.
-- Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

alter table stopward.decisions
add column telling integer not null default 1;
comment on column stopward.decisions.telling is
'Number of the telling: 1; more where the pulse was run again and something else was decided than before.';
alter table stopward.decisions
add constraint decisions_holds_are_told_once check (telling = 1 or (telling > 1 and kind <> 'hold')) not valid;
alter table stopward.decisions
-- squawk-ignore ban-drop-constraint
drop constraint decisions_pkey;
alter table stopward.decisions
-- squawk-ignore constraint-missing-not-valid, adding-serial-primary-key-field
add constraint decisions_pkey primary key (account_id, position_id, tick_at, source, telling);

drop trigger decisions_append_only on stopward.decisions;
create trigger decisions_append_only
before update on stopward.decisions
for each row when (
    old.kind <> 'hold'
    or new.ticks <= old.ticks
    or new.last_tick_at <= old.last_tick_at
    or (
        old.account_id, old.position_id, old.tick_at, old.source, old.telling, old.symbol, old.kind, old.rule, old.stop,
        old.stop_rule, old.quantity, old.price, old.fired, old.reasons, old.state, old.account_state,
        old.rules_hash, old.rule_version, old.mask, old.closed_bar, old.measured
    ) is distinct from (
        new.account_id, new.position_id, new.tick_at, new.source, new.telling, new.symbol, new.kind, new.rule, new.stop,
        new.stop_rule, new.quantity, new.price, new.fired, new.reasons, new.state, new.account_state,
        new.rules_hash, new.rule_version, new.mask, new.closed_bar, new.measured
    )
)
execute function stopward.refuse_change('decisions_append_only');

alter table stopward.market_views
add column telling integer not null default 1;
comment on column stopward.market_views.telling is 'Number of the telling of the decision which was made on it.';
alter table stopward.market_views
add constraint market_views_telling_counts check (telling >= 1) not valid;
alter table stopward.market_views
-- squawk-ignore ban-drop-constraint
drop constraint market_views_pkey;
alter table stopward.market_views
-- squawk-ignore constraint-missing-not-valid, adding-serial-primary-key-field
add constraint market_views_pkey primary key (account_id, symbol, tick_at, telling);

create or replace view api.open_positions with (security_invoker = true) as
-- One R of a short points down.
with scale as (
    select
        p.account_id,
        p.id,
        p.average_entry::double precision as entry,
        case p.side when 'long' then 1 else -1 end * p.risk::double precision as r
    from stopward.positions as p
)

select
    p.account_id,
    p.id as position_id,
    p.symbol,
    p.side,
    p.quantity,
    p.initial_quantity,
    p.average_entry,
    p.initial_stop,
    p.stop,
    p.risk,
    p.target,
    (d.price - k.entry) / k.r as now_r,
    ((p.marks ->> 'best')::double precision - k.entry) / k.r as best_r,
    ((p.marks ->> 'worst')::double precision - k.entry) / k.r as worst_r,
    round((p.stop - p.average_entry) / k.r::numeric, 4) as stop_r,
    p.stop_rule,
    p.realised,
    p.opened_at,
    p.adopted_at,
    (p.marks ->> 'age')::double precision as age_minutes,
    p.tags,
    p.flags,
    d.price,
    d.last_tick_at as decided_at,
    d.kind as decision,
    d.rule,
    d.reasons
from stopward.positions as p
inner join scale as k on p.account_id = k.account_id and p.id = k.id
left join lateral (
    select
        r.tick_at,
        r.source
    from stopward.decision_runs as r
    where r.account_id = p.account_id and r.position_id = p.id
    order by r.last_tick_at desc
    limit 1
) as r on true
left join lateral (
    select
        e.price,
        e.last_tick_at,
        e.kind,
        e.rule,
        e.reasons
    from stopward.decisions as e
    where
        e.account_id = p.account_id
        and e.position_id = p.id
        and e.tick_at = r.tick_at
        and e.source = r.source
    order by e.telling desc
    limit 1
) as d on true
where p.closed_at is null;
