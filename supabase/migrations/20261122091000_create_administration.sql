-- Why: what people and set-up do: open accounts, put rules and market facts, tag, halt, flatten.
-- Lock: none. Phase: before deploy.

create function api.open_account(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    insert into stopward.accounts (id, name, mode, exchange, equity_prior_close, equity_put_at)
    values (
        request ->> 'account_id',
        request ->> 'name',
        coalesce(request ->> 'mode', 'observe'),
        coalesce(request ->> 'exchange', 'XNYS'),
        (request ->> 'equity_prior_close')::numeric,
        case when request ->> 'equity_prior_close' is not null then now() end
    )
    on conflict on constraint accounts_pkey do update
    set
        name = excluded.name,
        mode = excluded.mode,
        exchange = excluded.exchange,
        equity_prior_close = coalesce(excluded.equity_prior_close, stopward.accounts.equity_prior_close),
        equity_put_at = coalesce(excluded.equity_put_at, stopward.accounts.equity_put_at);
    return jsonb_build_object('account_id', request ->> 'account_id');
end
$$;
comment on function api.open_account(jsonb) is
'Open an account, or change one: {account_id, name, mode, exchange, equity_prior_close}. Halt and rules stay.';
revoke execute on function api.open_account(jsonb) from public;
grant execute on function api.open_account(jsonb) to service_role, stopward_worker;

create function api.put_rules(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    rules constant text := request ->> 'rules_toml';
    this_hash constant text := request ->> 'rules_hash';
begin
    perform stopward.require_account(this_account);
    if coalesce(this_hash, '') = '' or rules is null then
        perform stopward.refuse(
            'put_rules_request',
            format('rules_hash %s, rules_toml of %s characters', coalesce(this_hash, 'null'), length(rules)),
            'both are needed, the hash as the rule book of that text has it'
        );
    end if;
    insert into stopward.settings_versions (account_id, hash, rules_toml)
    values (this_account, this_hash, rules)
    on conflict on constraint settings_versions_pkey do nothing;
    update stopward.accounts set rules_hash = this_hash where id = this_account;
    return jsonb_build_object('rules_hash', this_hash);
end
$$;
comment on function api.put_rules(jsonb) is
'Make a rules file the account''s: {account_id, rules_toml, rules_hash}; decisions find their rules by the hash.';
revoke execute on function api.put_rules(jsonb) from public;
grant execute on function api.put_rules(jsonb) to service_role, stopward_worker;

create function api.put_equity(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require_account(request ->> 'account_id');
    update stopward.accounts
    set
        equity_prior_close = (request ->> 'equity_prior_close')::numeric,
        equity_put_at = case when request ->> 'equity_prior_close' is not null then now() end
    where id = request ->> 'account_id';
    return jsonb_build_object('done', true);
end
$$;
comment on function api.put_equity(jsonb) is 'Store the equity of the prior close, in dollars: {account_id, equity_prior_close}. It counts until the next close.';
revoke execute on function api.put_equity(jsonb) from public;
grant execute on function api.put_equity(jsonb) to service_role, stopward_worker;

create function api.put_sessions(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    touched integer;
begin
    insert into stopward.market_sessions (exchange, day, opens_at, closes_at)
    select g.exchange, g.day, g.opens_at, g.closes_at
    from jsonb_to_recordset(request -> 'sessions') as g (
        exchange text, day date, opens_at timestamptz, closes_at timestamptz
    )
    on conflict on constraint market_sessions_pkey do update
    set opens_at = excluded.opens_at, closes_at = excluded.closes_at;
    get diagnostics touched = row_count;
    return jsonb_build_object('count', touched);
end
$$;
comment on function api.put_sessions(jsonb) is 'Store sessions: {sessions: [{exchange, day, opens_at, closes_at}]}.';
revoke execute on function api.put_sessions(jsonb) from public;
grant execute on function api.put_sessions(jsonb) to service_role, stopward_worker;

create function api.put_instruments(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    touched integer;
begin
    insert into stopward.instruments (symbol, tick, fractionable)
    select g.symbol, g.tick, g.fractionable
    from jsonb_to_recordset(request -> 'instruments') as g (symbol text, tick numeric, fractionable boolean)
    on conflict on constraint instruments_pkey do update
    set tick = excluded.tick, fractionable = excluded.fractionable;
    get diagnostics touched = row_count;
    return jsonb_build_object('count', touched);
end
$$;
comment on function api.put_instruments(jsonb) is
'Store how symbols trade: {instruments: [{symbol, tick, fractionable}]}.';
revoke execute on function api.put_instruments(jsonb) from public;
grant execute on function api.put_instruments(jsonb) to service_role, stopward_worker;

create function api.put_usual_volumes(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    touched integer;
begin
    insert into stopward.usual_volumes (symbol, minute, volume)
    select request ->> 'symbol', g.place - 1, g.value::double precision
    from jsonb_array_elements_text(request -> 'volumes') with ordinality as g (value, place)
    where g.value is not null
    on conflict on constraint usual_volumes_pkey do update
    set volume = excluded.volume;
    get diagnostics touched = row_count;
    return jsonb_build_object('count', touched);
end
$$;
comment on function api.put_usual_volumes(jsonb) is
'Store the mean volume of each minute from the open on: {symbol, volumes: [...]}; null leaves a minute as it is.';
revoke execute on function api.put_usual_volumes(jsonb) from public;
grant execute on function api.put_usual_volumes(jsonb) to service_role, stopward_worker;

create function api.put_positions(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    touched integer;
begin
    perform stopward.require_account(request ->> 'account_id');
    perform stopward.require_own(request ->> 'account_id', request -> 'positions');
    insert into stopward.positions
    select p.* from jsonb_populate_recordset(null::stopward.positions, request -> 'positions') as p;
    get diagnostics touched = row_count;
    return jsonb_build_object('count', touched);
end
$$;
comment on function api.put_positions(jsonb) is
'Put positions under guard that a person declares: {account_id, positions: [...]}. All are new, or none is written.';
revoke execute on function api.put_positions(jsonb) from public;
grant execute on function api.put_positions(jsonb) to service_role, stopward_worker;

create function api.tag_symbol(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require_account(request ->> 'account_id');
    insert into stopward.symbol_tags (account_id, symbol, tag)
    values (request ->> 'account_id', request ->> 'symbol', request ->> 'tag')
    on conflict on constraint symbol_tags_pkey do nothing;
    return jsonb_build_object('done', true);
end
$$;
comment on function api.tag_symbol(jsonb) is 'Tag a symbol: {account_id, symbol, tag}.';
revoke execute on function api.tag_symbol(jsonb) from public;
grant execute on function api.tag_symbol(jsonb) to service_role, stopward_worker;

create function api.untag_symbol(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require_account(request ->> 'account_id');
    delete from stopward.symbol_tags
    where
        account_id = request ->> 'account_id'
        and symbol = request ->> 'symbol'
        and tag = request ->> 'tag';
    return jsonb_build_object('done', true);
end
$$;
comment on function api.untag_symbol(jsonb) is 'Take a tag off a symbol: {account_id, symbol, tag}.';
revoke execute on function api.untag_symbol(jsonb) from public;
grant execute on function api.untag_symbol(jsonb) to service_role, stopward_worker;

create function api.halt(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require_account(request ->> 'account_id');
    update stopward.accounts
    set halted = true, halted_because = request ->> 'reason'
    where id = request ->> 'account_id';
    return jsonb_build_object('done', true);
end
$$;
comment on function api.halt(jsonb) is 'Stop the rules of an account; arming goes on: {account_id, reason}.';
revoke execute on function api.halt(jsonb) from public;
grant execute on function api.halt(jsonb) to service_role, stopward_worker;

create function api.resume(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require_account(request ->> 'account_id');
    update stopward.accounts
    set halted = false, halted_because = null, flatten_at = null
    where id = request ->> 'account_id';
    return jsonb_build_object('done', true);
end
$$;
comment on function api.resume(jsonb) is 'End a halt and a flatten: {account_id}.';
revoke execute on function api.resume(jsonb) from public;
grant execute on function api.resume(jsonb) to service_role, stopward_worker;

create function api.request_flatten(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require_account(request ->> 'account_id');
    update stopward.accounts
    set flatten_at = coalesce(flatten_at, (request ->> 'at')::timestamptz, now())
    where id = request ->> 'account_id';
    return jsonb_build_object('done', true);
end
$$;
comment on function api.request_flatten(jsonb) is
'Ask to close everything, until api.resume: {account_id, at}. A second request keeps the time of the first.';
revoke execute on function api.request_flatten(jsonb) from public;
grant execute on function api.request_flatten(jsonb) to service_role, stopward_worker;

create function api.keep_partitions(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    first constant date := coalesce((request ->> 'from')::date, (now() at time zone 'UTC')::date);
    months constant integer := coalesce((request ->> 'months')::integer, 3);
    made integer;
begin
    select count(*) filter (where stopward.make_partition(t.name, (first + make_interval(months => m.ahead))::date))
    into made
    from (values ('decisions'), ('market_views')) as t (name)
    cross join generate_series(0, months - 1) as m (ahead);
    return jsonb_build_object('made', made);
end
$$;
comment on function api.keep_partitions(jsonb) is
'Make the partitions of the months from a day on: {from, months}; today and three without. Nightly.';
revoke execute on function api.keep_partitions(jsonb) from public;
grant execute on function api.keep_partitions(jsonb) to service_role, stopward_worker;
