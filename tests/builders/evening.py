"""What a function of the evening finds: a database with an account, a broker over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stopward.local.simulator import KEY, SECRET
from tests.builders.lambda_function import load_app
from tests.builders.store_world import PostgresWorld


@contextmanager
def an_evening(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresWorld]:
    """Yield an account in the database at a URL, with the environment that its function has."""
    found = PostgresWorld(url)
    monkeypatch.setenv("STOPWARD_ACCOUNT_ID", found.account_id)
    monkeypatch.setenv("STOPWARD_DATABASE_URL", url)
    monkeypatch.setenv("STOPWARD_BROKER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("STOPWARD_BROKER_KEY_ID", KEY)
    monkeypatch.setenv("STOPWARD_BROKER_SECRET_KEY", SECRET)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "stopward")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Stopward")
    yield found
    found.close()


def called(folder: str, wired: str, event: object, context: object) -> dict[str, int]:
    """Return what a function in functions/ counts; wired: its name for what holds the book."""
    app = load_app(folder)
    try:
        counts: dict[str, int] = app.handler(event, context)
    finally:
        getattr(app, wired).book._functions.close()
    return counts
