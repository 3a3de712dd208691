"""Lint the SQL: part of `make check`. Migrations that landed are not linted again and again.

A migration is never edited once it has landed, and reading all of them takes a minute of CPU. So
tests/repo/linted.toml names the last one that was linted, with a digest of all up to it, of their
order, of the rules and of the linter's version. While the digest holds, only what came after is
linted; whatever else changes, everything is.

`python -m tests.repo.lint_sql --record` lints everything, and writes the file when all is clean.
"""

import hashlib
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORD = Path(__file__).with_name("linted.toml")
CONFIG = ROOT / ".sqlfluff"
LOCAL = ROOT / "supabase" / "local"
MIGRATIONS = ROOT / "supabase" / "migrations"
HEADER = "# Written by `python -m tests.repo.lint_sql --record`; see there.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """The name of the last migration that was linted, and the digest of all that says so."""

    last: str
    digest: str


def digest_of(migrations: Sequence[Path], *, config: bytes, linter: str) -> str:
    """Return a digest of migrations in their order, and of what they are linted by."""
    digest = hashlib.sha256(linter.encode() + b"\0" + config)
    for path in migrations:
        digest.update(b"\0" + path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def unlinted(
    migrations: Sequence[Path], record: Linted, *, config: bytes, linter: str
) -> list[Path]:
    """Return the migrations that a record does not vouch for: all, where anything changed."""
    up_to = [path for path in migrations if path.name <= record.last]
    if digest_of(up_to, config=config, linter=linter) != record.digest:
        return list(migrations)
    return list(migrations[len(up_to) :])


def read_record() -> Linted:
    """Return what was recorded."""
    return Linted(**tomllib.loads(RECORD.read_text(encoding="utf-8")))


def main(arguments: Sequence[str]) -> int:
    """Lint what must be linted; return 0 when it is clean."""
    migrations = sorted(MIGRATIONS.glob("*.sql"))
    config, linter = CONFIG.read_bytes(), version("sqlfluff")
    is_to_record = "--record" in arguments
    wanted = migrations
    if not is_to_record:
        wanted = unlinted(migrations, read_record(), config=config, linter=linter)
    print(f"{len(wanted)} of {len(migrations)} migrations to lint", flush=True)
    done = subprocess.run(
        [Path(sys.executable).with_name("sqlfluff"), "lint", "--processes", "2", LOCAL, *wanted],
        cwd=ROOT,
        check=False,
    )
    if is_to_record and done.returncode == 0:
        digest = digest_of(migrations, config=config, linter=linter)
        told = f'last = "{migrations[-1].name}"\ndigest = "{digest}"\n'
        RECORD.write_text(HEADER + told, encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
