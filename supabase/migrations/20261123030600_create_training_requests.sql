-- Why: when a model is due is decided where trades are counted: at the hundredth, then by count or by age;
--      one unfinished request at a time, claimed by one, taken over when who claimed it is gone.
-- Lock: reads trades once to count them; a trigger is added to it, a moment of share row exclusive. Phase: before deploy.

create table stopward.training_plans (
    account_id text not null,
    trades bigint not null default 0,
    first_at_trades integer not null default 100,
    every_trades integer not null default 50,
    max_age_days integer not null default 30,
    aged_at_trades integer not null default 10,
    requests integer not null default 0,
    constraint training_plans_pkey primary key (account_id),
    constraint training_plans_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint training_plans_counts_not_negative check (trades >= 0 and requests >= 0),
    constraint training_plans_limits_positive check (
        least(first_at_trades, every_trades, max_age_days, aged_at_trades) >= 1
    )
) with (fillfactor = 50);
comment on table stopward.training_plans is
'How many trades an account closed, counted as they close, and how many of them ask for training.';
comment on column stopward.training_plans.trades is 'Closed trades.';
comment on column stopward.training_plans.first_at_trades is 'Closed trades that ask for the first training.';
comment on column stopward.training_plans.every_trades is 'New trades that ask for another.';
comment on column stopward.training_plans.max_age_days is 'Days after which the last training is old.';
comment on column stopward.training_plans.aged_at_trades is 'New trades that ask for another once the last one is old.';
comment on column stopward.training_plans.requests is 'Requests so far; the next one''s number is one more.';
alter table stopward.training_plans enable row level security;

insert into stopward.training_plans (account_id, trades)
select
    t.account_id,
    count(*) as trades
from stopward.trades as t
group by t.account_id;

create table stopward.training_requests (
    account_id text not null,
    id text not null,
    requested_at timestamptz not null default now(),
    because text not null,
    trades bigint not null,
    started_at timestamptz,
    started_by text,
    claimed_until timestamptz,
    trades_at_start bigint,
    attempts integer not null default 0,
    finished_at timestamptz,
    verdict text,
    model_id text,
    numbers jsonb not null default '{}',
    constraint training_requests_pkey primary key (account_id, id),
    constraint training_requests_account_fkey foreign key (account_id) references stopward.accounts (id),
    constraint training_requests_model_fkey foreign key (account_id, model_id)
    references stopward.models (account_id, id),
    constraint training_requests_because_known check (because in ('first', 'count', 'age', 'by_hand')),
    constraint training_requests_counts_not_negative check (
        trades >= 0 and trades_at_start >= 0 and attempts >= 0
    ),
    constraint training_requests_start_is_whole check (
        num_nulls(started_at, started_by, claimed_until, trades_at_start) in (0, 4)
        and (started_at is null) = (attempts = 0)
    ),
    constraint training_requests_end_is_whole check (
        (finished_at is null) = (verdict is null) and (finished_at is null or started_at is not null)
    ),
    constraint training_requests_verdict_known check (
        verdict in (
            'published', 'no_model_beats_base_rate', 'not_enough_trades', 'leak_suspected', 'parity_failed', 'failed'
        )
    ),
    constraint training_requests_published_has_model check (verdict <> 'published' or model_id is not null),
    constraint training_requests_numbers_is_object check (jsonb_typeof(numbers) = 'object')
);
create unique index training_requests_one_unfinished
on stopward.training_requests (account_id) where finished_at is null;
create index training_requests_unfinished_idx
on stopward.training_requests (requested_at) where finished_at is null;
create index training_requests_finished_idx on stopward.training_requests (account_id, finished_at);
create index training_requests_model_idx on stopward.training_requests (account_id, model_id);
comment on table stopward.training_requests is 'That training is due, who does it, and what came of it; a refusal is an end like another.';
comment on column stopward.training_requests.because is
'first: trades enough; count: so many new ones; age: the last training is old; by_hand: a person asked.';
comment on column stopward.training_requests.trades is 'Closed trades when it was asked for.';
comment on column stopward.training_requests.started_at is 'First claim (UTC); null before.';
comment on column stopward.training_requests.started_by is 'Who has the claim, or had it last.';
comment on column stopward.training_requests.claimed_until is 'End of the claim (UTC); from then on another may take it over.';
comment on column stopward.training_requests.trades_at_start is 'Closed trades at the last claim: what the training saw.';
comment on column stopward.training_requests.attempts is 'Claims by different holders; the token of the claim.';
comment on column stopward.training_requests.finished_at is 'By the clock of the database (UTC); null before.';
comment on column stopward.training_requests.numbers is 'Each gate''s figure, by name.';
alter table stopward.training_requests enable row level security;

