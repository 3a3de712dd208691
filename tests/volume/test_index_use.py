"""No query of the product reads a large table whole: a million decisions, 100,000 trades.

Nobody keeps a list of the queries: the functions come from the catalogue (by REQUESTS, whose own
test holds it complete), the examples from docs/queries, the rest from the source.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import an_owner, copy_of
from tests.builders.looks import MEMBER, Looks, names, undone, works
from tests.builders.plans import Plans
from tests.builders.product_queries import product_queries
from tests.builders.volume import LARGE, OPEN_POSITIONS, SMALL, Volume, example_of, fill
from tests.docs.database_document import queries

# The filling takes a minute, and minutes where others work on the same machine.
pytestmark = pytest.mark.timeout(900)

WHOLE: Mapping[str, str] = {
    "example session_calendar": "the calendar of 28 years, 7,000 days that do not grow",
    "example trade_journal__given_back": "it sorts the month that it asks about",
    "function forget_import": "it deletes what was imported from a source, here half of all rows",
    "function mark_training_due": "a nightly proof that the counter of trades counts right",
    "function read_training_rows": "once a training it counts what was imported, here half of all",
    "script trade_journal total": "it asks for the exact count of all that match, to show how",
    "product local/screen/queries.py RULES": "`stopward up` sums the session that it played, once",
    "product local/screen/queries.py COUNTS": "the same",
    "product local/screen/queries.py GUARDED": "the same",
}
"""What is meant to read more than it shows, and why; by the start of the look's name."""

NO_ROWS: Mapping[str, str] = {}
"""What has nothing to tell here, and why; by the start of the look's name."""

UNUSED: Mapping[str, str] = {}
"""Indexes that no plan shows, and why they stay."""

FEW: int = 1_000
"""A table that grows with trading has more rows than this in the fill."""
STILL: Mapping[str, str] = {
    "accounts": "one a person",
    "archives": "one a month of the journal",
    "channel_addresses": "one a channel",
    "channels": "a few an account",
    "edge_webhook": "one row",
    "feature_schemas": "one a change of the registry",
    "month_comparisons": "one a month that is being compared",
    "leases": "one an account",
    "members": "a few an account",
    "model_aliases": "two a kind of model",
    "session_disagreements": "a day on which calendars disagree is rare",
    "symbol_tags": "a few a symbol, put by hand",
    "training_plans": "one an account",
}
"""Tables that do not grow with the trading, and why."""
INDEXES = """
select i.relname, t.relname, k.conname
from pg_index as x
join pg_class as i on i.oid = x.indexrelid
join pg_class as t on t.oid = x.indrelid
left join pg_constraint as k
    on k.conrelid = t.oid and k.contype = 'f'
    and k.conkey <@ (x.indkey::smallint[])[0:cardinality(k.conkey) - 1]
where t.relnamespace = 'stopward'::regnamespace and not t.relispartition and not x.indisunique
order by i.relname
"""
PARENTS = """
select child.relname, parent.relname
from pg_inherits as h
join pg_class as child on child.oid = h.inhrelid
join pg_class as parent on parent.oid = h.inhparent
where child.relkind = 'i'
"""


@pytest.fixture(scope="module")
def connection(
    postgres_server: EmbeddedPostgres, template_database: str
) -> Iterator[psycopg.Connection[Any]]:
    with (
        copy_of(postgres_server, template_database, "volume") as url,
        psycopg.connect(url, autocommit=True) as found,
    ):
        fill(found, Volume())
        for account in (LARGE, SMALL):
            an_owner(found, account_id=account)
        found.execute(
            "insert into stopward.members (account_id, user_id) values (%s, %s)", (SMALL, MEMBER)
        )
        yield found


@pytest.fixture(scope="module")
def looks(connection: psycopg.Connection[Any]) -> Looks:
    return Looks(connection)


def reason(name: str, reasons: Mapping[str, str]) -> str | None:
    return next((why for start, why in reasons.items() if name.startswith(start + " ")), None)


def test_there_is_as_much_as_is_claimed(connection: psycopg.Connection[Any]) -> None:
    found = connection.execute(
        "select (select count(*) from stopward.decisions), (select count(*) from stopward.trades)"
    ).fetchone()
    assert found is not None
    assert found[0] >= 1_000_000
    assert found[1] >= 100_000


