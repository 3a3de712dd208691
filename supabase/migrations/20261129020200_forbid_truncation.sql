-- Why: what is written once stays, row by row; but the owner could still empty a table whole, and with cascade those that
--      refer to it. Every table whose rows are never deleted is never truncated either, nor is any month of one.
-- Lock: share row exclusive on each table for an instant. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

do $$
declare
    kept record;
begin
    for kept in
        -- Whichever trigger forbids a delete names the rule; a month has that of its table.
        select distinct on (t.oid)
            t.oid::regclass as relation,
            coalesce(p.relname, t.relname) as table_name,
            split_part(encode(g.tgargs, 'escape'), '\000', 1) as rule
        from pg_trigger as g
        inner join pg_class as t on g.tgrelid = t.oid
        left join pg_inherits as i on t.oid = i.inhrelid
        left join pg_class as p on i.inhparent = p.oid
        where
            t.relnamespace = 'stopward'::regnamespace
            and g.tgfoid = 'stopward.refuse_change()'::regprocedure
            -- Before, for each row, on delete.
            and (g.tgtype & 8) > 0
        order by t.oid, g.tgname
    loop
        execute format(
            'create trigger %I before truncate on %s for each statement execute function stopward.refuse_change(%L)',
            kept.table_name || '_never_truncated', kept.relation, kept.rule
        );
    end loop;
end
$$;
