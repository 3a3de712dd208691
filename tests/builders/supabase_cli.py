"""The real Supabase CLI, from its lock file."""

import os
import subprocess
from pathlib import Path

from tests.builders.npm import installed_modules, node_folder


def run_supabase(*arguments: str, project: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the CLI on a project folder (that holds `supabase/`); its own files go under `home`."""
    node = node_folder()
    script = installed_modules() / "supabase" / "dist" / "supabase.js"
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
