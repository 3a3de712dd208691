"""A database server for one run, with everything applied; for what runs outside pytest."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stopward.local.migrate import migrate, prepare_platform
from stopward.local.postgres import EmbeddedPostgres


@contextmanager
def a_database_of_its_own(*, named: str, durable: bool = False) -> Iterator[str]:
    """Yield the URL of a new server's database, all migrations applied; it is gone after the block.

    named: what its folder's name says it is for. durable: as a real one writes, for what measures.
    """
    with tempfile.TemporaryDirectory(prefix=f"stopward-{named}-") as folder:
        server = EmbeddedPostgres(home=Path(folder), durable=durable)
        try:
            url = server.start()
            prepare_platform(url)
            migrate(url)
            yield url
        finally:
            server.remove()
