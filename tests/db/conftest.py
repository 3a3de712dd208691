"""Every test of the database runs on both versions of PostgreSQL: its id says [18] or [17]."""

from pathlib import Path

import pytest

from tests.conftest import EMBEDDED, HOSTED, POSTGRES_VERSIONS

LONG = frozenset(
    {"test_bad_input.py", "test_faults_migrate.py", "test_idempotence.py", "test_interleavings.py",
     "test_isolation.py", "test_rollups.py"}
)  # fmt: skip
"""Files of half a minute and more: by day on the version that Supabase hosts, on the other one in
`make nightly`. What local mode does with that one is tested by day in tests/local.
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "postgres_version" in metafunc.fixturenames:
        is_long = Path(metafunc.module.__file__).name in LONG
        by_night = pytest.param(EMBEDDED, marks=pytest.mark.nightly)
        versions = (by_night, HOSTED) if is_long else POSTGRES_VERSIONS
        metafunc.parametrize("postgres_version", versions, indirect=True, scope="session")
