"""PostgreSQL 17 and 18 end up with the same objects, and answer the same."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.builders.catalogue import CATALOGUE
from tests.conftest import EMBEDDED, HOSTED, Cluster

NOT_NULL = ("constraint", "NOT NULL ")
"""PostgreSQL 18 keeps each `not null` as a constraint; 17 keeps a mark on the column."""


@pytest.fixture(scope="module")
def both(cluster_of: Callable[[str], Cluster]) -> dict[str, Cluster]:
    return {version: cluster_of(version) for version in (EMBEDDED, HOSTED)}


def catalogue(cluster: Cluster) -> dict[tuple[str, str], str]:
    with psycopg.connect(cluster.server.url(cluster.template)) as connection:
        rows: list[Any] = connection.execute(CATALOGUE.encode()).fetchall()
    kind, words = NOT_NULL
    return {
        (row[0], row[1]): row[2]
        for row in rows
        if not (row[0] == kind and row[2].startswith(words))
    }


def test_each_server_is_of_its_version(both: dict[str, Cluster]) -> None:
    for version, cluster in both.items():
        with psycopg.connect(cluster.database_url) as connection:
            assert connection.info.server_version // 10_000 == int(version)


def test_the_catalogues_differ_in_nothing_but_constraints_not_null(
    both: dict[str, Cluster],
) -> None:
    embedded, hosted = catalogue(both[EMBEDDED]), catalogue(both[HOSTED])
    assert len(hosted) > 400
    assert set(embedded) == set(hosted)
    assert {key: text for key, text in embedded.items() if hosted[key] != text} == {}
