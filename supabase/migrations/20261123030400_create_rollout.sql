-- Why: how much of the trading a model decides, and the ladder it climbs: one step up at a time, on
--      evidence, with a pause after each fall; down at once, any number of steps.
-- Lock: none. Phase: before deploy.

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

create table stopward.rollout_events (
    account_id text not null,
    id text not null,
    model_id text not null,
    number integer not null,
    at timestamptz not null default now(),
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
        jsonb_typeof(evidence) = 'object' and (kind <> 'promotion' or evidence <> '{}')
    ),
    constraint rollout_events_cooldown_follows check ((cooldown_until is not null) = (kind = 'demotion'))
);
create index rollout_events_log_idx on stopward.rollout_events (account_id, at);
comment on table stopward.rollout_events is
'Every change of the stage or weight of a model, a chain without a gap; written once. A model without one is in shadow.';
comment on column stopward.rollout_events.number is 'Place in the chain of its model, from 1.';
comment on column stopward.rollout_events.at is 'By the clock of the database (UTC).';
comment on column stopward.rollout_events.kind is
'began: it became champion, in shadow; replaced: another did; promotion and demotion: its weight rose or fell.';
comment on column stopward.rollout_events.weight_from is 'Share of signals that it decided, 0 to 0.70.';
comment on column stopward.rollout_events.weight_to is 'Share of signals that it decides from then on, 0 to 0.70.';
comment on column stopward.rollout_events.evidence is 'The figures that the change rests on, by name.';
comment on column stopward.rollout_events.cooldown_until is 'No promotion before (UTC): ten days after a demotion.';
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
begin
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
    if
        exists (
            select from stopward.rollout_events as e
            where e.account_id = new.account_id and e.model_id = new.model_id and e.cooldown_until > new.at
        )
    then
        perform stopward.refuse(
            'rollout_cooldown',
            format('model %s was demoted less than ten days before %s', new.model_id, new.at),
            'api.rollout_status says until when it pauses'
        );
    end if;
    return new;
end
$$;
comment on function stopward.check_rollout() is
'Trigger: the chain goes on from its end, one step up at most, never up within ten days of a fall.';
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
    if (last.to_stage, last.weight_to) is distinct from (stage, share) then
        insert into stopward.rollout_events (
            account_id, id, model_id, number, kind, from_stage, to_stage, weight_from, weight_to, because, evidence
        )
        values (
            this_account, this_id, this_model, 0,
            case when share > last.weight_to then 'promotion' else 'demotion' end,
            last.to_stage, stage, last.weight_to, share, request ->> 'because',
            coalesce(nullif(request -> 'evidence', 'null'), '{}')
        );
        return jsonb_build_object('stage', stage, 'weight', trim_scale(share)::text, 'new', true);
    end if;
    return jsonb_build_object('stage', stage, 'weight', trim_scale(share)::text, 'new', false);
end
$$;
comment on function api.move_rollout(jsonb) is
'Move a model on its ladder: {account_id, id, model_id, to_stage, weight, because, evidence, expected_stage}; without an expected stage only down. Answers {stage, weight, new}; an id that is known, or a place where it is, changes nothing.';
revoke execute on function api.move_rollout(jsonb) from public;
grant execute on function api.move_rollout(jsonb) to service_role, stopward_worker;

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