create trigger training_requests_finished_is_final
before update on stopward.training_requests
for each row when (old.finished_at is not null)
execute function stopward.refuse_change('training_requests_finished_is_final');

create trigger training_requests_never_deleted
before delete on stopward.training_requests
for each row execute function stopward.refuse_change('training_requests_never_deleted');

create trigger training_requests_fence_grows
before update on stopward.training_requests
for each row when (
    new.attempts < old.attempts
    or (old.account_id, old.id, old.requested_at, old.because, old.trades)
    is distinct from (new.account_id, new.id, new.requested_at, new.because, new.trades)
)
execute function stopward.refuse_change('training_requests_fence_grows');

create function stopward.ask_for_training(of_account text, reason text)
returns text
language plpgsql
set search_path = ''
as $$
declare
    plan stopward.training_plans;
    this_id text;
begin
    update stopward.training_plans as p
    set requests = p.requests + 1
    where p.account_id = of_account
    returning p.* into plan;
    insert into stopward.training_requests (account_id, id, because, trades)
    values (of_account, 'training-' || plan.requests, reason, plan.trades)
    returning id into this_id;
    perform stopward.tell(
        of_account, 'training_due', this_id, 'notice',
        format('Training is due after %s closed trades', plan.trades),
        jsonb_build_object('id', this_id, 'because', reason, 'trades', plan.trades)
    );
    return this_id;
end
$$;
comment on function stopward.ask_for_training(text, text) is
'Write a request for training and tell it; the caller holds the lock of the account''s plan.';
revoke execute on function stopward.ask_for_training(text, text) from public;

create function stopward.training_reason(of_account text)
returns text
language plpgsql stable
set search_path = ''
as $$
declare
    plan stopward.training_plans;
    last stopward.training_requests;
    fresh bigint;
begin
    select * into plan from stopward.training_plans as p where p.account_id = of_account;
    if
        plan.trades is null
        or plan.trades < plan.first_at_trades
        or exists (
            select from stopward.training_requests as r
            where r.account_id = of_account and r.finished_at is null
        )
    then
        return null;
    end if;
    select * into last
    from stopward.training_requests as r
    where r.account_id = of_account and r.finished_at is not null
    order by r.finished_at desc, r.requested_at desc
    limit 1;
    fresh := plan.trades - last.trades_at_start;
    return case
        when last.id is null then 'first'
        when fresh >= plan.every_trades then 'count'
        when fresh >= plan.aged_at_trades and last.finished_at <= now() - make_interval(days => plan.max_age_days)
            then 'age'
    end;
end
$$;
comment on function stopward.training_reason(text) is
'Why training of an account is due: first, count or age; null when it is not, or when it is asked for already.';
revoke execute on function stopward.training_reason(text) from public;

create function stopward.mark_training_due(of_account text)
returns text
language plpgsql
set search_path = ''
as $$
declare
    reason text;
begin
    if stopward.training_reason(of_account) is null then
        return null;
    end if;
    -- The plan's row is the lock: who comes second sees the request of the first.
    perform from stopward.training_plans as p where p.account_id = of_account for update;
    reason := stopward.training_reason(of_account);
    return case when reason is not null then stopward.ask_for_training(of_account, reason) end;
end
$$;
comment on function stopward.mark_training_due(text) is
'Ask for training if it is due and not asked for yet; answers the request that is new, or null.';
revoke execute on function stopward.mark_training_due(text) from public;

create function stopward.count_closed_trades()
returns trigger
language plpgsql
set search_path = ''
set lock_timeout = '250ms'
as $$
declare
    one record;
begin
    for one in
        select c.account_id, count(*) as trades
        from closed as c
        group by c.account_id
        order by c.account_id
    loop
        -- A trade is written whatever happens here; the nightly count makes good what was missed.
        begin
            insert into stopward.training_plans as p (account_id, trades)
            values (one.account_id, one.trades)
            on conflict on constraint training_plans_pkey do update
            set trades = p.trades + excluded.trades;
            perform stopward.mark_training_due(one.account_id);
        exception
            when others then
                perform stopward.put_off(one.account_id, 'training', sqlerrm);
        end;
    end loop;
    return null;
