-- Why: "account_id in (select ...)" in a policy is a filter on every row; "= any (array(select ...))" is looked up
--      once and then finds the rows by index. Every policy that lets a member read says it so from here on, and
--      tests/db/test_catalogue.py holds later ones to it.
-- Lock: access exclusive on each table for an instant. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

do $$
declare
    found record;
begin
    for found in
        select
            p.schemaname,
            p.tablename,
            p.policyname,
            case p.tablename when 'accounts' then 'id' else 'account_id' end as owner
        from pg_catalog.pg_policies as p
        where p.schemaname = 'stopward' and p.policyname = p.tablename || '_select_member'
    loop
        execute format(
            'alter policy %I on %I.%I using (%I = any (array('
            'select m.account_id from stopward.members as m where m.user_id = (select auth.uid()))))',
            found.policyname, found.schemaname, found.tablename, found.owner
        );
    end loop;
end
$$;

-- Functions that are made from here on are closed until they are granted by name. It cannot be said of a schema alone:
-- it holds for every function that the migrating role makes in this database.
alter default privileges revoke execute on functions from public;
