-- Why: a training ends in one transaction: the model is registered, gets the role that nobody has, and the request is finished. Who
--      lost the claim meanwhile leaves nothing of the three behind, and who crashes leaves all of them or none.
-- Lock: none. Phase: before deploy.

create function api.prolong_training(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    until timestamptz;
begin
    perform stopward.require(
        'prolong_training', request,
        '{"account_id": "text", "id": "text", "fence": "integer", "seconds": "double precision"}'
    );
    perform stopward.require_account(this_account);
    if not (request ->> 'seconds')::double precision between 1 and 604800 then
        perform stopward.refuse(
            'prolong_training_request',
            format('prolong_training: seconds was %s', request ->> 'seconds'),
            'a claim lasts from a second to a week'
        );
    end if;
    update stopward.training_requests as r
    set claimed_until = now() + make_interval(secs => (request ->> 'seconds')::double precision)
    where
        r.account_id = this_account
        and r.id = request ->> 'id'
        and r.attempts = (request ->> 'fence')::integer
        and r.started_at is not null
        and r.finished_at is null
    returning r.claimed_until into until;
    if until is null then
        perform stopward.refuse(
            'stale_fence',
            format('training %s is not claimed by fence %s any more', request ->> 'id', request ->> 'fence'),
            'another took the training over, or it is finished: stop'
        );
    end if;
    return jsonb_build_object('claimed_until', until);
end
$$;
comment on function api.prolong_training(jsonb) is
'Keep a claim that one has for so many seconds from now on, fewer than before to let it go: {account_id, id, fence, seconds}. Answers {claimed_until}; refused when another has it, or when it is finished.';
revoke execute on function api.prolong_training(jsonb) from public;
grant execute on function api.prolong_training(jsonb) to service_role, stopward_worker;

create function stopward.give_free_role(of_account text, this_model text, reason text)
returns text
language plpgsql
set search_path = ''
as $$
declare
    trained stopward.models;
    role text;
    holder text;
begin
    select * into trained from stopward.models as m where m.account_id = of_account and m.id = this_model;
    foreach role in array array['champion', 'challenger'] loop
        -- A row to lock, also the first time: two trainings do not both find a role free.
        insert into stopward.model_aliases (account_id, kind, alias, changed_at, because)
        values (of_account, trained.kind, role, now(), reason)
        on conflict on constraint model_aliases_pkey do nothing;
        select a.model_id into holder
        from stopward.model_aliases as a
        where a.account_id = of_account and a.kind = trained.kind and a.alias = role
        for update;
        if
            not exists (
                select from stopward.models as m
                where
                    m.account_id = of_account
                    and m.id = holder
                    and m.expires_at > now()
                    and m.schema_hash = trained.schema_hash
            )
        then
            perform api.set_alias(
                jsonb_build_object(
                    'account_id', of_account, 'kind', trained.kind, 'alias', role, 'model_id', this_model,
                    'expected', holder, 'because', reason
                )
            );
            return role;
        end if;
    end loop;
    return null;
end
$$;
comment on function stopward.give_free_role(text, text, text) is
'Make a model champion, else challenger, where nobody is who can be asked: nobody at all, an expired model, or one of other features than its own. '
'Answers the role, or null: no role is taken from a model that can be asked.';
revoke execute on function stopward.give_free_role(text, text, text) from public;

create function api.conclude_training(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_id constant text := request ->> 'id';
    this_verdict constant text := request ->> 'verdict';
    model jsonb;
    this_model text;
    is_new boolean;
begin
    perform stopward.require(
        'conclude_training', request,
        '{
            "account_id": "text", "id": "text", "fence": "integer", "verdict": "text", "numbers": "object?",
            "model": "object?"
        }'
    );
    perform stopward.require_account(this_account);
    model := nullif(request -> 'model', 'null');
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
    is_new := api.finish_training(
        jsonb_build_object(
            'account_id', this_account, 'id', this_id, 'fence', (request ->> 'fence')::integer, 'verdict', this_verdict,
            'model_id', this_model, 'numbers', request -> 'numbers'
        )
    ) -> 'new';
    if is_new and this_verdict = 'published' then
        perform stopward.give_free_role(this_account, this_model, format('%s published it', this_id));
    end if;
    return jsonb_build_object(
        'new', is_new,
        'model_id', this_model,
        'role', (
            select a.alias from stopward.model_aliases as a
            where a.account_id = this_account and a.model_id = this_model
        )
    );
end
$$;
comment on function api.conclude_training(jsonb) is
'Say what came of a training, all at once or not at all: {account_id, id, fence, verdict, numbers, model}. model: as api.register_model takes it; one that is '
'published becomes champion, else challenger, where that role is free. Answers {new, model_id, role}; told twice the same, it changes nothing, and who lost the claim is refused.';
revoke execute on function api.conclude_training(jsonb) from public;
grant execute on function api.conclude_training(jsonb) to service_role, stopward_worker;
