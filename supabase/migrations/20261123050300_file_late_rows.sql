-- Why: a row that came before its month lay in the default partition for ever, its month could not be made any more,
--      and retention never reached it. Now such rows are moved into their month, and somebody hears of it.
-- Lock: when called, for the time of one short transaction (a portion of the rows): share row exclusive on the tables that the journal refers
--       to, then access exclusive on the journal's table. This is the order of a tick (positions, then decisions), so
--       that a tick may wait but never deadlocks; whoever keeps the tables for two seconds is let alone (journal_busy).
-- Phase: before deploy.

create function stopward.journal_tables()
returns table (name text)
language sql immutable
set search_path = ''
as $$
values ('decisions'), ('market_views')
$$;
comment on function stopward.journal_tables() is 'The tables that are partitioned by month.';
revoke execute on function stopward.journal_tables() from public;

create function stopward.partition_name(of_table text, of_month date)
returns text
language sql stable
set search_path = ''
as $$
select format('%s_%s', of_table, to_char(of_month, 'YYYY_MM'))
$$;
comment on function stopward.partition_name(text, date) is 'How the partition of a month is called.';
revoke execute on function stopward.partition_name(text, date) from public;

create function stopward.month_start(of_day date)
returns timestamptz
language sql stable
set search_path = ''
as $$
select date_trunc('month', of_day::timestamp) at time zone 'UTC'
$$;
comment on function stopward.month_start(date) is 'First instant of the month of a day, in UTC.';
revoke execute on function stopward.month_start(date) from public;

create function stopward.be_the_keeper()
returns void
language sql
set search_path = ''
as $$
-- Any number that nobody else uses. Whoever waits here holds nothing that a tick wants.
select pg_advisory_xact_lock(7786843)
$$;
comment on function stopward.be_the_keeper() is 'Wait until no other transaction changes the months of the journal.';
revoke execute on function stopward.be_the_keeper() from public;

create function stopward.lock_journal_table(of_table text)
returns void
language plpgsql
set search_path = ''
set lock_timeout = '2s'
as $$
declare
    referred text;
begin
    -- An autovacuum gives way after deadlock_timeout, one second: we must outwait it.
    for referred in
        select distinct k.confrelid::regclass::text
        from pg_constraint as k
        where k.contype = 'f' and k.conrelid = format('stopward.%I', of_table)::regclass
        order by 1
    loop
        execute format('lock table %s in share row exclusive mode', referred);
    end loop;
    execute format('lock table stopward.%I in access exclusive mode', of_table);
exception
    when lock_not_available then
        perform stopward.refuse(
            'journal_busy',
            format('%s was in use for longer than two seconds', of_table),
            'nothing was changed; try again, best outside of the session'
        );
end
$$;
comment on function stopward.lock_journal_table(text) is
'Lock a journal table whole, in the order of a tick; refuse (journal_busy) rather than make a tick wait.';
revoke execute on function stopward.lock_journal_table(text) from public;

create function stopward.lock_journal(of_table text)
returns void
language sql
set search_path = ''
as $$
select stopward.be_the_keeper();
select stopward.lock_journal_table(of_table)
$$;
comment on function stopward.lock_journal(text) is
'Be the only keeper, and lock a journal table whole, until the transaction ends.';
revoke execute on function stopward.lock_journal(text) from public;

create function stopward.finish_partition(of_table text, partition text)
returns void
language plpgsql
set search_path = ''
as $$
begin
    execute format('alter table stopward.%I enable row level security', partition);
    execute format('comment on table stopward.%I is %L', partition, 'One month of ' || of_table || '.');
    -- Row by row it inherits what forbids a change; of a whole statement it does not.
    execute format(
        'create trigger %I before truncate on stopward.%I'
        ' for each statement execute function stopward.refuse_change(%L)',
        of_table || '_never_truncated', partition, of_table || '_append_only'
    );
end
$$;
comment on function stopward.finish_partition(text, text) is
'Give a new month what it does not inherit: row level security, a comment, and that nobody truncates it.';
revoke execute on function stopward.finish_partition(text, text) from public;

create or replace function stopward.make_partition(of_table text, of_month date)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
    first constant timestamptz := stopward.month_start(of_month);
    next constant timestamptz := stopward.month_start((date_trunc('month', of_month) + interval '1 month')::date);
    partition constant text := stopward.partition_name(of_table, of_month);
    taken boolean;
