"""What the screen reads, on a real database: over all days of a run."""

from collections.abc import Iterator

import psycopg
import pytest

from stopward.adapters.administration import Administration
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.identity import AccountId
from stopward.errors import DatabaseRejected, DatabaseUnavailable, InvalidInput
from stopward.local.screen.queries import COUNTS
from stopward.local.screen.reader import AccountReader

ACCOUNT = AccountId("screen")
GAPS = """
insert into stopward.protection_gaps (account_id, symbol, tick_at, phase, seconds) values
('screen', 'AAPL', '2024-03-05T15:00:00Z', 'record', 1.5),
('screen', 'AAPL', '2024-03-06T15:00:00Z', 'record', 2),
('screen', 'MSFT', '2024-03-08T15:00:00Z', 'acknowledge', 4)
"""


@pytest.fixture
def reader(database_url: str) -> Iterator[AccountReader]:
    connection = PostgresDatabase(database_url)
    Administration(connection).open_account(ACCOUNT, name="Screen")
    connection.close()
    found = AccountReader(database_url, account_id=ACCOUNT)
    yield found
    found.close()


def test_seconds_without_protection_are_those_of_every_day(
    reader: AccountReader, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(GAPS)
    assert float(reader.rows(COUNTS)[0]["unprotected_seconds"]) == 7.5


def test_it_reads_with_the_rights_of_the_guard_and_no_more(reader: AccountReader) -> None:
    assert reader.rows("select current_user as who") == [{"who": "stopward_worker"}]
    with pytest.raises(DatabaseRejected) as refused:
        reader.rows("delete from stopward.accounts returning id")
    assert refused.value.rule == "42501"


def test_a_url_that_leads_away_without_tls_is_refused_without_its_password() -> None:
    with pytest.raises(InvalidInput, match="sslmode=require") as refused:
        AccountReader("postgresql://me:hush@db.example.com/x", account_id=ACCOUNT)
    assert "hush" not in str(refused.value)
    with pytest.raises(DatabaseUnavailable) as failed:
        AccountReader("postgresql://me:hush@127.0.0.1:1/x", account_id=ACCOUNT)
    assert "hush" not in str(failed.value)
    assert failed.value.__cause__ is None


def test_a_statement_that_is_cut_off_is_no_answer(reader: AccountReader) -> None:
    reader.rows("select set_config('statement_timeout', '5', false)")
    with pytest.raises(DatabaseUnavailable):
        reader.rows("select pg_sleep(1)")
