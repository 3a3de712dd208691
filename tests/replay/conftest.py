"""Machine code is kept between tests and runs, for compiling takes longer than what is tested."""

import pytest

from stopward.replay.compiled import keep_in
from tests.conftest import MACHINE_CODE


@pytest.fixture(scope="session", autouse=True)
def kept_machine_code() -> None:
    keep_in(MACHINE_CODE)
