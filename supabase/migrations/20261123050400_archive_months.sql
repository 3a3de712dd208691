-- Why: retention. A month leaves the database only after an archive of exactly its rows was read back and noted:
--      read it page by page, note the archive, detach the month, and drop it if what it holds then is what the archive
--      holds. Detaching first freezes it: nobody can write to it, the long look at its content locks nobody out, and may
--      be taken in portions, each a call of a second or two: no gateway lets a call take minutes.
-- Lock: when called. Reading takes none. Detaching takes those of lock_journal, for milliseconds; dropping takes access
--       exclusive on positions or accounts for milliseconds, at its end, when it holds nothing that a tick wants.
-- Phase: before deploy.

create function stopward.journal_key(of_relation regclass)
returns text[]
language sql stable
set search_path = ''
as $$
select array_agg(a.attname::text order by array_position(k.conkey, a.attnum))
from pg_constraint as k
inner join pg_attribute as a on k.conrelid = a.attrelid and a.attnum = any(k.conkey)
where k.conrelid = of_relation and k.contype = 'p'
$$;
comment on function stopward.journal_key(regclass) is 'Columns of the primary key, in its order.';
revoke execute on function stopward.journal_key(regclass) from public;

create function stopward.journal_columns(of_relation regclass)
returns jsonb
language sql stable
set search_path = ''
as $$
select jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod))
from pg_attribute as a
where a.attrelid = of_relation and a.attnum > 0 and not a.attisdropped
$$;
comment on function stopward.journal_columns(regclass) is 'Type of each column, by its name.';
revoke execute on function stopward.journal_columns(regclass) from public;

create function stopward.journal_lines(of_relation regclass)
returns text
language sql stable
set search_path = ''
as $$
with columns as (
    select
        a.attname,
        format('%L', to_json(a.attname::text)::text || ':')
        || ' || '
        || case
            when a.atttypid in ('jsonb'::regtype, 'json'::regtype) then format('t.%I::text', a.attname)
            when a.atttypid = 'numeric'::regtype then format('to_json(t.%I::text)::text', a.attname)
            else format('to_json(t.%I)::text', a.attname)
        end as field
    from pg_attribute as a
    where a.attrelid = of_relation and a.attnum > 0 and not a.attisdropped
),

keys as (
    select
        k.place,
        k.name,
        format_type(a.atttypid, a.atttypmod) as type
    from unnest(stopward.journal_key(of_relation)) with ordinality as k (name, place)
    inner join pg_attribute as a on k.name = a.attname and a.attrelid = of_relation
),

parts as (
    select
        (select string_agg(c.field, ', ' order by c.attname collate "C") from columns as c) as fields,
        string_agg(format('t.%I', k.name), ', ' order by k.place) as key,
        string_agg(format('t.%I::text', k.name), ', ' order by k.place) as key_texts,
        string_agg(format('($1 ->> %s)::%s', k.place - 1, k.type), ', ' order by k.place) as after
    from keys as k
)

-- A null is left out, so that it stays apart from the null of JSON.
select format(
    'select row_number() over (order by %2$s) as place, ''{'' || concat_ws('','', %1$s) || ''}'' as line,'
    ' jsonb_build_array(%3$s) as key'
    ' from %5$s as t where $1 is null or (%2$s) > (%4$s) order by %2$s limit $2',
    p.fields, p.key, p.key_texts, p.after, of_relation
)
from parts as p
$$;
comment on function stopward.journal_lines(regclass) is
'The query for the rows of a month as lines of JSON (place, line, key): $1 is the key after which, or null; $2 how many. '
'Names in order, numeric as text, times in UTC, a null left out.';
revoke execute on function stopward.journal_lines(regclass) from public;

create function stopward.require_journal_month(request jsonb)
returns text
language plpgsql
set search_path = ''
as $$
declare
    of_table constant text := request ->> 'table';
    of_month constant text := request ->> 'month';
begin
    if of_table is null or of_table not in (select t.name from stopward.journal_tables() as t) then
        perform stopward.refuse(
            'journal_table_unknown', format('table %s', coalesce(of_table, 'null')), 'decisions or market_views'
        );
    end if;
    if of_month is null or of_month !~ '^\d{4}-(0[1-9]|1[0-2])-01$' then
        perform stopward.refuse(
            'journal_month_unknown', format('month %s', coalesce(of_month, 'null')), 'its first day, as in 2024-01-01'
        );
    end if;
    return stopward.partition_name(of_table, of_month::date);