end
$$;
comment on function stopward.count_closed_trades() is
'Trigger: count trades as they close and mark training due; never fails, and waits 250 ms at most.';
revoke execute on function stopward.count_closed_trades() from public;

create trigger trades_count_for_training
after insert on stopward.trades
referencing new table as closed
for each statement execute function stopward.count_closed_trades();

create function api.put_training_plan(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    plan stopward.training_plans;
begin
    perform stopward.require(
        'put_training_plan', request,
        '{
            "account_id": "text", "first_at_trades": "integer?", "every_trades": "integer?",
            "max_age_days": "integer?", "aged_at_trades": "integer?"
        }'
    );
    perform stopward.require_account(this_account);
    insert into stopward.training_plans (account_id)
    values (this_account)
    on conflict on constraint training_plans_pkey do nothing;
    update stopward.training_plans as p
    set
        first_at_trades = coalesce((request ->> 'first_at_trades')::integer, p.first_at_trades),
        every_trades = coalesce((request ->> 'every_trades')::integer, p.every_trades),
        max_age_days = coalesce((request ->> 'max_age_days')::integer, p.max_age_days),
        aged_at_trades = coalesce((request ->> 'aged_at_trades')::integer, p.aged_at_trades)
    where p.account_id = this_account
    returning p.* into plan;
    return to_jsonb(plan);
end
$$;
comment on function api.put_training_plan(jsonb) is
'Say when training is due: {account_id, first_at_trades, every_trades, max_age_days, aged_at_trades}; what is left out stays. Answers the plan.';
revoke execute on function api.put_training_plan(jsonb) from public;
grant execute on function api.put_training_plan(jsonb) to service_role, stopward_worker;