def test_every_table_that_grows_is_filled(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute(
        "select c.relname, coalesce(nullif(sum(p.reltuples), 0), c.reltuples) from pg_class as c"
        " left join pg_inherits as h on h.inhparent = c.oid"
        " left join pg_class as p on p.oid = h.inhrelid"
        " where c.relnamespace = 'stopward'::regnamespace and c.relkind in ('r', 'p')"
        " and not c.relispartition group by c.relname, c.reltuples"
    ).fetchall()
    still = {name for name, found in rows if found < FEW}
    assert still == set(STILL), "fill it in tests/builders/volume_*.py, or say why it stays small"


@pytest.mark.parametrize("name", [name for name in works() if not name.startswith("member")])
def test_it_reads_no_large_table_whole_nor_much_for_little(looks: Looks, name: str) -> None:
    found = looks.at(name)
    if reason(name, NO_ROWS) is None:
        assert found.rows > 0
    if reason(name, WHOLE) is None:
        assert found.scans == ()


@pytest.mark.parametrize("name", names("member"))
def test_a_member_reads_the_rows_of_one_account_only(looks: Looks, name: str) -> None:
    found = looks.at(name)
    if reason(name, NO_ROWS) is None:
        assert found.rows > 0
    if reason(name, WHOLE) is None:
        assert found.scans == ()


@pytest.mark.parametrize("account_id", [LARGE, SMALL])
def test_a_tick_reads_no_history_however_long_its_connection_lives(
    looks: Looks, account_id: str
) -> None:
    work = works()[f"tick whole {account_id}"]
    # From the sixth call on PostgreSQL may keep one plan for all accounts.
    found = [looks.of(work) for _ in range(8)]
    assert [look.scans for look in found if look.scans] == []
    assert found[-1].rows == OPEN_POSITIONS + 1


def test_what_is_excused_still_needs_it(looks: Looks) -> None:
    for name in works():
        looks.at(name)
    said = [(name, looks.at(name)) for name in works()]
    needless = [
        start
        for start in WHOLE
        if not any(found.scans for name, found in said if name.startswith(start + " "))
    ]
    filled = [
        start
        for start in NO_ROWS
        if not any(found.rows == 0 for name, found in said if name.startswith(start + " "))
    ]
    assert (needless, filled) == ([], [])


def test_every_index_is_used_by_something(
    connection: psycopg.Connection[Any], looks: Looks
) -> None:
    parents = dict(connection.execute(PARENTS.encode()).fetchall())
    used = {parents.get(index, index) for name in works() for index in looks.at(name).indexes}
    idle = {
        index
        for index, _, foreign_key in connection.execute(INDEXES.encode()).fetchall()
        if index not in used and foreign_key is None
    }
    assert idle == set(UNUSED), "an index that nothing reads costs every write: take it out"


def test_a_scan_and_an_aggregate_would_be_found(connection: psycopg.Connection[Any]) -> None:
    plans = Plans(connection)
    with undone(connection), plans.of() as made:
        connection.execute("select max(result_r) from stopward.trades where cause = 'x'")
        connection.execute("set local enable_seqscan = off")
        connection.execute(
            "select count(*) from stopward.orders where account_id = %s and reason = 'x'", (LARGE,)
        )
        connection.execute(
            "select sum(seconds) from stopward.protection_gaps where account_id = %s", (LARGE,)
        )
    assert {scan.relation for scan in plans.scans(made)} == {"trades", "orders", "protection_gaps"}


def test_what_the_code_asks_is_found_in_its_source() -> None:
    found = product_queries()
    assert len(found) >= 15
    assert any("local/account_reading.py" in name for name in found)


def test_a_query_that_would_ask_for_another_account_is_refused() -> None:
    with pytest.raises(ValueError, match="could not be put"):
        example_of("select 1 from api.trade_journal where account_id = $1", LARGE)
    bound = [query for query in queries() if "account_id =" in query.code]
    assert len(bound) > 30
    assert all(f"'{LARGE}'" in example_of(query.code, LARGE) for query in bound)