end
$$;
comment on function stopward.require_journal_month(jsonb) is
'The name of the partition that {table, month} asks for; refuse what is no month of the journal.';
revoke execute on function stopward.require_journal_month(jsonb) from public;

create function stopward.hold_journal_month(partition text, mode text)
returns regclass
language plpgsql
set search_path = ''
as $$
begin
    execute format('lock table stopward.%I in %s mode', partition, mode);
    return to_regclass(format('stopward.%I', partition));
exception
    when undefined_table then
        return null;
end
$$;
comment on function stopward.hold_journal_month(text, text) is
'Lock a month until the transaction ends; null when it is not here, or was dropped while we waited.';
revoke execute on function stopward.hold_journal_month(text, text) from public;

create table stopward.month_comparisons (
    table_name text not null,
    month date not null,
    relation oid not null,
    location text not null,
    blocks bytea not null default '',
    row_count bigint not null default 0,
    last_key jsonb,
    constraint month_comparisons_pkey primary key (table_name, month),
    constraint month_comparisons_table_known check (table_name in ('decisions', 'market_views')),
    constraint month_comparisons_rows_not_negative check (row_count >= 0)
);
comment on table stopward.month_comparisons is
'How far a frozen month is compared with its archive; the next call goes on from here, and its drop ends it.';
comment on column stopward.month_comparisons.month is 'First day of the month (UTC).';
comment on column stopward.month_comparisons.relation is 'The frozen table: another of its name is begun anew.';
comment on column stopward.month_comparisons.location is 'The archive: another one is begun anew.';
comment on column stopward.month_comparisons.blocks is 'SHA-256 of each 1,000 lines so far, one after the other.';
comment on column stopward.month_comparisons.row_count is 'Rows so far.';
comment on column stopward.month_comparisons.last_key is 'Key of the last of them; null before the first.';
alter table stopward.month_comparisons enable row level security;

