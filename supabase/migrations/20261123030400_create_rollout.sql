-- Why: how much of the trading a model decides, and the ladder it climbs: one step up at a time and a
--      session, on evidence, with a pause after each fall; down at once, any number of steps.
-- Lock: none (a trigger is added to predictions: a moment of share row exclusive). Phase: before deploy.

create function stopward.stage_rank(stage text)
returns integer
language sql immutable
set search_path = ''
as $$
select array_position(array['shadow', 'pilot', 'expansion', 'optimization'], stage)
$$;
comment on function stopward.stage_rank(text) is 'Step of the ladder: 1 shadow to 4 optimization; null for a word that is none.';
revoke execute on function stopward.stage_rank(text) from public;

create function stopward.weight_fits_stage(weight numeric, stage text)
returns boolean
language sql immutable
set search_path = ''
as $$
select coalesce(
    mod(weight, 0.05) = 0
    and case stage
        when 'shadow' then weight = 0
        when 'pilot' then weight between 0.10 and 0.20
        when 'expansion' then weight between 0.30 and 0.40
        when 'optimization' then weight between 0.50 and 0.70
    end,
    false
)
$$;
comment on function stopward.weight_fits_stage(numeric, text) is
'Whether a share of signals is one that a stage allows: 0; .10 to .20; .30 to .40; .50 to .70; in steps of .05.';
revoke execute on function stopward.weight_fits_stage(numeric, text) from public;

create function stopward.lacking_evidence(evidence jsonb)
returns text[]
language sql immutable
set search_path = ''
as $$
select coalesce(array_agg(k.key order by k.place), '{}')
from
    unnest(
        array['days', 'resolved', 'e_value', 'mean_r', 'variance', 'parity', 'skew', 'slope_low', 'slope_high']
    ) with ordinality as k (key, place)
where jsonb_typeof(evidence -> k.key) is distinct from 'number'
$$;
comment on function stopward.lacking_evidence(jsonb) is
'Which figures of a promotion are missing or no numbers. They are, since the stage began: days, resolved (signals), e_value, mean_r and variance '
'(of the daily paired R), parity and skew (shares), slope_low and slope_high (of the calibration). What they must be is judged by who promotes.';
revoke execute on function stopward.lacking_evidence(jsonb) from public;

create table stopward.rollout_events (
    account_id text not null,
    id text not null,
    model_id text not null,
    number integer not null,
    at timestamptz not null default now(),
    session_day date not null,
    kind text not null,
    from_stage text not null,
    to_stage text not null,
    weight_from numeric(3, 2) not null,
    weight_to numeric(3, 2) not null,
    because text not null,
    evidence jsonb not null default '{}',
    cooldown_until timestamptz,
    constraint rollout_events_pkey primary key (account_id, id),
    constraint rollout_events_one_chain unique (account_id, model_id, number),
    constraint rollout_events_model_fkey foreign key (account_id, model_id)
    references stopward.models (account_id, id),
    constraint rollout_events_id_not_empty check (id <> '' and length(id) <= 200),
    constraint rollout_events_kind_follows check (
        case kind
            when 'promotion' then weight_to > weight_from
            when 'demotion' then weight_to < weight_from
            when 'began' then weight_to = 0
            when 'replaced' then weight_to = 0
            when 'kept' then weight_to = weight_from and to_stage = from_stage
            else false
        end
    ),
    constraint rollout_events_weight_fits_stage check (
        stopward.weight_fits_stage(weight_to, to_stage) and stopward.weight_fits_stage(weight_from, from_stage)
    ),
    constraint rollout_events_one_step_up check (
        stopward.stage_rank(to_stage) - stopward.stage_rank(from_stage) <= 1
    ),
    constraint rollout_events_reason_given check (because <> ''),
    constraint rollout_events_promotion_has_evidence check (
        jsonb_typeof(evidence) = 'object' and (kind <> 'promotion' or stopward.lacking_evidence(evidence) = '{}')
    ),
    constraint rollout_events_cooldown_follows check ((cooldown_until is not null) = (kind = 'demotion'))
);
create index rollout_events_log_idx on stopward.rollout_events (account_id, at);
comment on table stopward.rollout_events is
'Every move of a model on its ladder that was asked for, a chain without a gap; written once. A model without one is in shadow.';
comment on column stopward.rollout_events.number is 'Place in the chain of its model, from 1.';
comment on column stopward.rollout_events.at is 'By the clock of the database (UTC).';
comment on column stopward.rollout_events.session_day is 'Session of the exchange that the moment counts to: one rise in each.';
comment on column stopward.rollout_events.kind is
'began: it became champion, in shadow; replaced: another did; promotion and demotion: its weight rose or fell; kept: it was asked to be where it was.';
comment on column stopward.rollout_events.weight_from is 'Share of signals that it decided, 0 to 0.70.';
comment on column stopward.rollout_events.weight_to is 'Share of signals that it decides from then on, 0 to 0.70.';
comment on column stopward.rollout_events.evidence is 'The figures that the change rests on, by name.';
comment on column stopward.rollout_events.cooldown_until is
'No promotion of the same file before (UTC), whatever its id: ten days after a demotion.';
alter table stopward.rollout_events enable row level security;

