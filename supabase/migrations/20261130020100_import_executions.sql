-- Why: importing the same file again, or a later export that overlaps, adds what is new and makes anew the trades of those
--      symbols. Who makes trades says how many executions they were made of: if somebody else has added some, they are refused.
-- Lock: none. Phase: before deploy.

create function api.import_executions(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'import_executions', request,
        '{"account_id": "text", "source": "text", "symbols": "rows", "executions": "rows", "trades": "rows"}'
    );
    this_account constant text := request ->> 'account_id';
    this_source constant text := request ->> 'source';
    named text[];
    executions_of text[];
    trades_of text[];
    unnamed text;
    contradicted text;
    short record;
    executions_new bigint;
    trades_removed bigint;
    trades_new bigint;
begin
    perform stopward.require_all(
        'import_executions', 'symbols', request -> 'symbols', '{"symbol": "text", "executions": "integer"}'
    );
    perform stopward.require_all(
        'import_executions', 'executions', request -> 'executions',
        '{
            "id": "text", "symbol": "text", "side": "text", "quantity": "numeric(24, 9)", "price": "numeric(18, 6)",
            "at": "timestamptz", "fees": "numeric(18, 6)", "effect": "text?", "initial_stop": "numeric(18, 6)?"
        }'
    );
    perform stopward.require_all(
        'import_executions', 'trades', request -> 'trades',
        '{
            "opened_by": "text", "symbol": "text", "side": "text", "quantity": "numeric(24, 9)",
            "average_entry": "numeric(18, 6)", "average_exit": "numeric(18, 6)", "opened_at": "timestamptz",
            "closed_at": "timestamptz", "fees": "numeric(18, 6)", "result": "numeric(18, 6)",
            "initial_stop": "numeric(18, 6)?", "risk": "numeric(18, 6)?", "entries": "rows", "exits": "rows"
        }'
    );
    perform stopward.require_all(
        'import_executions', 'entries',
        (
            select jsonb_agg(l.leg)
            from jsonb_array_elements(request -> 'trades') as t (trade)
            cross join lateral jsonb_array_elements(t.trade -> 'entries') as l (leg)
        ),
        '{"execution_id": "text", "at": "timestamptz", "price": "numeric(18, 6)", "quantity": "numeric(24, 9)"}'
    );
    perform stopward.require_all(
        'import_executions', 'exits',
        (
            select jsonb_agg(l.leg)
            from jsonb_array_elements(request -> 'trades') as t (trade)
            cross join lateral jsonb_array_elements(t.trade -> 'exits') as l (leg)
        ),
        '{
            "execution_id": "text", "at": "timestamptz", "price": "numeric(18, 6)", "quantity": "numeric(24, 9)",
            "result": "numeric(18, 6)"
        }'
    );
    perform stopward.require_account(this_account);
    -- One import of a source at a time; the next sees what this one stored.
    perform pg_advisory_xact_lock(hashtextextended(format('import %s %s', this_source, this_account), 0));

    with put as (
        insert into stopward.imported_executions (
            account_id, source, id, symbol, side, quantity, price, at, fees, effect, initial_stop
        )
        select
            this_account, this_source, g.id, g.symbol, g.side, g.quantity, g.price, g.at, g.fees, g.effect,
            g.initial_stop
        from jsonb_to_recordset(request -> 'executions') as g (
            id text, symbol text, side text, quantity numeric(24, 9), price numeric(18, 6), at timestamptz,
            fees numeric(18, 6), effect text, initial_stop numeric(18, 6)
        )
        on conflict on constraint imported_executions_pkey do nothing
        returning symbol
    )

    select count(*), coalesce(array_agg(distinct p.symbol), '{}')
    into executions_new, executions_of
    from put as p;

    select g.id
    into contradicted
    from jsonb_to_recordset(request -> 'executions') as g (
        id text, symbol text, side text, quantity numeric(24, 9), price numeric(18, 6), at timestamptz,
        fees numeric(18, 6), effect text, initial_stop numeric(18, 6)
    )
    inner join stopward.imported_executions as e
        on e.account_id = this_account and e.source = this_source and g.id = e.id
    where
        (e.symbol, e.side, e.quantity, e.price, e.at, e.fees, e.effect, e.initial_stop)
        is distinct from (g.symbol, g.side, g.quantity, g.price, g.at, g.fees, g.effect, g.initial_stop)
    limit 1;
    if contradicted is not null then
        perform stopward.refuse(
            'imported_executions_told_once',
            format('execution %s of %s was imported before, and said something else', contradicted, this_source),
            'another time zone, or other fees? stopward import --forget takes the source back'
        );
    end if;

    select g.symbol, g.executions, count(e.id) as stored
    into short
    from (
        select distinct s.symbol, s.executions
        from jsonb_to_recordset(request -> 'symbols') as s (symbol text, executions integer)
    ) as g
    left join stopward.imported_executions as e
        on e.account_id = this_account and e.source = this_source and g.symbol = e.symbol
    group by g.symbol, g.executions
    having count(e.id) <> g.executions
    limit 1;
    if short.symbol is not null then
        perform stopward.refuse(
            'imported_trades_of_all_executions',
            format(
                'trades of %s were made of %s executions, and %s are stored', short.symbol, short.executions, short.stored
            ),
            'another import ran at the same time: import again'
        );
    end if;

    -- "not in" is hashed, whatever the planner believes of lists that it has not seen.
    delete from stopward.imported_trades as t
    using jsonb_to_recordset(request -> 'symbols') as s (symbol text)
    where
        t.account_id = this_account
        and t.source = this_source
        and t.symbol = s.symbol
        and (
            t.opened_by, t.symbol, t.side, t.quantity, t.average_entry, t.average_exit, t.opened_at, t.closed_at,
            t.fees, t.result, coalesce(t.initial_stop, 0), coalesce(t.risk, 0), t.entries, t.exits
        ) not in (
            select
                g.opened_by, g.symbol, g.side, g.quantity, g.average_entry, g.average_exit, g.opened_at, g.closed_at,
                g.fees, g.result, coalesce(g.initial_stop, 0), coalesce(g.risk, 0), g.entries, g.exits
            from jsonb_to_recordset(request -> 'trades') as g (
                opened_by text, symbol text, side text, quantity numeric(24, 9), average_entry numeric(18, 6),
                average_exit numeric(18, 6), opened_at timestamptz, closed_at timestamptz, fees numeric(18, 6),
                result numeric(18, 6), initial_stop numeric(18, 6), risk numeric(18, 6), entries jsonb, exits jsonb
            )
        );
    get diagnostics trades_removed = row_count;

    with put as (
        insert into stopward.imported_trades (
            account_id, source, opened_by, symbol, side, quantity, average_entry, average_exit, opened_at, closed_at,
            fees, result, initial_stop, risk, entries, exits
        )
        select
            this_account, this_source, g.opened_by, g.symbol, g.side, g.quantity, g.average_entry, g.average_exit,
            g.opened_at, g.closed_at, g.fees, g.result, g.initial_stop, g.risk, g.entries, g.exits
        from jsonb_to_recordset(request -> 'trades') as g (
            opened_by text, symbol text, side text, quantity numeric(24, 9), average_entry numeric(18, 6),
            average_exit numeric(18, 6), opened_at timestamptz, closed_at timestamptz, fees numeric(18, 6),
            result numeric(18, 6), initial_stop numeric(18, 6), risk numeric(18, 6), entries jsonb, exits jsonb
        )
        on conflict on constraint imported_trades_pkey do nothing
        returning symbol
    )

    select count(*), coalesce(array_agg(distinct p.symbol), '{}')
    into trades_new, trades_of
    from put as p;

    named := array(select s.symbol from jsonb_to_recordset(request -> 'symbols') as s (symbol text));
    select n.symbol
    into unnamed
    from unnest(executions_of || trades_of) as n (symbol)
    where n.symbol <> all(named)
    limit 1;
    if unnamed is not null then
        perform stopward.refuse(
            'import_executions_request',
            format('import_executions: %s is not among symbols', unnamed),
            'name each symbol, with how many executions its trades were made of'
        );
    end if;
    return jsonb_build_object(
        'executions', executions_new, 'trades', trades_new, 'trades_removed', trades_removed
    );
