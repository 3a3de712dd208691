"""Database servers of the tests: their data in memory, and one for what runs outside pytest."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stopward.local.migrate import migrate, prepare_platform
from stopward.local.postgres import EmbeddedPostgres

MEMORY = Path("/dev/shm")  # noqa: S108
"""Where servers keep their data, if it has room: a disk slows down under the hundreds of databases
that come and go here, and ext4 without a journal passes over the files of the last minutes one by
one whenever it makes a file: half a second of CPU for each database."""
MEMORY_BYTES = 8 * 2**30
"""Free at least: the database of tests/volume takes 1.3 GB, and what is written ahead two."""


def keep_in_memory(server: EmbeddedPostgres) -> None:
    """Let a server that was never started keep its data in memory, where there is room."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < MEMORY_BYTES:
        return
    if server.folder.is_symlink():  # to what a restart of the machine took
        server.folder.unlink()
    server.folder.parent.mkdir(parents=True, exist_ok=True)
    server.folder.symlink_to(tempfile.mkdtemp(dir=MEMORY, prefix="stopward-tests-"))


def remove(server: EmbeddedPostgres) -> None:
    """Stop a server and delete its data, wherever it is kept."""
    server.remove()
    if server.folder.is_symlink():
        shutil.rmtree(server.folder.resolve(), ignore_errors=True)
        server.folder.unlink()


@contextmanager
def a_database_of_its_own(*, named: str, durable: bool = False) -> Iterator[str]:
    """Yield the URL of a new server's database, all migrations applied; it is gone after the block.

    named: what its folder's name says it is for. durable: as a real one writes, for what measures.
    """
    with tempfile.TemporaryDirectory(prefix=f"stopward-{named}-") as folder:
        server = EmbeddedPostgres(home=Path(folder), durable=durable)
        if not durable:
            keep_in_memory(server)
        try:
            url = server.start()
            prepare_platform(url)
            migrate(url)
            yield url
        finally:
            remove(server)