create function stopward.digest_portion(
    of_relation regclass, most bigint, inout blocks bytea, inout rows bigint, inout last_key jsonb, out is_whole boolean
)
returns record
language plpgsql
set search_path = ''
set timezone = 'UTC'
set datestyle = 'ISO'
set extra_float_digits = 1
set bytea_output = 'hex'
as $$
declare
    lines constant text := format(
        'select string_agg(l.line || E''\n'', '''' order by l.place), count(*),'
        ' (array_agg(l.key order by l.place desc))[1] from (%s) as l',
        stopward.journal_lines(of_relation)
    );
    begun constant timestamptz := clock_timestamp();
    block text;
    found bigint;
    after jsonb;
    done bigint := 0;
begin
    is_whole := false;
    -- A slow machine does less in a call, but one block always.
    while done < most and clock_timestamp() < begun + interval '3 s' loop
        execute lines into block, found, after using last_key, 1000;
        if found > 0 then
            done := done + found;
            blocks := blocks || sha256(convert_to(block, 'UTF8'));
            last_key := after;
        end if;
        is_whole := found < 1000;
        exit when is_whole;
    end loop;
    rows := rows + done;
end
$$;
comment on function stopward.digest_portion(regclass, bigint, bytea, bigint, jsonb) is
'Digest the next rows of a month, whole blocks of 1,000 lines until `most` or three seconds are over; is_whole at its end.';
revoke execute on function stopward.digest_portion(regclass, bigint, bytea, bigint, jsonb) from public;

create function stopward.digest_journal_month(of_relation regclass, out rows bigint, out digest text)
returns record
language plpgsql
set search_path = ''
as $$
declare
    portion record;
begin
    select
        ''::bytea as blocks,
        0::bigint as rows,
        null::jsonb as last_key,
        false as is_whole
    into portion;
    while not portion.is_whole loop
        select * into portion
        from stopward.digest_portion(of_relation, 100000, portion.blocks, portion.rows, portion.last_key);
    end loop;
    rows := portion.rows;
    digest := encode(sha256(portion.blocks), 'hex');
end
$$;
comment on function stopward.digest_journal_month(regclass) is
'Count the rows, and digest them as an archive holds them: SHA-256 over the SHA-256 of each 1,000 lines. It takes a '
'second for each 30,000 rows or so.';
revoke execute on function stopward.digest_journal_month(regclass) from public;

create function stopward.why_month_stays(of_table text, of_month date)
returns text
language plpgsql stable
set search_path = ''
as $$
declare
    decisions constant text := stopward.partition_name('decisions', of_month);
    found text;
begin
    if of_table = 'market_views' then
        if to_regclass(format('stopward.%I', decisions)) is not null then
            return 'the decisions of this month are still here';
        end if;
        return null;
    end if;
    execute format(
        -- In two steps, lateral and limited, so that the open positions are looked up, and the month is not read.
        'with guarded as materialized ('
        'select p.account_id, p.id from stopward.positions as p where p.closed_at is null)'
        ' select p.id from guarded as p cross join lateral ('
        ' (select from stopward.%I as d where d.account_id = p.account_id and d.position_id = p.id limit 1)'
        ' union all (select from stopward.decision_runs as r where r.account_id = p.account_id'
        ' and r.position_id = p.id and r.tick_at >= %L and r.tick_at < %L limit 1)) as held'
        ' limit 1',
        decisions,
        stopward.month_start(of_month),
        stopward.month_start((of_month + interval '1 month')::date)
    ) into found;
    return 'position ' || found || ' is still open';
exception
    when undefined_table then
        return 'it is being dropped just now';
end
$$;
comment on function stopward.why_month_stays(text, date) is
'Why a month must stay, however old it is; null when it may go.';
revoke execute on function stopward.why_month_stays(text, date) from public;

create function api.list_archivable(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'list_archivable', request,
        '{
            "keep_months": "integer?", "today": "date?"
        }'
    );
    keep_months constant integer := request ->> 'keep_months';
    today constant date := coalesce((request ->> 'today')::date, (now() at time zone 'UTC')::date);
    first_kept date;
    version text;
    months jsonb;
begin
    if coalesce(keep_months, 0) not between 1 and 1200 then
        perform stopward.refuse(
            'list_archivable_request', format('keep_months %s', keep_months), 'allowed is 1 to 1200'
        );
    end if;
    -- What is not over cannot go, whatever day the caller thinks it is.
    first_kept := least(
        date_trunc('month', today) - make_interval(months => keep_months),
        date_trunc('month', now() at time zone 'UTC')
    )::date;
    if to_regclass('supabase_migrations.schema_migrations') is not null then
        execute 'select max(version) from supabase_migrations.schema_migrations' into version;
    end if;
    select coalesce(
        jsonb_agg(
            jsonb_build_object(
                'table', m.table_name,
                'month', m.month,
                'rows_estimate', m.rows_estimate,
                'bytes', m.bytes,
                'columns', stopward.journal_columns(r.relation),
                'key', stopward.journal_key(r.relation),
                'stays_because', case
                    when m.state = 'kept' then stopward.why_month_stays(m.table_name, m.month)
                end
            )
            order by m.month, m.table_name
        ),
        '[]'
    )
    into months
    from api.journal_months as m
    cross join lateral to_regclass(format('stopward.%I', m.partition_name)) as r (relation)
    where m.state in ('kept', 'detached') and m.month < first_kept and r.relation is not null;
    return jsonb_build_object('months', months, 'last_migration', version);
end
$$;
comment on function api.list_archivable(jsonb) is
'Months older than the last `keep_months` whole ones before today''s: {keep_months, today}. '
'Answers {months: [{table, month, rows_estimate, bytes, columns, key, stays_because}], last_migration}; '
'stays_because is null where the month may be archived and dropped.';
revoke execute on function api.list_archivable(jsonb) from public;
grant execute on function api.list_archivable(jsonb) to service_role, stopward_worker;

create function api.read_month(request jsonb)
returns json
language plpgsql
security definer
set search_path = ''
set timezone = 'UTC'
set datestyle = 'ISO'
set extra_float_digits = 1
set bytea_output = 'hex'
as $$
declare
    is_request constant boolean := stopward.require(
        'read_month', request,
        '{
            "table": "jsonb?", "month": "jsonb?", "after": "jsonb?", "limit": "integer?",
            "bytes": "integer?"
        }'
    );
    partition constant text := stopward.require_journal_month(request);
    after constant jsonb := nullif(request -> 'after', 'null');
    most_rows constant integer := coalesce((request ->> 'limit')::integer, 1000);
    most_bytes constant integer := coalesce((request ->> 'bytes')::integer, 4000000);
    relation regclass;
    answer json;
begin
    if
        most_rows not between 1 and 10000
        or most_bytes not between 1 and 50000000
        or (after is not null and jsonb_typeof(after) <> 'array')
    then
        perform stopward.refuse(
            'read_month_request',
            format('limit %s, bytes %s, after %s', most_rows, most_bytes, after),
            'allowed are 1 to 10000 rows, 1 to 50000000 bytes, and the key of the page before'
        );
    end if;
    relation := stopward.hold_journal_month(partition, 'access share');
    if relation is null then
        perform stopward.refuse('journal_month_unknown', format('%s is not here', partition));
    end if;
    -- One line always comes, however long it is.
    execute format(
        'with page as (%s),'
        ' measured as ('
        '  select p.*, sum(octet_length(p.line)) over (order by p.place) - octet_length(p.line) as before from page as p'
        ' ),'
        ' taken as (select m.* from measured as m where m.place = 1 or m.before + octet_length(m.line) <= $3)'
        ' select json_build_object('
        '  ''lines'', coalesce(json_agg(t.line order by t.place), ''[]''),'
        '  ''after'', case when count(*) = $2 or count(*) < (select count(*) from page)'
        '   then (array_agg(t.key order by t.place desc))[1] end)'
        ' from taken as t',
        stopward.journal_lines(relation)
    ) into answer using after, most_rows, most_bytes;
    return answer;
end
$$;
comment on function api.read_month(jsonb) is
'A page of a month of the journal in the order of its key: {table, month, after, limit, bytes}. '
'Answers {lines: [one row as JSON text], after}; after is null on the last page. No page is longer than `bytes`, '
'but for a single row.';
revoke execute on function api.read_month(jsonb) from public;
grant execute on function api.read_month(jsonb) to service_role, stopward_worker;

create function api.note_archive(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'note_archive', request,
        '{
            "table": "jsonb?", "month": "jsonb?", "digest": "prose?", "location": "prose?", "rows": "bigint?",
            "bytes": "bigint?", "sha256": "prose?", "format": "text?", "format_version": "integer?"
        }'
    );
    noted integer;
begin
    perform stopward.require_journal_month(request);
    insert into stopward.archives (
        table_name, month, digest, location, row_count, byte_count, sha256, object_format, format_version
    )
    values (
        request ->> 'table',
        (request ->> 'month')::date,
        request ->> 'digest',
        request ->> 'location',
        (request ->> 'rows')::bigint,
        (request ->> 'bytes')::bigint,
        request ->> 'sha256',
        coalesce(request ->> 'format', 'ndjson.gz'),
        coalesce((request ->> 'format_version')::integer, 1)
    )
    on conflict on constraint archives_pkey do nothing;
    get diagnostics noted = row_count;
    return jsonb_build_object('noted', noted = 1);
end
$$;
comment on function api.note_archive(jsonb) is
'Note an archive that was written and read back: {table, month, digest, location, rows, bytes, sha256, format, '
'format_version}. Noting it twice is noting it once.';
revoke execute on function api.note_archive(jsonb) from public;
grant execute on function api.note_archive(jsonb) to service_role, stopward_worker;

create function api.detach_month(request jsonb)
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
    perform stopward.lock_journal(this_table);
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
comment on function api.detach_month(jsonb) is
'Freeze an archived month before it is dropped: {table, month}. Answers {state: detached}, or gone. Refused while '
'it is not over, without an archive, while a position of it is open, and (journal_busy) while ticks hold the table.';
revoke execute on function api.detach_month(jsonb) from public;
grant execute on function api.detach_month(jsonb) to service_role, stopward_worker;

create function stopward.drop_frozen_table(of_relation regclass)
returns void
language plpgsql
set search_path = ''
set lock_timeout = '2s'
as $$
declare
    referred text;
begin
    -- Its foreign key has triggers on the table that it refers to.
    for referred in
        select distinct k.confrelid::regclass::text
        from pg_constraint as k
        where k.contype = 'f' and k.conrelid = of_relation
        order by 1
    loop
        execute format('lock table %s in access exclusive mode', referred);
    end loop;
    execute format('drop table %s', of_relation);
exception
    when lock_not_available then
        perform stopward.refuse(
            'journal_busy', format('what %s refers to was in use for longer than two seconds', of_relation),
            'nothing was dropped; try again, best outside of the session'
        );
end
$$;
comment on function stopward.drop_frozen_table(regclass) is
'Drop a detached month; refuse (journal_busy) rather than make a tick wait.';
revoke execute on function stopward.drop_frozen_table(regclass) from public;

create function api.drop_month(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
    is_request constant boolean := stopward.require(
        'drop_month', request, '{"table": "text", "month": "date", "location": "prose", "most": "bigint?"}'
    );
    partition constant text := stopward.require_journal_month(request);
    this_table constant text := request ->> 'table';
    this_month constant date := request ->> 'month';
    this_location constant text := request ->> 'location';
    most constant bigint := coalesce((request ->> 'most')::bigint, 50000);
    frozen regclass;
    so_far record;
    frozen_digest text;
begin
    if most < 1 then
        perform stopward.refuse('drop_month_request', format('drop_month: most was %s, allowed is 1 and more', most));
    end if;
    if (
        select c.relispartition from pg_class as c
        where c.relnamespace = 'stopward'::regnamespace and c.relname = partition
    ) then
        perform stopward.refuse(
            'journal_month_attached', format('%s takes rows still', partition), 'freeze it with api.detach_month first'
        );
    end if;
    -- Nobody may write a frozen month; this lock makes it so even for the owner. A second keeper waits, and finds
    -- that it is gone. A month that is frozen never becomes a partition again, so the look before was good.
    frozen := stopward.hold_journal_month(partition, 'access exclusive');
    if frozen is null then
        return jsonb_build_object('state', 'gone');
    end if;
    insert into stopward.month_comparisons as c (table_name, month, relation, location)
    values (this_table, this_month, frozen, this_location)
    on conflict on constraint month_comparisons_pkey do update
    set
        relation = excluded.relation,
        location = excluded.location,
        blocks = excluded.blocks,
        row_count = excluded.row_count,
        last_key = excluded.last_key
    where (c.relation, c.location) is distinct from (excluded.relation, excluded.location);
    select p.* into so_far
    from stopward.month_comparisons as c
    cross join lateral stopward.digest_portion(frozen, most, c.blocks, c.row_count, c.last_key) as p
    where c.table_name = this_table and c.month = this_month;
    if not so_far.is_whole then
        update stopward.month_comparisons
        set blocks = so_far.blocks, row_count = so_far.rows, last_key = so_far.last_key
        where table_name = this_table and month = this_month;
        return jsonb_build_object('state', 'comparing', 'rows', so_far.rows);
    end if;
    frozen_digest := encode(sha256(so_far.blocks), 'hex');
    -- One that was dropped before is good too: the same rows may come late a second time.
    if not exists (
        select from stopward.archives as a
        where
            a.table_name = this_table
            and a.month = this_month
            and a.digest = frozen_digest
            and a.row_count = so_far.rows
            and a.location = this_location
    ) then
        perform stopward.refuse(
            'archive_differs',
            format('%s has %s rows of digest %s, and %s holds no such archive', partition, so_far.rows, frozen_digest, this_location),
            'archive it anew: the month is frozen now'
        );
    end if;
    update stopward.archives
    set dropped_at = now()
    where
        table_name = this_table
        and month = this_month
        and digest = frozen_digest
        and location = this_location
        and dropped_at is null;
    delete from stopward.month_comparisons
    where table_name = this_table and month = this_month;
    perform stopward.drop_frozen_table(frozen);
    return jsonb_build_object('state', 'dropped', 'rows', so_far.rows);
end
$$;
comment on function api.drop_month(jsonb) is
'Compare a detached month with its archive, and drop it once the archive at that location holds exactly its rows: '
'{table, month, location, most}. One call looks at `most` rows (50,000 without), or for three seconds, and answers '
'{state: comparing, rows} while more are left: call again. Then {state: dropped, rows}, or {state: gone}. '
'Refuses with archive_differs, and drops nothing, when it does not.';
revoke execute on function api.drop_month(jsonb) from public;
grant execute on function api.drop_month(jsonb) to service_role, stopward_worker;