create trigger rollout_events_append_only
before update or delete on stopward.rollout_events
for each row execute function stopward.refuse_change('rollout_events_append_only');

create function stopward.check_rollout()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    asked stopward.models;
    last stopward.rollout_events;
    lacking text[];
    before record;
begin
    new.session_day := (
        select stopward.trading_day(a.exchange, new.at) from stopward.accounts as a where a.id = new.account_id
    );
    -- Changes of one model stand in line; predictions that refer to it do not wait.
    select * into asked
    from stopward.models as m
    where m.account_id = new.account_id and m.id = new.model_id
    for no key update;
    if asked.id is null then
        return new; -- the foreign key says it better
    end if;
    select * into last
    from stopward.rollout_events as e
    where e.account_id = new.account_id and e.model_id = new.model_id
    order by e.number desc
    limit 1;

    if
        (new.from_stage, new.weight_from)
        is distinct from (coalesce(last.to_stage, 'shadow'), coalesce(last.weight_to, 0))
        or new.at < last.at
    then
        perform stopward.refuse(
            'rollout_continues',
            format(
                'model %s is in %s at %s, not in %s at %s',
                new.model_id, coalesce(last.to_stage, 'shadow'), coalesce(last.weight_to, 0), new.from_stage,
                new.weight_from
            ),
            'read api.rollout_status and decide anew'
        );
    end if;
    new.number := coalesce(last.number, 0) + 1;
    new.cooldown_until := case new.kind when 'demotion' then new.at + interval '10 days' end;
    if stopward.stage_rank(new.to_stage) > stopward.stage_rank(new.from_stage) + 1 then
        perform stopward.refuse(
            'rollout_one_step_up',
            format('model %s cannot go from %s to %s', new.model_id, new.from_stage, new.to_stage),
            'stages move one step up: shadow, pilot, expansion, optimization'
        );
    end if;
    if new.weight_to <= new.weight_from then
        return new; -- down is always open
    end if;

    if new.from_stage <> new.to_stage and stopward.weight_fits_stage(new.weight_to - 0.05, new.to_stage) then
        perform stopward.refuse(
            'rollout_enters_at_the_least',
            format('model %s cannot enter %s at %s', new.model_id, new.to_stage, new.weight_to),
            'a stage is entered at its least weight: pilot 0.10, expansion 0.30, optimization 0.50'
        );
    end if;
    if new.weight_to - new.weight_from > 0.05 and new.from_stage = new.to_stage then
        perform stopward.refuse(
            'rollout_small_steps',
            format('model %s cannot go from %s to %s in %s', new.model_id, new.weight_from, new.weight_to, new.to_stage),
            'inside a stage the weight rises by 0.05'
        );
    end if;
    if asked.expires_at <= new.at or asked.verdict <> 'published' then
        perform stopward.refuse(
            'rollout_model_serves',
            format('model %s has verdict %s and expires at %s', asked.id, asked.verdict, asked.expires_at),
            'only a published model that has not expired may rise'
        );
    end if;
    if
        not exists (
            select from stopward.model_aliases as a
            where
                a.account_id = new.account_id
                and a.kind = asked.kind
                and a.model_id = new.model_id
                and a.alias = 'champion'
        )
    then
        perform stopward.refuse(
            'rollout_champion_only', format('model %s is not champion', new.model_id), 'make it champion first'
        );
    end if;
    lacking := stopward.lacking_evidence(new.evidence);
    if lacking <> '{}' then
        perform stopward.refuse(
            'rollout_events_promotion_has_evidence',
            format('model %s: of the evidence, these are no numbers: %s', new.model_id, array_to_string(lacking, ', ')),
            'a promotion shows the figures that it rests on'
        );
    end if;

    -- The file counts, not its name: the same one under another id has the same past.
    select
        bool_or(e.cooldown_until > new.at) as pauses,
        bool_or(e.kind = 'promotion' and e.session_day >= new.session_day) as rose
    into before
    from stopward.models as m
    inner join stopward.rollout_events as e on m.account_id = e.account_id and m.id = e.model_id
    where m.account_id = new.account_id and m.sha256 = asked.sha256;
    if before.pauses then
        perform stopward.refuse(
            'rollout_cooldown',
            format('model %s, or its file under another id, was demoted less than ten days before %s', new.model_id, new.at),
            'api.rollout_status says until when it pauses'
        );
    elsif before.rose then
        perform stopward.refuse(
            'rollout_one_rise_a_session',
            format('model %s, or its file under another id, rose in the session of %s', new.model_id, new.session_day),
            'evidence takes a session at least: the next rise is one of the next session'
        );
    end if;
    return new;
