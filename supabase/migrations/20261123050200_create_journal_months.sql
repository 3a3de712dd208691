-- Why: people ask which months of the journal are here, and where the others went; retention reads the same.
-- Lock: none. Phase: before deploy.

create view api.journal_months with (security_invoker = true) as
with partitions as (
    select
        substring(c.relname from '^(decisions|market_views)') as table_name,
        make_date(
            substring(c.relname from '(\d{4})_\d{2}$')::integer,
            substring(c.relname from '(\d{2})$')::integer,
            1
        ) as month,
        c.relname::text as partition_name,
        c.relispartition,
        -- Minus one says that nobody counted yet.
        nullif(c.reltuples, -1)::bigint as rows_estimate,
        pg_total_relation_size(c.oid) as bytes
    from pg_class as c
    where
        c.relnamespace = 'stopward'::regnamespace
        and c.relkind = 'r'
        and c.relname ~ '^(decisions|market_views)_(\d{4}_(0[1-9]|1[0-2])|default)$'
),

archived as (
    select distinct on (a.table_name, a.month)
        a.table_name,
        a.month,
        a.row_count,
        a.location,
        a.archived_at,
        a.dropped_at
    from stopward.archives as a
    order by a.table_name asc, a.month asc, a.archived_at desc
)

select
    coalesce(p.table_name, a.table_name) as table_name,
    coalesce(p.month, a.month) as month,
    p.partition_name,
    case
        when p.table_name is null and a.dropped_at is not null then 'dropped'
        when p.table_name is null then 'lost'
        when p.month is null then 'default'
        when not p.relispartition then 'detached'
        when p.month > (now() at time zone 'UTC')::date then 'ahead'
        else 'kept'
    end as state,
    case when p.table_name is null then a.row_count else p.rows_estimate end as rows_estimate,
    p.bytes,
    a.archived_at,
    a.dropped_at,
    a.location
from partitions as p
full outer join archived as a on p.table_name = a.table_name and p.month = a.month;
comment on view api.journal_months is
'Which months of the journal are in the database, which are made ahead, and where the dropped ones are archived. '
'A month in state detached is on its way out: frozen, not yet dropped; default holds rows of months without a partition.';

grant select on api.journal_months to service_role, stopward_worker;
