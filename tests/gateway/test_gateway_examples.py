"""The scripts of docs/querying.md, run as people do: against `stopward up`, and afterwards."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from stopward.local.gateway.keys import FILE
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.npm import installed_modules, node_folder
from tests.builders.own_server import keep_in_memory, remove
from tests.docs.pages import ROOT, blocks

EXAMPLES = ROOT / "docs" / "examples"
PATIENCE_SECONDS = 90
BARS = "symbol,at,open,high,low,close,volume\n" + "\n".join(
    f"{symbol},2024-03-05T14:{30 + minute}:00Z,{price},{price + 0.1},{price - 0.1},{price},1000"
    for minute in range(6)
    for symbol, price in (("AAPL", 100 - minute), ("MSFT", 50 + minute / 10))
)
POSITIONS = """position_id,symbol,side,quantity,entry_at,entry_price,initial_stop
p1,AAPL,long,100,2024-03-05T14:31:00Z,99.00,97.50
p2,MSFT,long,10,2024-03-05T14:31:00Z,50.10,49.00
"""
SERVED = re.compile(r"SUPABASE_(\w+)=(\S+)")


@dataclass(frozen=True)
class Serving:
    """A running command and the environment that it printed."""

    process: subprocess.Popen[str]
    environment: dict[str, str]
    printed: str

    def script(self, *command: str, cwd: Path) -> list[str]:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={"PATH": os.environ["PATH"], **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()


def served(home: Path, *arguments: str) -> Serving:
    """Start a command and return once it has printed its three lines."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stopward.local.cli", "--folder", str(home), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    environment: dict[str, str] = {}
    printed = []
    for line in process.stdout:
        printed.append(line)
        environment.update({f"SUPABASE_{name}": value for name, value in SERVED.findall(line)})
        if len(environment) == 3:
            return Serving(process, environment, "".join(printed))
    raise AssertionError("".join(printed))


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE_SECONDS) == 0
    assert process.stdout is not None
    process.stdout.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    keep_in_memory(EmbeddedPostgres(home=folder))
    (folder / "bars.csv").write_text(BARS, encoding="utf-8")
    (folder / "positions.csv").write_text(POSITIONS, encoding="utf-8")
    yield folder
    remove(EmbeddedPostgres(home=folder))


@pytest.fixture(scope="module")
def up(home: Path) -> Iterator[Serving]:
    """A session that was played, and is still shown."""
    files = ("--bars", str(home / "bars.csv"), "--positions", str(home / "positions.csv"))
    found = served(home, "up", "--speed", "max", *files)
    yield found
    if found.process.poll() is None:
        end(found.process)


def test_up_says_where_the_views_are_before_it_plays(up: Serving, home: Path) -> None:
    early = up.printed.partition("Still serving")[0]
    assert f"views at {up.environment['SUPABASE_URL']}" in early
    assert up.environment["SUPABASE_SECRET_KEY"] not in early
    assert (home / FILE).stat().st_mode & 0o777 == 0o600


def test_both_scripts_say_the_same_of_the_same_run(up: Serving, tmp_path: Path) -> None:
    by_python = up.script(sys.executable, str(EXAMPLES / "query_views.py"), cwd=tmp_path)
    (tmp_path / "node_modules").symlink_to(installed_modules())
    script = tmp_path / "query_views.mjs"
    script.write_bytes((EXAMPLES / script.name).read_bytes())
    by_node = up.script(str(node_folder() / "bin" / "node"), str(script), cwd=tmp_path)
    assert by_python == by_node
    assert by_python[0] == "open MSFT long 10.000000000 stop 49.000000"
    assert by_python[1].startswith("1 trades made or lost")
    assert re.fullmatch(r"closed AAPL by \w+: -\d+\.\d{6}, -\d\.\d\dR", by_python[2])
    assert by_python[3].startswith("mode guard, open alarms ")


def test_the_newest_run_is_served_again_with_the_same_keys(
    up: Serving, home: Path, tmp_path: Path
) -> None:
    end(up.process)
    again = served(home, "gateway")
    try:
        keys = ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY")
        assert [again.environment[key] for key in keys] == [up.environment[key] for key in keys]
        lines = again.script(sys.executable, str(EXAMPLES / "query_views.py"), cwd=tmp_path)
        assert lines[0] == "open MSFT long 10.000000000 stop 49.000000"
        token = subprocess.run(
            [sys.executable, "-m", "stopward.local.cli", "--folder", str(home), "gateway",
             "--member", "00000000-0000-4000-8000-000000000001"],
            capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS,
        ).stdout.strip()  # fmt: skip
        seen = httpx.get(
            f"{again.environment['SUPABASE_URL']}/rest/v1/guard_health",
            headers={"apikey": again.environment[keys[0]], "Authorization": f"Bearer {token}"},
            trust_env=False,
        )
        assert (seen.status_code, seen.json()) == (200, [])  # a member of no account
    finally:
        end(again.process)
    assert not EmbeddedPostgres(home=home).is_running()


@pytest.mark.parametrize(
    ("language", "name"), [("python", "query_views.py"), ("js", "query_views.mjs")]
)
def test_the_page_shows_the_scripts_that_are_run(language: str, name: str) -> None:
    assert (EXAMPLES / name).read_text(encoding="utf-8") in blocks("docs/querying.md", language)
