-- Why: a rule may tighten a stop by what a model says of an open position. It goes by the last score alone, so one row a position
--      is kept; what each decision went by stands in the journal, and what was learned from stands in trade_features.
-- Lock: none. Phase: before deploy.

create table stopward.position_scores (
    account_id text not null,
    position_id text not null,
    model_id text not null,
    at timestamptz not null,
    probability double precision not null,
    threshold double precision not null,
    binds boolean not null,
    recorded_at timestamptz not null default now(),
    constraint position_scores_pkey primary key (account_id, position_id),
    constraint position_scores_position_fkey foreign key (account_id, position_id)
    references stopward.positions (account_id, id),
    constraint position_scores_model_fkey foreign key (account_id, model_id)
    references stopward.models (account_id, id),
    constraint position_scores_probability_is_probability check (probability between 0 and 1),
    constraint position_scores_threshold_is_probability check (threshold between 0 and 1),
    constraint position_scores_times_plausible check (
        at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00'
    ),
    constraint position_scores_not_ahead check (at <= recorded_at + interval '1 minute')
) with (fillfactor = 70);
create index position_scores_model_idx on stopward.position_scores (account_id, model_id);
comment on table stopward.position_scores is
'What a model last said of an open position; a tick reads the fresh ones, and a rule may only tighten by them.';
comment on column stopward.position_scores.model_id is 'Who said it.';
comment on column stopward.position_scores.at is 'Nothing later is in it (UTC).';
comment on column stopward.position_scores.probability is 'Probability that the trade ends with a result over zero after costs.';
comment on column stopward.position_scores.threshold is 'The model would be in the trade above this probability.';
comment on column stopward.position_scores.binds is
'Whether a rule may go by it: its prediction is logged, and the position is in the model''s arm.';
comment on column stopward.position_scores.recorded_at is 'Start of the transaction that wrote it, by the clock of the database (UTC).';
alter table stopward.position_scores enable row level security;

create trigger position_scores_never_older
before update on stopward.position_scores
for each row when (new.at < old.at)
execute function stopward.refuse_change('position_scores_never_older');

create policy position_scores_select_member on stopward.position_scores
for select to authenticated
using (account_id = any(array(
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
)));

create policy position_scores_select_worker on stopward.position_scores
for select to stopward_worker
using (true);

grant select on stopward.position_scores to authenticated, service_role, stopward_worker;
