-- Why: what people and set-up write is judged at the door, by the same shapes; what is put twice is put once.
-- Lock: none. Phase: before deploy.

create or replace function api.open_account(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require(
        'open_account',
        request,
        '{"account_id": "text", "name": "text", "mode": "text?", "exchange": "text?", "equity_prior_close": "numeric(18,6)?"}'
    );
    insert into stopward.accounts (id, name, mode, exchange, equity_prior_close, equity_put_at)
    values (
        request ->> 'account_id',
        request ->> 'name',
        coalesce(request ->> 'mode', 'observe'),
        coalesce(request ->> 'exchange', 'XNYS'),
        (request ->> 'equity_prior_close')::numeric,
        case when request ->> 'equity_prior_close' is not null then now() end
    )
    -- What is not named stays: a change of the name never ends the guarding.
    on conflict on constraint accounts_pkey do update
    set
        name = excluded.name,
        mode = coalesce(request ->> 'mode', stopward.accounts.mode),
        exchange = coalesce(request ->> 'exchange', stopward.accounts.exchange),
        equity_prior_close = coalesce(excluded.equity_prior_close, stopward.accounts.equity_prior_close),
        equity_put_at = coalesce(excluded.equity_put_at, stopward.accounts.equity_put_at);
    return jsonb_build_object('account_id', request ->> 'account_id');
end
$$;
comment on function api.open_account(jsonb) is
'Open an account, or change one: {account_id, name, mode, exchange, equity_prior_close}. A new one is in mode observe '
'at XNYS where the request names neither; of one that is open, what is not named stays, as do its halt and rules.';

create or replace function api.put_equity(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require(
        'put_equity',
        request,
        '{"account_id": "text", "equity_prior_close": "numeric(18,6)?"}'
    );
    perform stopward.require_account(request ->> 'account_id');
    update stopward.accounts
    set
        equity_prior_close = (request ->> 'equity_prior_close')::numeric,
        equity_put_at = case when request ->> 'equity_prior_close' is not null then now() end
    where id = request ->> 'account_id';
    return jsonb_build_object('done', true);
end
$$;

create or replace function api.put_usual_volumes(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    touched integer;
begin
    perform stopward.require('put_usual_volumes', request, '{"symbol": "text", "volumes": "double precision[]"}');
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

create or replace function api.tag_symbol(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require('tag_symbol', request, '{"account_id": "text", "symbol": "text", "tag": "text"}');
    perform stopward.require_account(request ->> 'account_id');
    insert into stopward.symbol_tags (account_id, symbol, tag)
    values (request ->> 'account_id', request ->> 'symbol', request ->> 'tag')
    on conflict on constraint symbol_tags_pkey do nothing;
    return jsonb_build_object('done', true);
end
$$;

create or replace function api.untag_symbol(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require('untag_symbol', request, '{"account_id": "text", "symbol": "text", "tag": "text"}');
    perform stopward.require_account(request ->> 'account_id');
    delete from stopward.symbol_tags
    where
        account_id = request ->> 'account_id'
        and symbol = request ->> 'symbol'
        and tag = request ->> 'tag';
    return jsonb_build_object('done', true);
end
$$;

create or replace function api.halt(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require('halt', request, '{"account_id": "text", "reason": "prose?"}');
    perform stopward.require_account(request ->> 'account_id');
    update stopward.accounts
    set halted = true, halted_because = request ->> 'reason'
    where id = request ->> 'account_id';
    return jsonb_build_object('done', true);
end
$$;

create or replace function api.resume(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require('resume', request, '{"account_id": "text"}');
    perform stopward.require_account(request ->> 'account_id');
    update stopward.accounts
    set halted = false, halted_because = null, flatten_at = null
    where id = request ->> 'account_id';
    return jsonb_build_object('done', true);
end
$$;

create or replace function api.request_flatten(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
    perform stopward.require('request_flatten', request, '{"account_id": "text", "at": "timestamptz?"}');
    perform stopward.require_account(request ->> 'account_id');
    update stopward.accounts
    set flatten_at = coalesce(flatten_at, (request ->> 'at')::timestamptz, now())
    where id = request ->> 'account_id';
    return jsonb_build_object('done', true);
end
$$;

create or replace function api.put_rules(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    this_hash constant text := request ->> 'rules_hash';
    this_text constant text := request ->> 'rules_toml';
begin
    perform stopward.require(
        'put_rules', request, '{"account_id": "text", "rules_toml": "document?", "rules_hash": "text"}'
    );
    perform stopward.require_account(this_account);
    if this_text is not null then
        insert into stopward.settings_versions (account_id, hash, rules_toml)
        values (this_account, this_hash, this_text)
        on conflict on constraint settings_versions_pkey do nothing;
        -- The old text would be obeyed, and the caller believe that the new one is.
        perform from stopward.settings_versions as v
        where v.account_id = this_account and v.hash = this_hash and v.rules_toml = this_text;
        if not found then
            perform stopward.refuse(
                'settings_versions_append_only',
                format('account %s has other rules under the hash %s', this_account, this_hash),
                'a text has its own hash; what is stored is put in force again by its hash alone'
            );
        end if;
    end if;
    update stopward.accounts set rules_hash = this_hash where id = this_account;
    return jsonb_build_object('rules_hash', this_hash);
end
$$;
comment on function api.put_rules(jsonb) is
'Make a rules file the account''s: {account_id, rules_toml, rules_hash}; decisions find their rules by the hash. Another '
'text under a known hash is refused; without a text, the one that is stored under the hash is in force again.';

create or replace function api.put_instruments(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    twice text;
    touched integer;
begin
    perform stopward.require('put_instruments', request, '{"instruments": "rows"}');
    perform stopward.require_all(
        'put_instruments',
        'instruments',
        request -> 'instruments',
        '{"symbol": "text", "tick": "numeric(18,6)?", "fractionable": "boolean"}'
    );
    select g.symbol into twice
    from jsonb_to_recordset(request -> 'instruments') as g (symbol text)
    group by g.symbol
    having count(*) > 1
    limit 1;
    if twice is not null then
        perform stopward.refuse('put_instruments_request', format('put_instruments: %s comes twice', twice));
    end if;
    insert into stopward.instruments (symbol, tick, fractionable)
    select g.symbol, g.tick, g.fractionable
    from jsonb_to_recordset(request -> 'instruments') as g (symbol text, tick numeric, fractionable boolean)
    on conflict on constraint instruments_pkey do update
    set tick = excluded.tick, fractionable = excluded.fractionable;
    get diagnostics touched = row_count;
    return jsonb_build_object('count', touched);
end
$$;

create or replace function api.put_positions(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    this_account constant text := request ->> 'account_id';
    held stopward.leases;
    other text;
    touched integer;
begin
    perform stopward.require('put_positions', request, '{"account_id": "text", "positions": "rows"}');
    perform stopward.require_all(
        'put_positions', 'positions', request -> 'positions', stopward.row_shape('positions')
    );
    perform stopward.require_account(this_account);
    perform stopward.require_own(this_account, request -> 'positions');
    -- Ticks lock this row before any other, and so do two that put the same: the second one finds what the first
    -- one put. Before the first tick there is none; the account holds off what would make it.
    select * into held from stopward.leases as l where l.account_id = this_account for update;
    if not found then
        perform from stopward.accounts as a where a.id = this_account for update;
        select * into held from stopward.leases as l where l.account_id = this_account;
    end if;
    -- A tick under way looked before: it may adopt what is put, and would be refused with all its exits.
    if held.until > clock_timestamp() then
        perform stopward.refuse(
            'lease_is_held',
            format('account %s: a tick of %s is under way until %s', this_account, held.holder, held.until),
            'put it again once the tick is over'
        );
    end if;
    -- A row that says nothing new is no second declaration; one that says otherwise is not obeyed.
    select min(p.id) into other
    from jsonb_array_elements(request -> 'positions') as g (value)
    inner join stopward.positions as p on p.account_id = this_account and g.value ->> 'id' = p.id
    where p is distinct from jsonb_populate_record(p, g.value);
    if other is not null then
        perform stopward.refuse(
            'positions_pkey',
            format('position %s is known, and not as it was put', other),
            'what is under guard is changed by the guard alone'
        );
    end if;
    insert into stopward.positions
    select s.*
    from jsonb_populate_recordset(null::stopward.positions, request -> 'positions') as s
    where
        not exists (
            select from stopward.positions as p
            where p.account_id = this_account and p.id = s.id
        );
    get diagnostics touched = row_count;
    return jsonb_build_object('count', touched);
end
$$;
comment on function api.put_positions(jsonb) is
'Put positions under guard that a person declares: {account_id, positions: [...]}. All that are not known as they are '
'put are new, or none is written; answers how many were. Refused while a tick is under way.';
