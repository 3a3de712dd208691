-- Why: the list of old months read positions and then months by name, in no order that keepers keep, and met one that
--      had locked some of these months and wanted the others: a deadlock. A drop, which holds its month for as long as it
--      compares, could meet the list in the same way. Whoever looks at months by name is the keeper now.
-- Lock: when called, the keeper's; no tick waits for it. Phase: before deploy.

create or replace function api.list_archivable(request jsonb)
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
    -- It names months, which come and go.
    perform stopward.be_the_keeper();
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

create or replace function api.drop_month(request jsonb)
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
    perform stopward.be_the_keeper();
    if (
        select c.relispartition from pg_class as c
        where c.relnamespace = 'stopward'::regnamespace and c.relname = partition
    ) then
        perform stopward.refuse(
            'journal_month_attached', format('%s takes rows still', partition), 'freeze it with api.detach_month first'
        );
    end if;
    -- Nobody may write a frozen month; this lock makes it so even for the owner. A month that is frozen never
    -- becomes a partition again, so the look before was good.
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
