-- Why: which models exist, with the numbers they were let in by, and which of them is asked: aliases that
--      two publishers cannot overwrite for each other.
-- Lock: none. Phase: before deploy.

create table stopward.models (
    account_id text not null,
    id text not null,
    kind text not null,
    verdict text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    registered_at timestamptz not null default now(),
    sha256 text not null,
    schema_hash text not null,
    location text not null,
    manifest jsonb not null,
    trades integer not null,
    effective_n double precision not null,
    trained_from timestamptz not null,
    trained_to timestamptz not null,
    threshold double precision not null,
    log_loss double precision,
    base_log_loss double precision,
    brier_skill double precision,
    auc double precision,
    auc_low double precision,
    auc_high double precision,
    constraint models_pkey primary key (account_id, id),
    constraint models_kind_of_id unique (account_id, kind, id),
    constraint models_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint models_id_is_word check (id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'),
    constraint models_kind_known check (kind in ('entry', 'open')),
    constraint models_verdict_known check (
        verdict in ('published', 'no_model_beats_base_rate', 'leak_suspected', 'parity_failed')
    ),
    constraint models_expire_later check (expires_at > created_at),
    constraint models_sha256_is_hash check (sha256 ~ '^[0-9a-f]{64}$'),
    constraint models_schema_hash_not_empty check (schema_hash <> ''),
    constraint models_location_not_empty check (location <> ''),
    constraint models_manifest_is_object check (jsonb_typeof(manifest) = 'object'),
    constraint models_effective_n_fits_trades check (effective_n > 0 and effective_n <= trades),
    constraint models_window_forward check (trained_to >= trained_from),
    constraint models_threshold_is_probability check (threshold between 0 and 1),
    constraint models_losses_are_numbers check (
        log_loss >= 0 and log_loss < 'Infinity' and base_log_loss >= 0 and base_log_loss < 'Infinity'
    ),
    constraint models_skill_is_number check (brier_skill <= 1 and brier_skill > '-Infinity'),
    constraint models_auc_in_interval check (
        auc between 0 and 1
        and auc_low between 0 and 1
        and auc_high between 0 and 1
        and auc_low <= auc_high
    ),
    constraint models_published_beat_base check (
        verdict <> 'published'
        or (
            num_nulls(log_loss, base_log_loss, brier_skill, auc_low) = 0
            and log_loss < base_log_loss
            and brier_skill > 0
            and auc_low > 0.5
        )
    )
);
create index models_log_idx on stopward.models (account_id, created_at);
comment on table stopward.models is 'One trained model with the out-of-fold numbers it was judged by; written once.';
comment on column stopward.models.kind is 'entry scores a signal before it is taken, open scores an open position.';
comment on column stopward.models.verdict is 'What the gates said; only a published model may be asked.';
comment on column stopward.models.created_at is 'End of its training (UTC).';
comment on column stopward.models.expires_at is 'From then on it is not asked any more (UTC).';
comment on column stopward.models.sha256 is 'Hash of the model file, 64 hexadecimal digits.';
comment on column stopward.models.schema_hash is 'Hash of the features it was trained on; others cannot be scored.';
comment on column stopward.models.location is 'Where the file lies: key in the bucket, or path under the models folder.';
comment on column stopward.models.manifest is 'The manifest beside the file: versions, gates, golden rows, baselines.';
comment on column stopward.models.trades is 'Resolved trades it was trained on.';
comment on column stopward.models.effective_n is 'Their sum of weights: trades that overlap or are old count less.';
comment on column stopward.models.trained_from is 'Opening of the first trade it saw (UTC).';
comment on column stopward.models.trained_to is 'Close of the last trade it saw (UTC).';
comment on column stopward.models.threshold is 'A signal is taken above this probability.';
comment on column stopward.models.log_loss is 'Out of fold, nats a trade; null when it was not measured.';
comment on column stopward.models.base_log_loss is 'Of the base rate on the same trades, nats a trade.';
comment on column stopward.models.brier_skill is 'Share of the base rate''s Brier score that it saves, out of fold; 1 is perfect.';
comment on column stopward.models.auc is 'Area under the ROC curve, out of fold; 0.5 is chance.';
comment on column stopward.models.auc_low is 'Lower bound of the area (5 % of the stationary bootstrap).';
comment on column stopward.models.auc_high is 'Upper bound of the area (95 % of the stationary bootstrap).';
alter table stopward.models enable row level security;

create trigger models_append_only
before update or delete on stopward.models
for each row execute function stopward.refuse_change('models_append_only');

create table stopward.model_aliases (
    account_id text not null,
    kind text not null,
    alias text not null,
    model_id text,
    changed_at timestamptz not null,
    because text not null,
    constraint model_aliases_pkey primary key (account_id, kind, alias),
    constraint model_aliases_one_role unique (account_id, kind, model_id),
    constraint model_aliases_model_fkey foreign key (account_id, kind, model_id)
    references stopward.models (account_id, kind, id),
    constraint model_aliases_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint model_aliases_kind_known check (kind in ('entry', 'open')),
    constraint model_aliases_alias_known check (alias in ('champion', 'challenger')),
    constraint model_aliases_reason_given check (because <> '')
);
comment on table stopward.model_aliases is
'Which model is asked, and which runs beside it; a model has one role, and a role one model.';
comment on column stopward.model_aliases.model_id is 'Null when nobody has the role.';
comment on column stopward.model_aliases.changed_at is 'By the clock of the database (UTC).';
alter table stopward.model_aliases enable row level security;

create trigger model_aliases_never_deleted
before delete on stopward.model_aliases
for each row execute function stopward.refuse_change('model_aliases_never_deleted');

create table stopward.model_alias_changes (
    id bigint generated always as identity,
    account_id text not null,
    kind text not null,
    alias text not null,
    model_from text,
    model_to text,
    at timestamptz not null,
    because text not null,
    constraint model_alias_changes_pkey primary key (id),
    constraint model_alias_changes_account_fkey foreign key (account_id) references stopward.accounts (id)
);
create index model_alias_changes_log_idx on stopward.model_alias_changes (account_id, at);
comment on table stopward.model_alias_changes is 'Every change of an alias; written once, by a trigger.';
comment on column stopward.model_alias_changes.model_from is 'Who had the role before; null when nobody had it.';
comment on column stopward.model_alias_changes.model_to is 'Who has it from then on; null when nobody has it.';
comment on column stopward.model_alias_changes.at is 'By the clock of the database (UTC).';
alter table stopward.model_alias_changes enable row level security;

create trigger model_alias_changes_append_only
before update or delete on stopward.model_alias_changes
for each row execute function stopward.refuse_change('model_alias_changes_append_only');

create function stopward.note_alias_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    insert into stopward.model_alias_changes (account_id, kind, alias, model_from, model_to, at, because)
    values (
        new.account_id,
        new.kind,
        new.alias,
        case tg_op when 'UPDATE' then old.model_id end,
        new.model_id,
        new.changed_at,
        new.because
    );
    return null;
end
$$;
comment on function stopward.note_alias_change() is 'Trigger: append who had a role and who has it now.';
revoke execute on function stopward.note_alias_change() from public;

create trigger model_aliases_note_new
after insert on stopward.model_aliases
for each row when (new.model_id is not null)
execute function stopward.note_alias_change();

create trigger model_aliases_note_change
after update on stopward.model_aliases
for each row when (old.model_id is distinct from new.model_id)
execute function stopward.note_alias_change();

create function api.register_model(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_model constant text := request ->> 'model_id';
    given stopward.models;
    stored stopward.models;
begin
    perform stopward.require(
        'register_model', request,
        '{
            "account_id": "text", "model_id": "text", "kind": "text", "verdict": "text", "created_at": "timestamptz",
            "expires_at": "timestamptz", "sha256": "text", "schema_hash": "text", "location": "text",
            "manifest": "object", "trades": "integer", "effective_n": "double precision",
            "trained_from": "timestamptz", "trained_to": "timestamptz", "threshold": "double precision",
            "log_loss": "double precision?", "base_log_loss": "double precision?",
            "brier_skill": "double precision?", "auc": "double precision?", "auc_low": "double precision?",
            "auc_high": "double precision?"
        }'
    );
    perform stopward.require_account(this_account);
    given := jsonb_populate_record(
        null::stopward.models, request || jsonb_build_object('id', this_model, 'registered_at', now())
    );
    insert into stopward.models
    select given.*
    on conflict do nothing; -- of any key: two that register the same at once meet at either
    if not found then
        select * into stored from stopward.models as m where m.account_id = this_account and m.id = this_model;
        given.registered_at := stored.registered_at;
        if given is distinct from stored then
            perform stopward.refuse(
                'models_append_only',
                format('model %s of account %s is registered with other facts', this_model, this_account),
                'a model is written once: give the new one an id of its own'
            );
        end if;
        return jsonb_build_object('model_id', this_model, 'new', false);
    end if;
    if given.verdict = 'published' then
        perform stopward.tell(
            this_account, 'model_published', this_model, 'notice',
            format('Model %s passed its gates on %s trades', this_model, given.trades),
            jsonb_build_object(
                'model_id', this_model, 'kind', given.kind, 'trades', given.trades,
                'brier_skill', given.brier_skill, 'auc', given.auc, 'auc_low', given.auc_low
            )
        );
    end if;
    return jsonb_build_object('model_id', this_model, 'new', true);
end
$$;
comment on function api.register_model(jsonb) is
'Register a trained model: {account_id, model_id, kind, verdict, created_at, expires_at, sha256, schema_hash, location, manifest, trades, effective_n, trained_from, trained_to, threshold, log_loss, base_log_loss, brier_skill, auc, auc_low, auc_high}. Answers {model_id, new}; told twice the same, it changes nothing.';
revoke execute on function api.register_model(jsonb) from public;
grant execute on function api.register_model(jsonb) to service_role, stopward_worker;

create function api.set_alias(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_kind constant text := coalesce(request ->> 'kind', 'entry');
    this_alias constant text := request ->> 'alias';
    wanted constant text := request ->> 'model_id';
    expected constant text := request ->> 'expected';
    reason constant text := request ->> 'because';
    present text;
    asked stopward.models;
begin
    perform stopward.require(
        'set_alias', request,
        '{
            "account_id": "text", "kind": "text?", "alias": "text", "model_id": "text?", "expected": "text?",
            "because": "text"
        }'
    );
    perform stopward.require_account(this_account);
    if not (request ? 'model_id' and request ? 'expected') then
        perform stopward.refuse(
            'set_alias_request', 'set_alias: model_id or expected was not given', 'null stands for no model'
        );
    end if;

    -- A row to lock, also the first time: who comes second sees what the first one set.
    insert into stopward.model_aliases (account_id, kind, alias, changed_at, because)
    values (this_account, this_kind, this_alias, now(), reason)
    on conflict on constraint model_aliases_pkey do nothing;
    select a.model_id into present
    from stopward.model_aliases as a
    where a.account_id = this_account and a.kind = this_kind and a.alias = this_alias
    for update;

    if present is not distinct from wanted then
        return jsonb_build_object('model_id', wanted, 'new', false);
    end if;
    if present is distinct from expected then
        perform stopward.refuse(
            'model_aliases_expected',
            format('%s of account %s is %s, not %s', this_alias, this_account, present, expected),
            'somebody else set it: read api.current_models and decide anew'
        );
    end if;
    if wanted is not null then
        select * into asked from stopward.models as m where m.account_id = this_account and m.id = wanted;
        if asked.id is null or asked.kind <> this_kind or asked.verdict <> 'published' or asked.expires_at <= now() then
            perform stopward.refuse(
                'model_aliases_model_serves',
                format(
                    'model %s cannot be %s: kind %s, verdict %s, expires at %s',
                    wanted, this_alias, asked.kind, asked.verdict, asked.expires_at
                ),
                format('it must be a registered %s model that is published and has not expired', this_kind)
            );
        end if;
    end if;
    if this_alias = 'champion' then
        update stopward.model_aliases as a
        set model_id = null, changed_at = now(), because = 'became champion: ' || reason
        where a.account_id = this_account and a.kind = this_kind and a.alias = 'challenger' and a.model_id = wanted;
    end if;
    update stopward.model_aliases as a
    set model_id = wanted, changed_at = now(), because = reason
    where a.account_id = this_account and a.kind = this_kind and a.alias = this_alias;
    return jsonb_build_object('model_id', wanted, 'new', true);
end
$$;
comment on function api.set_alias(jsonb) is
'Give a role to a model: {account_id, kind, alias, model_id, expected, because}; null is no model, kind is entry without. Refused when the role is not with the expected one. A challenger that becomes champion leaves its old role.';
revoke execute on function api.set_alias(jsonb) from public;
grant execute on function api.set_alias(jsonb) to service_role, stopward_worker;

create policy models_select_member on stopward.models
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy models_select_worker on stopward.models
for select to stopward_worker
using (true);

create policy model_aliases_select_member on stopward.model_aliases
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy model_aliases_select_worker on stopward.model_aliases
for select to stopward_worker
using (true);

create policy model_alias_changes_select_member on stopward.model_alias_changes
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy model_alias_changes_select_worker on stopward.model_alias_changes
for select to stopward_worker
using (true);

grant select on stopward.models, stopward.model_aliases, stopward.model_alias_changes
to authenticated, service_role, stopward_worker;
