"""Programs that the check starts: their own environment, what they said, and a clear end."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

LONGEST_SECONDS = 600.0
QUIET: Mapping[str, str] = {
    "SAM_CLI_TELEMETRY": "0",
    "AWS_DEFAULT_REGION": "us-east-1",  # linters look up what a region has; none is asked
}
LEFT_OUT = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "ARGS")


def run(
    words: Sequence[str | Path], *, at: Path, given: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder and return what it printed, whatever came of it."""
    environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    return subprocess.run(
        [str(word) for word in words],
        cwd=at,
        env={**environment, **QUIET, **(given or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )


def insist(words: Sequence[str | Path], *, at: Path, given: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it printed; SystemExit with all of it when it failed."""
    done = run(words, at=at, given=given)
    if done.returncode != 0:
        said = "\n".join(part for part in (done.stdout.strip(), done.stderr.strip()) if part)
        raise SystemExit(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{said}")
    return done.stdout
