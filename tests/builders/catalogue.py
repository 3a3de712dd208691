"""What a migrated database is made of, as rows that two databases can be compared by."""

CATALOGUE = """
select 'column', c.table_schema || '.' || c.table_name || '.' || c.column_name,
    c.data_type || ' ' || c.is_nullable || ' ' || coalesce(c.column_default, '')
from information_schema.columns as c where c.table_schema in ('stopward', 'api')
union all
select 'constraint', r.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
from pg_constraint as k join pg_class as r on r.oid = k.conrelid
where r.relnamespace::regnamespace::text in ('stopward', 'api')
union all
select 'index', i.indexname, i.indexdef from pg_indexes as i where i.schemaname = 'stopward'
union all
select 'function', p.oid::regprocedure::text,
    pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '')
from pg_proc as p where p.pronamespace::regnamespace::text in ('stopward', 'api')
union all
select 'trigger', r.relname || '.' || t.tgname, pg_get_triggerdef(t.oid)
from pg_trigger as t join pg_class as r on r.oid = t.tgrelid
where not t.tgisinternal and r.relnamespace::regnamespace::text = 'stopward'
union all
select 'policy', p.tablename || '.' || p.policyname, p.roles::text || p.cmd || p.qual
from pg_policies as p where p.schemaname = 'stopward'
union all
select 'view', v.viewname, v.definition from pg_views as v where v.schemaname = 'api'
union all
select 'relation', r.relname, r.relrowsecurity || coalesce(r.relacl::text, '')
    || coalesce(r.reloptions::text, '') || coalesce(obj_description(r.oid, 'pg_class'), '')
from pg_class as r where r.relnamespace::regnamespace::text in ('stopward', 'api')
order by 1, 2, 3
"""
"""Kind, name and definition, in order; grants, row security and comments of relations too."""
