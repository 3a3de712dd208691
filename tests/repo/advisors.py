"""Run Supabase's own linter over a database made from the migrations: part of `make check`.

Every finding, a plain note too, must be explained here, by name and by what it is about; an
explanation that explains nothing any more is a fault too.
"""

import json
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from stopward.local.migrate import SUPABASE
from tests.builders.own_server import a_database_of_its_own
from tests.builders.supabase_cli import run_supabase


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the linter says of one object. level: ERROR, WARN or INFO."""

    name: str
    level: str
    about: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Findings that are as they should be. about: a pattern for all of `schema.object`."""

    name: str
    about: str
    because: str


EXPLAINED: Sequence[Explained] = (
    Explained(
        name="rls_enabled_no_policy",
        about=r"stopward\.(decisions|market_views)_(default|\d{4}_\d{2})",
        because="a partition is read through its table, whose policies hold; nobody has a grant",
    ),
    Explained(
        name="rls_enabled_no_policy",
        about=r"stopward\.(channel_addresses|edge_webhook)",
        because="secrets: no role reads them, functions of schema api hand them to who delivers",
    ),
    Explained(
        name="rls_enabled_no_policy",
        about=r"stopward\.month_comparisons",
        because="how far two calls of one function have come: no role reads it",
    ),
    Explained(
        name="unused_index",
        about=r"stopward\..*",
        because="the database was made a moment ago; tests/volume fails for an index without use",
    ),
)


def read_findings(answer: str) -> tuple[Finding, ...]:
    """Return what the CLI printed as JSON."""
    found: list[Any] = json.loads(answer)["results"]
    return tuple(
        Finding(
            name=each["name"],
            level=each["level"],
            about=f"{each['metadata'].get('schema', '?')}.{each['metadata'].get('name', '?')}",
            detail=each["detail"],
        )
        for each in found
    )


def judge(
    findings: Sequence[Finding], explained: Sequence[Explained] = EXPLAINED
) -> tuple[list[str], list[str]]:
    """Return a line for each fault, and one for each explanation with the findings it covers."""
    faults: list[str] = []
    covered = [0] * len(explained)
    for finding in findings:
        places = [place for place, each in enumerate(explained) if _covers(each, finding)]
        for place in places:
            covered[place] += 1
        if finding.level == "ERROR" or not places:
            faults.append(f"{finding.level} {finding.name}: {finding.about}: {finding.detail}")
    words = [
        f"{each.name}, {each.about}: {number} explained: {each.because}"
        for each, number in zip(explained, covered, strict=True)
    ]
    faults.extend(
        f"{each.name}, {each.about}: explained, but nothing is found: take it out"
        for each, number in zip(explained, covered, strict=True)
        if number == 0
    )
    return faults, words


def _covers(explained: Explained, finding: Finding) -> bool:
    is_named = explained.name == finding.name
    return is_named and re.fullmatch(explained.about, finding.about) is not None


def expose(url: str, *, supabase: Path = SUPABASE) -> None:
    """Tell the database which schemas the data API serves, as a hosted project does.

    Without it the linter takes nothing for exposed, and finds nothing. Schema stopward is added, so
    that it would stand even if somebody exposed it by mistake.
    """
    config = tomllib.loads((supabase / "config.toml").read_text(encoding="utf-8"))
    schemas = ",".join((*config["api"]["schemas"], "public", "stopward"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("alter database {} set pgrst.db_schemas = {}").format(
                sql.Identifier(connection.info.dbname), sql.Literal(schemas)
            )
        )


def advise(url: str, *, supabase: Path = SUPABASE) -> tuple[int, tuple[Finding, ...]]:
    """Return the exit code of `supabase db advisors --fail-on error`, and all that it found."""
    expose(url, supabase=supabase)
    with tempfile.TemporaryDirectory(prefix="stopward-advisors-") as folder:
        # The CLI writes beside what it reads.
        shutil.copytree(supabase, Path(folder) / "supabase")
        done = run_supabase(
            "db",
            "advisors",
            f"--remote={url}",
            "--level=info",
            "--fail-on=error",
            "--output-format=json",
            project=Path(folder),
            home=Path(folder),
        )
    try:
        return done.returncode, read_findings(done.stdout)
    except (ValueError, KeyError) as error:
        raise SystemExit(f"the CLI gave no findings: {done.stdout}{done.stderr}") from error


def main() -> int:
    """Print what was found and why it is as it should be; 1 when something is not."""
    with a_database_of_its_own(named="advisors") as url:
        code, findings = advise(url)
    faults, words = judge(findings)
    for line in words:
        print(f"note  {line}")
    for line in faults:
        print(f"fault {line}")
    print(f"supabase db advisors: {len(findings)} findings, {len(faults)} faults")
    return 1 if faults or code != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
