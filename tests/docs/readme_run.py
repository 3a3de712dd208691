"""The run that the README shows: `python -m tests.docs.readme_run` plays it and writes it anew."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stopward.local.postgres import EmbeddedPostgres

README = Path(__file__).resolve().parents[2] / "README.md"
SHOWN = re.compile(r"(<!-- run: stopward ([^>]*) -->\n```\n)(.*?)(```\n<!-- end -->)", re.DOTALL)
WIDTH = "100"
OF_ONE_MACHINE = re.compile(r"^took +\d+ s$|^views at http://127\.0\.0\.1:")
"""How long it took and on which port views are served are no facts of the session."""


def shown() -> tuple[list[str], str]:
    """Return the arguments of the command and the output, as the README shows them."""
    found = SHOWN.search(README.read_text(encoding="utf-8"))
    if found is None:
        raise LookupError("README.md shows no run")
    return shlex.split(found[2]), found[3]


def played(arguments: list[str]) -> str:
    """Run the command in a folder of its own and return what it prints, trimmed."""
    with own_folder() as folder:
        return trimmed(run(folder, arguments).stderr)


@contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder for a run; it is gone afterwards, with the data that root keeps elsewhere."""
    with tempfile.TemporaryDirectory(prefix="stopward-readme-") as name:
        try:
            yield Path(name)
        finally:
            EmbeddedPostgres(home=Path(name)).remove()


def run(folder: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder to its end; one that fails is an error."""
    return subprocess.run(
        [sys.executable, "-m", "stopward.local.cli", "--folder", str(folder), *arguments],
        cwd=README.parent,
        env={**os.environ, "COLUMNS": WIDTH},
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )


def trimmed(printed: str) -> str:
    """Return the output without what differs between machines, and without spaces at line ends."""
    lines = (line.rstrip() for line in printed.splitlines())
    kept = [line for line in lines if not OF_ONE_MACHINE.match(line)]
    return "\n".join(kept).strip("\n") + "\n"


def main() -> None:
    """Write the README's run anew."""
    text = README.read_text(encoding="utf-8")
    arguments, _ = shown()
    output = played(arguments)
    README.write_text(SHOWN.sub(lambda found: found[1] + output + found[4], text), encoding="utf-8")


if __name__ == "__main__":
    main()