create function api.mark_training_due(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    one record;
    told constant text := request ->> 'account_id';
    made jsonb := '[]';
    this_id text;
begin
    perform stopward.require('mark_training_due', request, '{"account_id": "text?"}');
    if told is not null then
        perform stopward.require_account(told);
    end if;
    insert into stopward.training_plans (account_id)
    select a.id
    from stopward.accounts as a
    where a.id = told or told is null
    order by a.id
    on conflict on constraint training_plans_pkey do nothing;
    for one in
        select p.account_id, p.trades
        from stopward.training_plans as p
        where p.account_id = told or told is null
        order by p.account_id
    loop
        -- Locked only where it is wrong, and counted again: a close that comes later adds itself.
        if one.trades <> (select count(*) from stopward.trades as t where t.account_id = one.account_id) then
            perform from stopward.training_plans as p where p.account_id = one.account_id for update;
            update stopward.training_plans as p
            set trades = (select count(*) from stopward.trades as t where t.account_id = p.account_id)
            where p.account_id = one.account_id;
        end if;
        this_id := stopward.mark_training_due(one.account_id);
        if this_id is not null then
            made := made || jsonb_build_object('account_id', one.account_id, 'id', this_id);
        end if;
    end loop;
    return jsonb_build_object('due', made);
end
$$;
comment on function api.mark_training_due(jsonb) is
'Count the trades anew and mark training due where it is: {account_id}, or {} for all. Nightly. Answers {due: [{account_id, id}]}, the new requests.';
revoke execute on function api.mark_training_due(jsonb) from public;
grant execute on function api.mark_training_due(jsonb) to service_role, stopward_worker;

create function api.request_training(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_id text;
begin
    perform stopward.require('request_training', request, '{"account_id": "text"}');
    perform stopward.require_account(this_account);
    insert into stopward.training_plans (account_id)
    values (this_account)
    on conflict on constraint training_plans_pkey do nothing;
    perform from stopward.training_plans as p where p.account_id = this_account for update;
    select r.id into this_id
    from stopward.training_requests as r
    where r.account_id = this_account and r.finished_at is null;
    if this_id is not null then
        return jsonb_build_object('id', this_id, 'new', false);
    end if;
    return jsonb_build_object('id', stopward.ask_for_training(this_account, 'by_hand'), 'new', true);
end
$$;
comment on function api.request_training(jsonb) is
'Ask for training by hand: {account_id}. Answers {id, new}; one that is under way is answered instead.';
revoke execute on function api.request_training(jsonb) from public;
grant execute on function api.request_training(jsonb) to service_role, stopward_worker;

create function api.claim_training(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_holder constant text := request ->> 'holder';
    claim stopward.training_requests;
begin
    perform stopward.require(
        'claim_training', request, '{"account_id": "text?", "holder": "text", "seconds": "double precision"}'
    );
    if not (request ->> 'seconds')::double precision between 1 and 604800 then
        perform stopward.refuse(
            'claim_training_request',
            format('claim_training: seconds was %s', request ->> 'seconds'),
            'a claim lasts from a second to a week'
        );
    end if;
    if this_account is not null then
        perform stopward.require_account(this_account);
    end if;
    select * into claim
    from stopward.training_requests as r
    where
        r.finished_at is null
        and (r.account_id = this_account or this_account is null)
        and (r.claimed_until is null or r.claimed_until <= now() or r.started_by = this_holder)
    order by r.started_by is not distinct from this_holder desc, r.requested_at, r.account_id
    limit 1
    for update skip locked;
    if claim.id is null then
        return jsonb_build_object('request', null);
    end if;
    update stopward.training_requests as r
    set
        attempts = r.attempts + case when r.started_by = this_holder then 0 else 1 end,
        started_at = coalesce(r.started_at, now()),
        started_by = this_holder,
        claimed_until = now() + make_interval(secs => (request ->> 'seconds')::double precision),
        trades_at_start = (select p.trades from stopward.training_plans as p where p.account_id = r.account_id)
    where r.account_id = claim.account_id and r.id = claim.id
    returning r.* into claim;
    return jsonb_build_object(
        'request', jsonb_build_object(
            'account_id', claim.account_id,
            'id', claim.id,
            'because', claim.because,
            'trades', claim.trades_at_start,
            'requested_at', claim.requested_at,
            'claimed_until', claim.claimed_until,
            'fence', claim.attempts
        )
    );
end
$$;
comment on function api.claim_training(jsonb) is
'Take a training that is due, or prolong one''s own: {holder, seconds, account_id}; any account without one. Answers {request: {account_id, id, because, trades, requested_at, claimed_until, fence}}, or {request: null}.';
revoke execute on function api.claim_training(jsonb) from public;
grant execute on function api.claim_training(jsonb) to service_role, stopward_worker;

create function api.finish_training(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_id constant text := request ->> 'id';
    this_verdict constant text := request ->> 'verdict';
    this_model constant text := request ->> 'model_id';
    stored stopward.training_requests;
begin
    perform stopward.require(
        'finish_training', request,
        '{
            "account_id": "text", "id": "text", "fence": "integer", "verdict": "text", "model_id": "text?",
            "numbers": "object?"
        }'
    );
    perform stopward.require_account(this_account);
    select * into stored
    from stopward.training_requests as r
    where r.account_id = this_account and r.id = this_id
    for update;
    if stored.id is null then
        perform stopward.refuse(
            'training_requests_known', format('training %s of account %s is not known', this_id, this_account)
        );
    elsif stored.started_at is null or stored.attempts <> (request ->> 'fence')::integer then
        perform stopward.refuse(
            'stale_fence',
            format(
                'fence %s of training %s was passed by %s, held by %s',
                request ->> 'fence', this_id, stored.attempts, stored.started_by
            ),
            'another took the training over: what it says counts'
        );
    elsif stored.finished_at is not null then
        if (stored.verdict, stored.model_id) is distinct from (this_verdict, this_model) then
            perform stopward.refuse(
                'training_requests_finished_is_final',
                format('training %s ended with %s', this_id, stored.verdict)
            );
        end if;
        return jsonb_build_object('new', false);
    end if;
    update stopward.training_requests as r
    set
        finished_at = now(),
        verdict = this_verdict,
        model_id = this_model,
        numbers = coalesce(nullif(request -> 'numbers', 'null'), '{}')
    where r.account_id = this_account and r.id = this_id;
    return jsonb_build_object('new', true);
end
$$;
comment on function api.finish_training(jsonb) is
'Say what came of a training: {account_id, id, fence, verdict, model_id, numbers}. Answers {new}; told twice the same, it changes nothing, and who lost the claim is refused.';
revoke execute on function api.finish_training(jsonb) from public;
grant execute on function api.finish_training(jsonb) to service_role, stopward_worker;

create policy training_plans_select_member on stopward.training_plans
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy training_plans_select_worker on stopward.training_plans
for select to stopward_worker
using (true);

create policy training_requests_select_member on stopward.training_requests
for select to authenticated
using (account_id in (
    select m.account_id from stopward.members as m
    where m.user_id = (select auth.uid())
));

create policy training_requests_select_worker on stopward.training_requests
for select to stopward_worker
using (true);

grant select on stopward.training_plans, stopward.training_requests
to authenticated, service_role, stopward_worker;
