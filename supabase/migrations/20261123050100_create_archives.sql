-- Why: which months of the journal were archived, where, and with what content, before they are dropped.
--      What goes and what stays: only whole months of decisions and market_views are ever dropped, each after
--      its archive was read back. Orders, order_events, observations, trades, positions, protection_gaps and
--      settings_versions are kept for ever: they tell what was done with money, they are what models learn from, and
--      they are small (about five rows a position). Alarms are kept too: a lasting fault is one row.
-- Lock: none. Phase: before deploy.

create table stopward.archives (
    table_name text not null,
    month date not null,
    digest text not null,
    location text not null,
    row_count bigint not null,
    byte_count bigint not null,
    sha256 text not null,
    object_format text not null,
    format_version integer not null,
    archived_at timestamptz not null default now(),
    dropped_at timestamptz,
    constraint archives_pkey primary key (table_name, month, digest, location),
    constraint archives_table_known check (table_name in ('decisions', 'market_views')),
    constraint archives_month_is_first_day check (extract(day from month) = 1),
    constraint archives_digest_is_sha256 check (digest ~ '^[0-9a-f]{64}$' and sha256 ~ '^[0-9a-f]{64}$'),
    constraint archives_location_not_empty check (location <> ''),
    constraint archives_counts_not_negative check (row_count >= 0 and byte_count >= 0),
    constraint archives_format_known check (object_format = 'ndjson.gz' and format_version = 1)
);
comment on table stopward.archives is
'One archived month of the journal at one place; a month that grew afterwards has another archive.';
comment on column stopward.archives.month is 'First day of the month (UTC).';
comment on column stopward.archives.digest is
'Of the rows in the order of their key: SHA-256, in hex, over the SHA-256 of each 1,000 lines.';
comment on column stopward.archives.location is 'Where the object lies: s3://bucket/key, or file:///path.';
comment on column stopward.archives.row_count is 'Rows in it.';
comment on column stopward.archives.byte_count is 'Size of the object, in bytes.';
comment on column stopward.archives.sha256 is 'Of the object as it lies there, in hex.';
comment on column stopward.archives.archived_at is 'When it was read back and noted (UTC).';
comment on column stopward.archives.dropped_at is
'When the month was dropped from the database on the strength of this archive (UTC); null before.';
alter table stopward.archives enable row level security;

create trigger archives_append_only
before update on stopward.archives
for each row when (
    old.dropped_at is not null
    or new.dropped_at is null
    or (
        old.table_name, old.month, old.digest, old.location, old.row_count, old.byte_count, old.sha256,
        old.object_format, old.format_version, old.archived_at
    ) is distinct from (
        new.table_name, new.month, new.digest, new.location, new.row_count, new.byte_count, new.sha256,
        new.object_format, new.format_version, new.archived_at
    )
)
execute function stopward.refuse_change('archives_append_only');

create trigger archives_never_deleted
before delete on stopward.archives
for each row execute function stopward.refuse_change('archives_append_only');

-- It names buckets and folders, of all accounts: nobody who merely signed in needs that.
create policy archives_select_worker on stopward.archives
for select to stopward_worker
using (true);

grant select on stopward.archives to service_role, stopward_worker;
