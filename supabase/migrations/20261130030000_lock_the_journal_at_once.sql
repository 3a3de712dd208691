-- Why: a keeper of the months locked positions in one mode and needed it in a stronger one when it attached the months
--      again, while a tick that had read positions waited to write it: a deadlock, whose victim could be the tick. Now a
--      keeper takes all that it will need before it changes anything, at once or not at all, and gives way to ticks.
-- Lock: when called, access exclusive on accounts, on what the journal refers to, and on the journal, for one short transaction. It waits only
--       for accounts, which every tick reads first, 25 milliseconds at a time; what is not free then is let alone, and all
--       is given back before it tries again. So nobody waits long behind a keeper that waits, and none deadlocks.
-- Phase: before deploy.

create function stopward.lock_giving_way(of_tables regclass[])
returns void
language plpgsql
set search_path = ''
set lock_timeout = '2s'
as $$
declare
    together constant text := array_to_string(of_tables, ', ');
    others constant text := array_to_string(of_tables[2:], ', ');
    give_up_at timestamptz;
begin
    -- An autovacuum would be in the way for minutes. It gives way to whoever waits for longer than deadlock_timeout, one
    -- second: so wait in a mode that no tick has to wait behind.
    execute format('lock table %s in share update exclusive mode', together);
    perform set_config('lock_timeout', '25ms', true);
    give_up_at := clock_timestamp() + interval '2 s';
    while clock_timestamp() < give_up_at loop
        begin
            execute format('lock table %s in access exclusive mode', of_tables[1]);
            if others <> '' then
                execute format('lock table %s in access exclusive mode nowait', others);
            end if;
            return;
        exception
            when lock_not_available then
                null; -- It holds none of them any more: whoever waits goes first.
        end;
        perform pg_sleep(0.075);
    end loop;
    raise lock_not_available;
exception
    when lock_not_available then
        perform stopward.refuse(
            'journal_busy',
            format('one of %s was in use for longer than two seconds', together),
            'nothing was changed; try again, best outside of the session'
        );
end
$$;
comment on function stopward.lock_giving_way(regclass[]) is
'Lock tables whole, all of them or none, until the transaction ends. It waits for the first only, and only 25 '
'milliseconds at a time; refuse (journal_busy) after two seconds rather than make a tick wait.';
revoke execute on function stopward.lock_giving_way(regclass[]) from public;

create function stopward.journal_relations()
returns regclass[]
language sql stable
set search_path = ''
as $$
with journal as (
    select to_regclass(format('stopward.%I', t.name)) as relation
    from stopward.journal_tables() as t
),

needed as (
    select 1 as place, 'stopward.accounts'::regclass as relation
    union all
    -- A foreign key has triggers there, which come and go with a partition.
    select 2, k.confrelid::regclass
    from pg_constraint as k
    inner join journal as j on k.conrelid = j.relation
    where k.contype = 'f'
    union all
    select 3, j.relation
    from journal as j
)

select array_agg(f.relation order by f.place, f.relation::text)
from (
    select min(n.place) as place, n.relation
    from needed as n
    group by n.relation
) as f
$$;
comment on function stopward.journal_relations() is
'What must be locked before a partition of the journal comes or goes, in the order of a tick: accounts first.';
revoke execute on function stopward.journal_relations() from public;

create function stopward.lock_journal()
returns void
language sql
set search_path = ''
as $$
select stopward.be_the_keeper();
select stopward.lock_giving_way(stopward.journal_relations())
$$;
comment on function stopward.lock_journal() is
'Be the only keeper, and lock the journal whole and what it refers to, until the transaction ends.';
revoke execute on function stopward.lock_journal() from public;

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
    perform stopward.lock_journal();
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

create or replace function stopward.move_late_rows(of_table text, of_month date, most bigint)
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
    perform stopward.lock_journal();
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

create or replace function api.detach_month(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'detach_month', request, '{"table": "text", "month": "date"}'
    );
    partition constant text := stopward.require_journal_month(request);
    this_table constant text := request ->> 'table';
    this_month constant date := request ->> 'month';
    is_attached boolean;
    because text;
begin
    perform stopward.lock_journal();
    select c.relispartition into is_attached
    from pg_class as c
    where c.oid = to_regclass(format('stopward.%I', partition));
    if is_attached is null then
        return jsonb_build_object('state', 'gone');
    end if;
    if not is_attached then
        return jsonb_build_object('state', 'detached');
    end if;
    if this_month >= date_trunc('month', now() at time zone 'UTC') then
        perform stopward.refuse('journal_month_not_over', format('%s is not over', partition));
    end if;
    if not exists (
        select from stopward.archives as a
        where a.table_name = this_table and a.month = this_month
    ) then
        perform stopward.refuse(
            'archives_needed_first', format('%s has no archive', partition), 'note one with api.note_archive'
        );
    end if;
    because := stopward.why_month_stays(this_table, this_month);
    if because is not null then
        perform stopward.refuse('journal_month_in_use', format('%s stays: %s', partition, because));
    end if;
    execute format('alter table stopward.%I detach partition stopward.%I', this_table, partition);
    -- It is compared in portions, so it may not change between them.
    execute format(
        'create trigger journal_month_frozen before insert or update or delete or truncate on stopward.%I'
        ' for each statement execute function stopward.refuse_change(''journal_month_frozen'')',
        partition
    );
    return jsonb_build_object('state', 'detached');
end
$$;

-- Its foreign key has triggers on the table that it refers to.
create or replace function stopward.drop_frozen_table(of_relation regclass)
returns void
language plpgsql
set search_path = ''
as $$
begin
    perform stopward.lock_giving_way(array_agg(distinct k.confrelid::regclass))
    from pg_constraint as k
    where k.contype = 'f' and k.conrelid = of_relation
    having count(*) > 0;
    execute format('drop table %s', of_relation);
end
$$;

-- squawk-ignore ban-drop-function
drop function stopward.lock_journal(text);
-- squawk-ignore ban-drop-function
drop function stopward.lock_journal_table(text);