begin
    -- Nearly always it is there, and nobody is locked out.
    if to_regclass(format('stopward.%I', partition)) is not null then
        return false;
    end if;
    perform stopward.lock_journal(of_table);
    if to_regclass(format('stopward.%I', partition)) is not null then
        return false;
    end if;
    -- Rows that came before their month lie in the default partition, until api.file_late_rows moves them.
    execute format(
        'select exists (select from stopward.%I where tick_at >= %L and tick_at < %L)',
        of_table || '_default', first, next
    ) into taken;
    if taken then
        return false;
    end if;
    execute format(
        'create table stopward.%I partition of stopward.%I for values from (%L) to (%L) with (fillfactor = 85)',
        partition, of_table, first, next
    );
    perform stopward.finish_partition(of_table, partition);
    return true;
end
$$;

create or replace function api.keep_partitions(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'keep_partitions', request,
        '{
            "from": "date?", "months": "integer?"
        }'
    );
    first constant date := coalesce((request ->> 'from')::date, (now() at time zone 'UTC')::date);
    months constant integer := coalesce((request ->> 'months')::integer, 3);
    made integer;
begin
    if months not between 1 and 600 then
        perform stopward.refuse('keep_partitions_request', format('months %s', months), 'allowed is 1 to 600');
    end if;
    select count(*) filter (
        where stopward.make_partition(t.name, (date_trunc('month', first) + make_interval(months => m.ahead))::date)
    )
    into made
    from stopward.journal_tables() as t
    cross join generate_series(0, months - 1) as m (ahead);
    return jsonb_build_object('made', made);
end
$$;

create function stopward.move_late_rows(of_table text, of_month date, most bigint)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
    first constant timestamptz := stopward.month_start(of_month);
    next constant timestamptz := stopward.month_start((date_trunc('month', of_month) + interval '1 month')::date);
    partition constant text := stopward.partition_name(of_table, of_month);
    late constant text := of_table || '_default';
    -- A month that was begun and not finished reaches as far as its rows were moved.
    is_begun constant boolean := to_regclass(format('stopward.%I', partition)) is not null;
    bound timestamptz;
    moved bigint;
begin
    -- What is of one instant goes together.
    execute format(
        'with late as (select tick_at from stopward.%1$I where tick_at >= %2$L and tick_at < %3$L),'
        ' beyond as (select l.tick_at from late as l order by l.tick_at offset %4$s limit 1)'
        ' select min(l.tick_at) from late as l, beyond as b'
        ' where l.tick_at >= b.tick_at and l.tick_at > (select min(f.tick_at) from late as f)',
        late, first, next, most
    ) into bound;
    bound := coalesce(bound, next);
    perform stopward.lock_journal(of_table);
    -- A table that is no partition has none of the triggers: the rows move, and the append-only rule stays as it is.
    execute format('alter table stopward.%I detach partition stopward.%I', of_table, late);
    if is_begun then
        execute format('alter table stopward.%I detach partition stopward.%I', of_table, partition);
    else
        execute format(
            'create table stopward.%I (like stopward.%I including defaults including constraints including storage)'
            ' with (fillfactor = 85)',
            partition, of_table
        );
        perform stopward.finish_partition(of_table, partition);
    end if;
    execute format(
        'with late as (delete from stopward.%I where tick_at >= %L and tick_at < %L returning *)'
        ' insert into stopward.%I select * from late',
        late, first, bound, partition
    );
    get diagnostics moved = row_count;
    execute format(
        'alter table stopward.%I attach partition stopward.%I for values from (%L) to (%L)',
        of_table, partition, first, bound
    );
    execute format('alter table stopward.%I attach partition stopward.%I default', of_table, late);
    return moved;
end
$$;
comment on function stopward.move_late_rows(text, date, bigint) is
'Move about so many rows of a month out of the default partition, the earliest first; the number of rows moved. Until '
'the last is moved, the month reaches as far as the rows that were, and no row is ever out of sight.';
revoke execute on function stopward.move_late_rows(text, date, bigint) from public;

create function stopward.late_months(of_table text)
returns table (month date, rows bigint)
language plpgsql
set search_path = ''
as $$
begin
    return query execute format(
        'select date_trunc(''month'', d.tick_at at time zone ''UTC'')::date, count(*)'
        ' from stopward.%I as d where isfinite(d.tick_at) group by 1 order by 1',
        of_table || '_default'
    );
