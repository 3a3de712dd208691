-- Why: the evidence of the ladder is wrong for a model of open positions. A veto there counts as minus the outcome, though who
--      ends a position keeps what it stands at; and minutes of one position are not so many signals. Until there is evidence
--      of one figure a position, such a model may have no weight. None has one: the kind is younger than any release.
-- Lock: none. Phase: before deploy.

create or replace function stopward.check_rollout()
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
    if asked.kind <> 'entry' and new.weight_to > 0 then
        perform stopward.refuse(
            'rollout_entry_models_only',
            format('model %s is of kind %s and cannot have weight %s', asked.id, asked.kind, new.weight_to),
            'a model of open positions stays in shadow at 0: there is no evidence of one figure a position yet'
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
'Trigger: the chain goes on from its end, one step up at most and one a session, on evidence, never up within ten days of a fall; a model of open '
'positions stays in shadow.';

comment on function api.move_rollout(jsonb) is
'Move a model on its ladder: {account_id, id, model_id, to_stage, weight, because, evidence, expected_stage}; without an expected stage only down. '
'Up: the next stage at its least weight, or 0.05 more inside one; once a session, on evidence {days, resolved, e_value, mean_r, variance, parity, skew, slope_low, slope_high}; '
'only a model of entries. Answers {stage, weight, new}; an id that is known, or a place where it is, changes nothing.';

comment on column stopward.predictions.u is
'The uniform number of this model and signal, 0 to 1, derived by hash; of a minute of an open position, of this model and the position.';