end
$$;
comment on function api.import_executions(jsonb) is
'Store executions of an export and the trades of their symbols, made of all that are stored then: {account_id, source, symbols: [{symbol, executions}], executions, trades}. Answers {executions, trades, trades_removed}: what is new, and what was made anew or is gone. Nothing else hears of it.';
revoke execute on function api.import_executions(jsonb) from public;
grant execute on function api.import_executions(jsonb) to service_role, stopward_worker;

create function api.forget_import(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'forget_import', request, '{"account_id": "text", "source": "text"}'
    );
    executions_gone bigint;
    trades_gone bigint;
begin
    perform stopward.require_account(request ->> 'account_id');
    delete from stopward.imported_trades as t
    where t.account_id = request ->> 'account_id' and t.source = request ->> 'source';
    get diagnostics trades_gone = row_count;
    delete from stopward.imported_executions as e
    where e.account_id = request ->> 'account_id' and e.source = request ->> 'source';
    get diagnostics executions_gone = row_count;
    return jsonb_build_object('executions', executions_gone, 'trades', trades_gone);
end
$$;
comment on function api.forget_import(jsonb) is
'Take back all that was imported from one source, as after a wrong time zone: {account_id, source}. Answers {executions, trades}, how many are gone.';
revoke execute on function api.forget_import(jsonb) from public;
grant execute on function api.forget_import(jsonb) to service_role, stopward_worker;