end
$$;
comment on function stopward.late_months(text) is 'Months that have rows in the default partition, and how many.';
revoke execute on function stopward.late_months(text) from public;

create function api.file_late_rows(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require('file_late_rows', request, '{"most": "bigint?"}');
    most constant bigint := coalesce((request ->> 'most')::bigint, 20000);
    late record;
    here bigint;
    moved bigint := 0;
    remaining bigint := 0;
begin
    if most < 1 then
        perform stopward.refuse('file_late_rows_request', format('most %s', most), 'allowed is 1 and more');
    end if;
    perform stopward.be_the_keeper();
    for late in
        select
            t.name,
            m.month,
            m.rows
        from stopward.journal_tables() as t
        cross join lateral stopward.late_months(t.name) as m
        order by t.name, m.month
    loop
        here := 0;
        -- A month that is on its way out has its name still: the next night finds it free.
        if
            moved < most
            and not exists (
                select from pg_class as c
                where
                    c.oid = to_regclass(format('stopward.%I', stopward.partition_name(late.name, late.month)))
                    and not c.relispartition
            )
        then
            -- A row that no month may hold keeps its own month waiting, and no other.
            begin
                here := stopward.move_late_rows(late.name, late.month, most - moved);
            exception
                when
                    integrity_constraint_violation or data_exception or invalid_object_definition
                    or duplicate_table or undefined_table
                then
                    raise warning 'stopward: % of %: %', late.name, late.month, sqlerrm;
            end;
        end if;
        moved := moved + here;
        -- More may have come since they were counted.
        remaining := remaining + greatest(late.rows - here, 0);
    end loop;
    return jsonb_build_object('moved', moved, 'left', remaining);
end
$$;
comment on function api.file_late_rows(jsonb) is
'Move rows that came before their month into it, about `most` (20,000 without) in all: {most}. The journal is locked '
'meanwhile, a second or two, so call again while {moved, left} says that rows moved and more are left.';
revoke execute on function api.file_late_rows(jsonb) from public;
grant execute on function api.file_late_rows(jsonb) to service_role, stopward_worker;

create function api.watch_journal(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require('watch_journal', request, '{"today": "date?", "failed": "jsonb?"}');
    today constant date := coalesce((request ->> 'today')::date, (now() at time zone 'UTC')::date);
    failed constant jsonb := coalesce(request -> 'failed', '[]');
    late jsonb;
    ahead jsonb;
    is_well boolean;
begin
    if jsonb_typeof(failed) <> 'array' then
        perform stopward.refuse('watch_journal_request', format('failed %s', failed), 'a list of sentences is allowed');
    end if;
    select coalesce(jsonb_object_agg(l.name, l.rows), '{}')
    into late
    from (
        select
            t.name,
            sum(m.rows) as rows
        from stopward.journal_tables() as t
        cross join lateral stopward.late_months(t.name) as m
        group by t.name
    ) as l;
    select jsonb_object_agg(t.name, coalesce(m.ahead, 0))
    into ahead
    from stopward.journal_tables() as t
    left join lateral (
        -- Months in a row: one that is missing ends them.
        select min(g.place) - 1 as ahead
        from generate_series(1, 61) as g (place)
        where to_regclass(format(
            'stopward.%I',
            stopward.partition_name(t.name, (date_trunc('month', today) + make_interval(months => g.place))::date)
        )) is null
    ) as m on true;
    is_well := late = '{}' and failed = '[]' and not exists (
        select from jsonb_each_text(ahead) as a where a.value::integer < 2
    );
    if not is_well then
        perform stopward.tell(
            a.id,
            'alarm',
            format('journal_keeping/%s', today),
            'warning',
            'The journal could not be kept in order last night',
            jsonb_build_object('late_rows', late, 'months_ahead', ahead, 'failed', failed)
        )
        from stopward.accounts as a;
    end if;
    return jsonb_build_object('late', late, 'ahead', ahead, 'is_well', is_well);
end
$$;
comment on function api.watch_journal(jsonb) is
'Look whether the journal is in order, and tell every account once a day when it is not: rows in a default partition, '
'fewer than two months ahead, or what the caller says failed: {today, failed: [sentence]}. '
'Answers {late: {table: rows}, ahead: {table: months}, is_well}.';
revoke execute on function api.watch_journal(jsonb) from public;
grant execute on function api.watch_journal(jsonb) to service_role, stopward_worker;
