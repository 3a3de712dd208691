-- Why: a training that is due makes a model of each kind. They end in one transaction under one claim, so that a crash leaves all of
--      them or none, and the request still ends once, with the verdict of the entry model; that of another kind stands in numbers.
-- Lock: none. Phase: before deploy.

create or replace function api.conclude_training(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_id constant text := request ->> 'id';
    this_verdict constant text := request ->> 'verdict';
    further constant jsonb := coalesce(request -> 'models', '[]');
    model jsonb;
    this_model text;
    is_new boolean;
    are_new boolean := false;
    one record;
    registered jsonb;
begin
    perform stopward.require(
        'conclude_training', request,
        '{
            "account_id": "text", "id": "text", "fence": "integer", "verdict": "text", "numbers": "object?",
            "model": "object?", "models": "rows?"
        }'
    );
    perform stopward.require_account(this_account);
    model := nullif(request -> 'model', 'null');
    if
        (
            select count(distinct k.value ->> 'kind') < count(k.value ->> 'kind')
            from jsonb_array_elements(further || jsonb_build_array(model)) as k (value)
        )
    then
        perform stopward.refuse(
            'conclude_training_request', format('training %s has two models of one kind', this_id), 'one of each kind'
        );
    end if;
    if model is not null then
        this_model := api.register_model(model || jsonb_build_object('account_id', this_account)) ->> 'model_id';
        if model ->> 'verdict' <> this_verdict then
            perform stopward.refuse(
                'conclude_training_request',
                format('training %s ended with %s, its model with %s', this_id, this_verdict, model ->> 'verdict'),
                'both are of one training'
            );
        end if;
    end if;
    for one in
        select
            m.value as facts,
            m.value ->> 'kind' as kind,
            m.value ->> 'verdict' as verdict,
            request #>> array['numbers', m.value ->> 'kind', 'verdict'] as told
        from jsonb_array_elements(further) as m (value)
        order by m.value ->> 'kind', m.value ->> 'model_id'
    loop
        registered := api.register_model(one.facts || jsonb_build_object('account_id', this_account));
        are_new := are_new or (registered -> 'new')::boolean;
        if one.verdict is distinct from one.told then
            perform stopward.refuse(
                'conclude_training_request',
                format('training %s says %s of kind %s, its model %s', this_id, one.told, one.kind, one.verdict),
                'numbers has the verdict of each further kind under its name'
            );
        end if;
    end loop;
    is_new := api.finish_training(
        jsonb_build_object(
            'account_id', this_account, 'id', this_id, 'fence', (request ->> 'fence')::integer, 'verdict', this_verdict,
            'model_id', this_model, 'numbers', request -> 'numbers'
        )
    ) -> 'new';
    if are_new and not is_new then
        perform stopward.refuse(
            'training_requests_finished_is_final',
            format('training %s ended without one of these models', this_id)
        );
    end if;
    if is_new and this_verdict = 'published' then
        perform stopward.give_free_role(this_account, this_model, format('%s published it', this_id));
    end if;
    if is_new then
        perform stopward.give_free_role(this_account, m.value ->> 'model_id', format('%s published it', this_id))
        from jsonb_array_elements(further) as m (value)
        where m.value ->> 'verdict' = 'published';
    end if;
    return jsonb_build_object(
        'new', is_new,
        'model_id', this_model,
        'role', (
            select a.alias from stopward.model_aliases as a
            where a.account_id = this_account and a.model_id = this_model
        )
    ) || case
        when further = '[]' then '{}'
        else
            jsonb_build_object(
                'models', (
                    select
                        jsonb_agg(
                            jsonb_build_object(
                                'kind', m.value ->> 'kind', 'model_id', m.value ->> 'model_id', 'role', a.alias
                            )
                            order by m.value ->> 'kind'
                        )
                    from jsonb_array_elements(further) as m (value)
                    left join stopward.model_aliases as a
                        on a.account_id = this_account and a.model_id = m.value ->> 'model_id'
                )
            )
    end;
end
$$;
comment on function api.conclude_training(jsonb) is
'Say what came of a training, all at once or not at all: {account_id, id, fence, verdict, numbers, model, models}. model, and each of models, of further kinds: as '
'api.register_model takes it; one that is published becomes champion, else challenger, of its kind where that role is free. numbers has the verdict and the figures of '
'each further kind under its name. Answers {new, model_id, role}, and {models: [{kind, model_id, role}]} where some were given; told twice the same, it changes nothing, and who lost the claim is refused.';
comment on column stopward.training_requests.numbers is
'Each gate''s figure, by name; under the name of a further kind the verdict and the figures of that one.';