end
$$;
comment on function stopward.check_rollout() is
'Trigger: the chain goes on from its end, one step up at most and one a session, on evidence, never up within ten days of a fall.';
revoke execute on function stopward.check_rollout() from public;

create trigger rollout_events_check
before insert on stopward.rollout_events
for each row execute function stopward.check_rollout();

create function stopward.tell_rollout()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    perform stopward.tell(
        new.account_id,
        'stage_changed',
        new.id,
        case new.kind when 'promotion' then 'notice' else 'warning' end,
        format(
            'Model %s: %s at %s, was %s at %s', new.model_id, new.to_stage, trim_scale(new.weight_to),
            new.from_stage, trim_scale(new.weight_from)
        ),
        jsonb_build_object(
            'model_id', new.model_id, 'kind', new.kind, 'from_stage', new.from_stage, 'to_stage', new.to_stage,
            'weight_from', trim_scale(new.weight_from)::text, 'weight_to', trim_scale(new.weight_to)::text,
            'because', new.because
        )
    );
    return null;
end
$$;
comment on function stopward.tell_rollout() is 'Trigger: tell that a model decides more or less than before.';
revoke execute on function stopward.tell_rollout() from public;

create trigger rollout_events_tell
after insert on stopward.rollout_events
for each row when (new.weight_to <> new.weight_from)
execute function stopward.tell_rollout();

create function stopward.begin_rollout()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    -- Who loses the role decides nothing any more, and who gets it begins in shadow, also the second time.
    insert into stopward.rollout_events (
        account_id, id, model_id, number, kind, from_stage, to_stage, weight_from, weight_to, because
    )
    select
        new.account_id,
        format('%s#%s', m.id, coalesce(e.number, 0) + 1),
        m.id,
        0,
        case m.id when new.model_id then 'began' else 'replaced' end,
        coalesce(e.to_stage, 'shadow'),
        'shadow',
        coalesce(e.weight_to, 0),
        0,
        new.because
    from stopward.models as m
    left join lateral (
        select r.* from stopward.rollout_events as r
        where r.account_id = m.account_id and r.model_id = m.id
        order by r.number desc
        limit 1
    ) as e on true
    where
        m.account_id = new.account_id
        and m.id in (new.model_id, case tg_op when 'UPDATE' then old.model_id end)
        and (m.id = new.model_id or e.weight_to > 0)
    order by m.id;
    return null;
