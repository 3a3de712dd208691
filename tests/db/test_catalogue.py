"""What the catalogue must say of every table, function and view, now and after any migration."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

OURS = """
create temp view tables as
select t.* from pg_class as t
where t.relnamespace = 'stopward'::regnamespace and t.relkind in ('r', 'p');

create temp view functions as
select f.oid::regprocedure::text as name, f.*, f.pronamespace = 'api'::regnamespace as is_api
from pg_proc as f
where f.pronamespace in ('stopward'::regnamespace, 'api'::regnamespace);

create temp view relations as
select c.* from pg_class as c
where c.relkind in ('r', 'p', 'v')
    and c.relnamespace in ('stopward'::regnamespace, 'api'::regnamespace);

create temp view columns as
select
    t.relname || '.' || a.attname as name,
    format_type(coalesce(nullif(e.typelem, 0), a.atttypid), null) as type,
    e.oid is not null as is_list,
    a.attname = 'id' or a.attname like '%\\_id' as is_id,
    col_description(t.oid, a.attnum) as said
from tables as t
inner join pg_attribute as a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
left join pg_type as e on e.oid = a.atttypid and e.typcategory = 'A'
where not t.relispartition;

create temp view policies as
select p.tablename || '.' || p.policyname as name, p.* from pg_policies as p
where p.schemaname in ('stopward', 'api');
"""

FAULTS = {
    # What the clock of the database alone writes is apart.
    "a time of a caller that may be infinite, or of any year": """
        select t.relname || '.' || a.attname from tables as t
        inner join pg_attribute as a on a.attrelid = t.oid
        where a.atttypid = 'timestamptz'::regtype and not a.attisdropped and not t.relispartition
            and not exists (
                select from pg_attrdef as d
                where d.adrelid = t.oid and d.adnum = a.attnum
                    and pg_get_expr(d.adbin, d.adrelid) = 'now()'
            )
            and t.relname || '.' || a.attname <> all (array[
                'archives.dropped_at', 'channels.held_until', 'notifications.read_at',
                'outbox.failed_at',
                'outbox.settled_at', 'position_exits.attributed_at',
                'session_disagreements.cleared_at', 'training_requests.started_at',
                'training_requests.claimed_until', 'training_requests.finished_at'
            ])
            and not exists (
                select from pg_constraint as c
                where c.conrelid = t.oid and c.contype = 'c'
                    and c.conname = t.relname || '_times_plausible'
                    and pg_get_constraintdef(c.oid)
                    ~ ('\\(' || a.attname || ' >= .2000-.*' || a.attname || ' <= .2[12]00-')
            )
        """,
    "a table without row level security": "select relname from tables where not relrowsecurity",
    "a table that people may read has no policy": """
        select relname from tables as t
        where has_table_privilege('authenticated', t.oid, 'select')
            and not exists (select from pg_policy as p where p.polrelid = t.oid)
        """,
    "anon sees a relation": """
        select relname from relations as c where has_table_privilege('anon', c.oid, 'select')
        """,
    "anon may use a schema": """
        select nspname from pg_namespace
        where nspname in ('stopward', 'api') and has_schema_privilege('anon', oid, 'usage')
        """,
    "a function without a pinned search path": """
        select name from functions
        where not coalesce(proconfig @> array['search_path=""'], false)
        """,
    "a function of api that runs as its caller, or one outside that runs as its owner": """
        select name from functions where prosecdef <> is_api
        """,
    "a function of api that does not take one jsonb and answer json": """
        select name from functions
        where is_api and (
            pronargs <> 1 or proargtypes[0] <> 'jsonb'::regtype
            or prorettype not in ('jsonb'::regtype, 'json'::regtype)
        )
        """,
    "a view with the rights of its owner": """
        select relname from relations
        where relkind = 'v' and not coalesce(reloptions @> array['security_invoker=true'], false)
        """,
    "a foreign key without an index": """
        select k.conname from pg_constraint as k
        where k.contype = 'f' and k.connamespace = 'stopward'::regnamespace
            and not exists (
                select from pg_index as i
                where i.indrelid = k.conrelid and i.indpred is null
                    and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
            )
        """,
    "a constraint that is not named after its table and its rule": """
        select k.conname from pg_constraint as k join tables as t on t.oid = k.conrelid
        where k.contype in ('c', 'u', 'p', 'f', 'x') and not t.relispartition
            and (
                not starts_with(k.conname, t.relname || '_')
                or k.conname ~ '_(check|key|excl)[0-9]*$'
            )
        """,
    "a table or view without a comment": """
        select relname from relations where obj_description(oid, 'pg_class') is null
        """,
    "a function without a comment": """
        select name from functions where obj_description(oid, 'pg_proc') is null
        """,
    "a policy that is not named after its table, what it allows and whom": """
        select name from policies
        where policyname !~ ('^' || tablename || '_select_(member|worker|self|all)$')
        """,
    "a policy that lets write, or lets everybody": """
        select name from policies
        where cmd <> 'SELECT' or permissive <> 'PERMISSIVE'
            or not roles <@ '{authenticated, stopward_worker}'
        """,
    # Asked bare, or inside "in (select ...)", it is asked for every row of the table.
    "a policy that reads a table whole": """
        select name from policies
        where policyname like '%\\_member'
            and qual !~ '^\\((account_)?id = ANY \\(ARRAY\\( SELECT m\\.account_id'
            or qual ~ 'auth\\.uid' and qual !~ '\\( SELECT auth\\.uid\\(\\) AS uid\\)'
        """,
    "a sequence that others may use": """
        select c.relname from pg_class as c
        cross join unnest('{anon, authenticated, service_role, stopward_worker}'::text[]) as r
        where c.relkind = 'S' and c.relnamespace = 'stopward'::regnamespace
            and has_sequence_privilege(r, c.oid, 'usage, select, update')
        """,
    # Amounts, counts, shares of something, places in an order. R is a unit, r is none.
    "a number without a comment that gives its unit": """
        select name from columns
        where type = any('{numeric,double precision,real,smallint,integer,bigint,interval}')
            and not is_id
            and (
                said is null
                or said !~ '\\mR\\M' and said !~*
                '\\m(shares?|dollars|nats|bytes|bits|units?|probabilit(y|ies)|area|slope'
                '|days|minutes|seconds|milliseconds|pulses|times|from 1|0 to 1'
                '|trades|exits|fills|moves|orders|attempts|claims|steps|requests|number'
                '|predictions|vetoes|signals|rows|vectors|resolved|won|place|version|token)\\M'
            )
        """,
    "a list without a comment that says of what": """
        select name from columns where is_list and said is null
        """,
    "a time without a comment that gives its zone": """
        select name from columns
        where type = 'timestamp with time zone' and (said is null or said !~ '\\mUTC\\M')
        """,
    "a date without a comment that says whose": """
        select name from columns
        where type = 'date'
            and (said is null or said !~* '\\m(at|of) the exchange\\M|\\mUTC\\M|\\mNew York\\M')
        """,
}


@pytest.fixture(scope="module")
def catalogue(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(OURS)
        yield connection


def names(catalogue: psycopg.Connection[Any], statement: str, *values: str) -> list[str]:
    return [row[0] for row in catalogue.execute(statement.encode(), values or None).fetchall()]


def test_there_is_something_to_look_at(catalogue: psycopg.Connection[Any]) -> None:
    assert len(names(catalogue, "select relname from tables")) >= 20
    assert len(names(catalogue, "select name from functions")) >= 30
    assert len(names(catalogue, "select relname from relations where relkind = 'v'")) >= 7


@pytest.mark.parametrize("fault", FAULTS)
def test_nowhere_is(catalogue: psycopg.Connection[Any], fault: str) -> None:
    assert names(catalogue, FAULTS[fault]) == []


def test_a_fault_would_be_found(catalogue: psycopg.Connection[Any]) -> None:
    catalogue.execute("begin")
    catalogue.execute(
        "create table stopward.careless ("
        "amount numeric check (amount > 0), many int[], at timestamptz, day date)"
    )
    catalogue.execute("grant select on stopward.careless to anon, authenticated")
    catalogue.execute(
        "alter table stopward.careless add owner text references stopward.accounts (id)"
    )
    catalogue.execute("create function api.careless() returns int language sql as 'select 1'")
    catalogue.execute("create view api.careless as select 1 as one")
    catalogue.execute("create sequence stopward.careless_seq")
    catalogue.execute("grant usage on sequence stopward.careless_seq to service_role")
    catalogue.execute("create policy mine_member on stopward.leases using (auth.uid() is null)")
    found = {fault for fault, statement in FAULTS.items() if names(catalogue, statement)}
    catalogue.execute("rollback")
    assert found == set(FAULTS) - {"anon may use a schema"}


@pytest.mark.parametrize(
    "role", ["anon", "authenticated", "service_role", "stopward_worker", "authenticator"]
)
def test_nobody_else_makes_anything_in_a_schema(
    catalogue: psycopg.Connection[Any], role: str
) -> None:
    found = names(
        catalogue,
        "select nspname from pg_namespace where nspname in ('stopward', 'api', 'public')"
        " and has_schema_privilege(%s, oid, 'create')",
        role,
    )
    assert found == []


@pytest.mark.parametrize("schema", ["stopward", "api", "public"])
def test_what_is_made_tomorrow_is_closed_until_it_is_granted(
    catalogue: psycopg.Connection[Any], schema: str
) -> None:
    catalogue.execute("begin")
    catalogue.execute(f"create function {schema}.new() returns int language sql as 'select 1'")
    catalogue.execute(f"create table {schema}.new (id int)")
    catalogue.execute(f"create view {schema}.newer as select 1 as one")
    found = names(
        catalogue,
        "select r from unnest('{public, anon, authenticated, service_role, stopward_worker}'"
        "::text[]) as r where has_function_privilege(r, %s, 'execute')"
        " or has_table_privilege(r, %s, 'select') or has_table_privilege(r, %s, 'select')",
        f"{schema}.new()",
        f"{schema}.new",
        f"{schema}.newer",
    )
    catalogue.execute("rollback")
    assert found == []


@pytest.mark.parametrize(
    "role", ["anon", "authenticated", "service_role", "stopward_worker", "authenticator", "public"]
)
def test_nobody_but_the_owner_may_write_a_table(
    catalogue: psycopg.Connection[Any], role: str
) -> None:
    writes = "insert, update, delete, truncate, references, trigger"
    found = names(
        catalogue,
        "select relname from tables where has_table_privilege(%s, oid, %s)",
        role,
        writes,
    )
    assert found == []


@pytest.mark.parametrize("role", ["authenticated", "service_role", "stopward_worker"])
def test_partitions_are_read_through_their_table_only(
    catalogue: psycopg.Connection[Any], role: str
) -> None:
    found = names(
        catalogue,
        "select relname from tables"
        " where relispartition and has_table_privilege(%s, oid, 'select')",
        role,
    )
    assert found == []


@pytest.mark.parametrize("role", ["public", "anon", "authenticated"])
def test_no_function_is_open_to_people(catalogue: psycopg.Connection[Any], role: str) -> None:
    found = names(
        catalogue,
        "select name from functions where has_function_privilege(%s, oid, 'execute')",
        role,
    )
    assert found == []


@pytest.mark.parametrize("role", ["service_role", "stopward_worker"])
def test_the_guard_may_execute_all_of_api_and_nothing_else(
    catalogue: psycopg.Connection[Any], role: str
) -> None:
    found = names(
        catalogue,
        "select name from functions where has_function_privilege(%s, oid, 'execute') <> is_api",
        role,
    )
    assert found == []
