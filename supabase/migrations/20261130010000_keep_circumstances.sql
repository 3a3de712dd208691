-- Why: `stopward replay --journal` decides every row again, and a row did not tell all it stood on: the rules of that
--      position (they follow from its tags and from whether it was held overnight), whether its stop had been loosened
--      by hand, and what the broker held at the time. Rules are stored once, by their content; a row names them.
--      Rows from before keep null: they cannot be decided again, and that can be seen.
-- Lock: access exclusive on decisions for an instant; its rows are not read. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

create table stopward.rule_sets (
    account_id text not null,
    digest text not null,
    numbers jsonb not null,
    created_at timestamptz not null default now(),
    constraint rule_sets_pkey primary key (account_id, digest),
    constraint rule_sets_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint rule_sets_digest_is_one check (digest ~ '^[0-9a-f]{16}$'),
    constraint rule_sets_parameters_are_numbers check (
        jsonb_typeof(numbers) = 'object'
        and not jsonb_path_exists(numbers, 'strict $.* ? (@.type() != "array")')
        and not jsonb_path_exists(
            numbers,
            'strict $.*[*] ? (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308 || @ < 3e-324
            && @ > -3e-324 && @ != 0 || @.type() != "number" && @.type() != "null")'
        )
    ),
    constraint rule_sets_times_plausible check (
        created_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    )
);
comment on table stopward.rule_sets is
'The rules of a position as the kernel was given them, before mask and measured limits; written once, by content.';
comment on column stopward.rule_sets.digest is 'First 16 hex digits of a SHA-256 of the content; decisions name it.';
comment on column stopward.rule_sets.numbers is
'By rule its numbers in field order of the kernel, a distance as value and unit; null is missing. What is off is absent.';
comment on column stopward.rule_sets.created_at is 'When a decision named it first, by the clock of the database (UTC).';
alter table stopward.rule_sets enable row level security;

create trigger rule_sets_append_only
before update or delete on stopward.rule_sets
for each row execute function stopward.refuse_change('rule_sets_append_only');

create trigger rule_sets_never_truncated
before truncate on stopward.rule_sets
for each statement execute function stopward.refuse_change('rule_sets_append_only');

create policy rule_sets_select_member on stopward.rule_sets
for select to authenticated
using (account_id = any(array(
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
)));

create policy rule_sets_select_worker on stopward.rule_sets
for select to stopward_worker
using (true);

grant select on stopward.rule_sets to authenticated, service_role, stopward_worker;

alter table stopward.decisions
add column rule_set text,
add column hand_loosened boolean,
add column covered boolean,
add column crossed boolean;
comment on column stopward.decisions.rule_set is
'Digest of the rules it was decided by (rule_sets); null in a row that cannot be decided again, with the three below.';
comment on column stopward.decisions.hand_loosened is
'Whether the trader had loosened the stop: rules that move stops leave it alone.';
comment on column stopward.decisions.covered is 'Whether stops that rested covered every share: a breach is left to them.';
comment on column stopward.decisions.crossed is
'Whether the whole quote was through the stop at the tick before already: a breach is no longer left to it.';
alter table stopward.decisions
add constraint decisions_circumstances_whole check (
    num_nulls(rule_set, hand_loosened, covered, crossed) in (0, 4)
) not valid;

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
        old.rules_hash, old.rule_version, old.mask, old.closed_bar, old.measured,
        old.rule_set, old.hand_loosened, old.covered, old.crossed
    ) is distinct from (
        new.account_id, new.position_id, new.tick_at, new.source, new.telling, new.symbol, new.kind, new.rule, new.stop,
        new.stop_rule, new.quantity, new.price, new.fired, new.reasons, new.state, new.account_state,
        new.rules_hash, new.rule_version, new.mask, new.closed_bar, new.measured,
        new.rule_set, new.hand_loosened, new.covered, new.crossed
    )
)
execute function stopward.refuse_change('decisions_append_only');