end
$$;
comment on function stopward.begin_rollout() is
'Trigger: a new champion begins in shadow, and the one before it decides nothing any more.';
revoke execute on function stopward.begin_rollout() from public;

create trigger model_aliases_begin_rollout
after insert on stopward.model_aliases
for each row when (new.alias = 'champion' and new.model_id is not null)
execute function stopward.begin_rollout();

create trigger model_aliases_change_rollout
after update on stopward.model_aliases
for each row when (new.alias = 'champion' and old.model_id is distinct from new.model_id)
execute function stopward.begin_rollout();

create function api.move_rollout(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_id constant text := request ->> 'id';
    this_model constant text := request ->> 'model_id';
    stage constant text := request ->> 'to_stage';
    share numeric;
    expected constant text := request ->> 'expected_stage';
    told stopward.rollout_events;
    last stopward.rollout_events;
    is_new boolean;
begin
    perform stopward.require(
        'move_rollout', request,
        '{
            "account_id": "text", "id": "text", "model_id": "text", "to_stage": "text", "weight": "numeric",
            "because": "text", "evidence": "object?", "expected_stage": "text?"
        }'
    );
    share := request ->> 'weight';
    perform stopward.require_account(this_account);
    if not stopward.weight_fits_stage(share, stage) then
        perform stopward.refuse(
            'rollout_events_weight_fits_stage',
            format('model %s: weight %s is none of stage %s', this_model, share, stage),
            'shadow 0; pilot .10 to .20; expansion .30 to .40; optimization .50 to .70; in steps of .05'
        );
    end if;
    perform from stopward.models as m
    where m.account_id = this_account and m.id = this_model
    for no key update;
    select * into told from stopward.rollout_events as e where e.account_id = this_account and e.id = this_id;
    if told.id is not null then
        if (told.model_id, told.to_stage, told.weight_to) is distinct from (this_model, stage, share) then
            perform stopward.refuse(
                'rollout_events_append_only',
                format('event %s moved %s to %s at %s', this_id, told.model_id, told.to_stage, told.weight_to),
                'another move has an id of its own'
            );
        end if;
        return jsonb_build_object(
            'stage', told.to_stage, 'weight', trim_scale(told.weight_to)::text, 'new', false
        );
    end if;

    select * into last
    from stopward.rollout_events as e
    where e.account_id = this_account and e.model_id = this_model
    order by e.number desc
    limit 1;
    last.to_stage := coalesce(last.to_stage, 'shadow');
    last.weight_to := coalesce(last.weight_to, 0);
    -- Up needs to know from where; down is open to whoever finds it further up than it should be.
    if last.to_stage <> coalesce(expected, '') and (expected is not null or share > last.weight_to) then
        perform stopward.refuse(
            'rollout_continues',
            format(
                'model %s is in %s at %s, not in %s', this_model, last.to_stage, last.weight_to,
                coalesce(expected, 'a stage that was not given')
            ),
            'read api.rollout_status and decide anew'
        );
    end if;
    -- Asked for what is so, it is noted all the same: told again after a later move, it is no move back.
    is_new := (last.to_stage, last.weight_to) is distinct from (stage, share);
    insert into stopward.rollout_events (
        account_id, id, model_id, number, kind, from_stage, to_stage, weight_from, weight_to, because, evidence
    )
    values (
        this_account, this_id, this_model, 0,
        case when not is_new then 'kept' when share > last.weight_to then 'promotion' else 'demotion' end,
        last.to_stage, stage, last.weight_to, share, request ->> 'because',
        coalesce(nullif(request -> 'evidence', 'null'), '{}')
    );
    return jsonb_build_object('stage', stage, 'weight', trim_scale(share)::text, 'new', is_new);
