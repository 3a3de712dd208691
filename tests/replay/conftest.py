"""Here everything runs compiled and by blocks, however little it is; machine code is kept."""

import pytest

from stopward.replay import compiled, engine
from tests.conftest import MACHINE_CODE


@pytest.fixture(scope="session", autouse=True)
def kept_machine_code() -> None:
    compiled.keep_in(MACHINE_CODE)
    compiled.compile_always()
    engine.MANY_TIMES = 0
