"""A database URL is refused early, with the remedy, and never repeated."""

import traceback

import pytest

from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.postgres_url import read_database_url
from stopward.bootstrap import minute_guard
from stopward.errors import InvalidInput

REMOTE = "postgresql://postgres:open-sesame@db.example.com:5432/postgres"


@pytest.fixture(autouse=True)
def no_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres:x@127.0.0.1:5432/postgres",
        "postgresql://postgres:x@localhost/postgres",
        "postgres://postgres@[::1]:5432/postgres",
        "postgresql:///postgres",
        "postgresql://postgres@/postgres?host=/var/run/postgresql",
        "postgresql://postgres@%2Fvar%2Frun%2Fpostgresql/postgres",
        "host=127.0.0.2 dbname=postgres",
        f"{REMOTE}?sslmode=require",
        f"{REMOTE}?connect_timeout=3&sslmode=verify-ca",
        f"{REMOTE}?sslmode=verify-full&sslrootcert=system",
    ],
)
def test_this_machine_needs_no_tls_and_another_one_has_it(url: str) -> None:
    assert read_database_url(url).text == url


@pytest.mark.parametrize(
    "url",
    [
        REMOTE,
        f"{REMOTE}?sslmode=prefer",
        f"{REMOTE}?sslmode=allow",
        f"{REMOTE}?sslmode=disable",
        "host=db.example.com dbname=postgres",
        "postgresql://u:open-sesame@127.0.0.1,db.example.com/d",
        "postgresql://u:open-sesame@localhost/d?hostaddr=10.0.0.5",
        "postgresql://u:open-sesame@10.0.0.5/d",
        "service=production",
    ],
)
def test_another_machine_without_tls_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"add \?sslmode=require") as caught:
        read_database_url(url)
    assert "open-sesame" not in str(caught.value)
    assert "example" not in str(caught.value)


def test_the_environment_cannot_lead_a_url_without_a_host_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGHOST", "db.example.com")
    with pytest.raises(InvalidInput, match=r"sslmode"):
        read_database_url("postgresql:///postgres")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:pa%ssw0rd@127.0.0.1/d",
        "postgresql://u:pa@ssw0rd@127.0.0.1/d",
        "postgresql://u:pa/ssw0rd@127.0.0.1/d",
        "postgresql://u:12/ssw0rd@127.0.0.1/d?sslmode=require",
        "postgresql://u:pa ssw0rd@[127.0.0.1/d",
        "u:pa-ssw0rd@127.0.0.1",
        "postgresql://u@127.0.0.1:70000/ssw0rd",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_a_word_of_it(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"percent-encode") as caught:
        read_database_url(url)
    printed = "".join(traceback.format_exception(caught.value))
    assert "ssw0rd" not in printed


def test_the_words_of_libpq_lose_every_spelling_of_the_password() -> None:
    url = read_database_url("postgresql://u:p%40ss%20word@127.0.0.1/d?sslpassword=other")
    words = f'could not use "p@ss word", p%40ss%20word, other or {url.text}'
    assert url.scrub(words) == 'could not use "***", ***, *** or ***'
    assert "word" not in repr(url)


def test_a_database_is_refused_when_it_is_made_not_when_it_is_used() -> None:
    with pytest.raises(InvalidInput, match=r"leads to another machine"):
        PostgresDatabase(REMOTE)


def test_a_function_refuses_a_database_without_tls_at_its_start() -> None:
    environment = {
        "STOPWARD_ACCOUNT_ID": "main",
        "STOPWARD_DATABASE_URL": REMOTE,
        "STOPWARD_BROKER_KEY_ID": "key",
        "STOPWARD_BROKER_SECRET_KEY": "secret",
    }
    with pytest.raises(InvalidInput, match=r"add \?sslmode=require"):
        minute_guard(
            source="monitor_positions", on_failure=lambda *_: None, environment=environment
        )