end
$$;
comment on function api.move_rollout(jsonb) is
'Move a model on its ladder: {account_id, id, model_id, to_stage, weight, because, evidence, expected_stage}; without an expected stage only down. '
'Up: the next stage at its least weight, or 0.05 more inside one; once a session, on evidence {days, resolved, e_value, mean_r, variance, parity, skew, slope_low, slope_high}. '
'Answers {stage, weight, new}; an id that is known, or a place where it is, changes nothing.';
revoke execute on function api.move_rollout(jsonb) from public;
grant execute on function api.move_rollout(jsonb) to service_role, stopward_worker;

create function stopward.check_weights()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    wrong record;
begin
    -- A score takes its weight before it is written; meanwhile the model may have been moved.
    select
        w.model_id,
        w.weight,
        c.weight as most
    into wrong
    from (
        select
            n.account_id,
            n.model_id,
            max(n.weight) as weight
        from written as n
        where n.weight > 0
        group by n.account_id, n.model_id
    ) as w
    cross join lateral (
        select coalesce(max(e.weight_to), 0) as weight
        from stopward.rollout_events as e
        where
            e.account_id = w.account_id
            and e.model_id = w.model_id
            and e.number >= coalesce(
                (
                    select max(b.number)
                    from stopward.rollout_events as b
                    where
                        b.account_id = w.account_id
                        and b.model_id = w.model_id
                        and b.at <= now() - interval '15 minutes'
                ),
                0
            )
    ) as c
    where w.weight > c.weight
    limit 1;
    if wrong.model_id is not null then
        perform stopward.refuse(
            'predictions_weight_of_rollout',
            format('model %s: weight %s, its ladder gives it %s', wrong.model_id, wrong.weight, wrong.most),
            'the weight is that of api.current_models, which is good for a quarter of an hour'
        );
    end if;
    return null;
end
$$;
comment on function stopward.check_weights() is
'Trigger: no prediction has more weight than its model had within the last quarter of an hour, by the clock of the database.';
revoke execute on function stopward.check_weights() from public;

create trigger predictions_check_weights
after insert on stopward.predictions
referencing new table as written
for each statement execute function stopward.check_weights();

create function api.current_models(request jsonb)
returns jsonb
language plpgsql stable
security definer
set search_path = ''
as $$
begin
    perform stopward.require('current_models', request, '{"account_id": "text"}');
    perform stopward.require_account(request ->> 'account_id');
    return jsonb_build_object(
        'models',
        (
            select
                coalesce(
                    jsonb_agg(
                        jsonb_build_object(
                            'kind', a.kind,
                            'alias', a.alias,
                            'model_id', m.id,
                            'location', m.location,
                            'sha256', m.sha256,
                            'schema_hash', m.schema_hash,
                            'threshold', m.threshold,
                            'created_at', m.created_at,
                            'expires_at', m.expires_at,
                            'is_expired', m.expires_at <= now(),
                            'stage', coalesce(e.to_stage, 'shadow'),
                            'weight', trim_scale(coalesce(e.weight_to, 0))::text
                        )
                        order by a.kind, a.alias
                    ),
                    '[]'
                )
            from stopward.model_aliases as a
            inner join stopward.models as m on a.account_id = m.account_id and a.model_id = m.id
            left join lateral (
                select r.to_stage, r.weight_to
                from stopward.rollout_events as r
                where r.account_id = m.account_id and r.model_id = m.id
                order by r.number desc
                limit 1
            ) as e on true
            where a.account_id = request ->> 'account_id'
        )
    );
end
$$;
comment on function api.current_models(jsonb) is
'Which models an account asks, and what they may decide: {account_id}. Answers {models: [{kind, alias, model_id, location, sha256, schema_hash, threshold, created_at, expires_at, is_expired, stage, weight}]}.';
revoke execute on function api.current_models(jsonb) from public;
grant execute on function api.current_models(jsonb) to service_role, stopward_worker;

create policy rollout_events_select_member on stopward.rollout_events
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy rollout_events_select_worker on stopward.rollout_events
for select to stopward_worker
using (true);

grant select on stopward.rollout_events to authenticated, service_role, stopward_worker;
