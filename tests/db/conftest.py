"""By day the database is tested on the PostgreSQL that Supabase hosts; its id says [17] or [18].

What may depend on the version runs on both; `make nightly` runs everything on both. What local mode
does with its own version is tested by day in tests/local, tests/adapters, tests/gateway and
tests/faults/stack.
"""

from pathlib import Path

import pytest

from tests.conftest import EMBEDDED, HOSTED, POSTGRES_VERSIONS

DEPENDS_ON_THE_VERSION = frozenset(
    {
        "test_access.py",  # roles and policies
        "test_access_plans.py",  # the planner
        "test_append_only.py",  # triggers on partitions
        "test_catalogue.py",  # what a migration makes
        "test_every_rule.py",  # how a refusal names its rule
        "test_faults_server.py",  # how a server ends a session
        "test_lease_race.py",  # locks
        "test_migrate.py",
        "test_numbers.py",  # how numbers are written
        "test_partitions.py",
        "test_rule_names.py",  # 18 names rules that 17 has no name for
        "test_views.py",
    }
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "postgres_version" in metafunc.fixturenames:
        by_night = pytest.param(EMBEDDED, marks=pytest.mark.nightly)
        is_on_both = Path(metafunc.module.__file__).name in DEPENDS_ON_THE_VERSION
        versions = POSTGRES_VERSIONS if is_on_both else (by_night, HOSTED)
        metafunc.parametrize("postgres_version", versions, indirect=True, scope="session")
