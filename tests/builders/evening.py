"""What a function of the evening or the night finds: a database with an account, a broker."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stopward.local.simulator import KEY, SECRET
from tests.builders.lambda_function import load_app
from tests.builders.models import ModelWorld
from tests.builders.store_world import PostgresWorld


@contextmanager
def an_evening(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresWorld]:
    """Yield an account in the database at a URL, with the environment that its function has."""
    found = PostgresWorld(url)
    _set(
        monkeypatch,
        url,
        found.account_id,
        STOPWARD_BROKER_URL="http://127.0.0.1:9",
        STOPWARD_BROKER_KEY_ID=KEY,
        STOPWARD_BROKER_SECRET_KEY=SECRET,
    )
    yield found
    found.close()


@contextmanager
def a_night(url: str, monkeypatch: pytest.MonkeyPatch, **settings: str) -> Iterator[ModelWorld]:
    """Yield the same for a function that asks no broker; settings: what it needs beside these."""
    found = ModelWorld(url)
    _set(monkeypatch, url, found.account_id, **settings)
    yield found
    found.close()


def _set(monkeypatch: pytest.MonkeyPatch, url: str, account_id: str, **more: str) -> None:
    settings = {
        "STOPWARD_ACCOUNT_ID": account_id,
        "STOPWARD_DATABASE_URL": url,
        "POWERTOOLS_SERVICE_NAME": "stopward",
        "POWERTOOLS_METRICS_NAMESPACE": "Stopward",
        **more,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def called(folder: str, wired: str, event: object, context: object) -> dict[str, int]:
    """Return what a function in functions/ counts; wired: its name for what holds the book."""
    app = load_app(folder)
    try:
        counts: dict[str, int] = app.handler(event, context)
    finally:
        getattr(app, wired).book._functions.close()
    return counts
