"""The Python that stands for Lambda's: of the template's version if this machine has one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROBE = "import sys, zlib, ssl; print('%d.%d' % sys.version_info[:2])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python that runs. version: its own, such as 3.12; wanted: the template's."""

    path: Path
    version: str
    wanted: str

    @property
    def is_the_templates(self) -> bool:
        """Return whether it is of the version that Lambda runs."""
        return self.version == self.wanted

    def sentence(self) -> str:
        """Return what people are told of it."""
        if self.is_the_templates:
            return f"Python {self.version}, the template's, runs what is built"
        return (
            f"NO PYTHON {self.wanted} WORKS HERE: what is built is for Python {self.version} and "
            f"run by it. Lambda will run Python {self.wanted}: this proves less"
        )


def find_interpreter(runtime: str) -> Interpreter:
    """Return an interpreter for a runtime such as python3.12, else the one that runs this."""
    wanted = runtime.removeprefix("python")
    for candidate in _candidates(wanted):
        if _version(candidate) == wanted:
            return Interpreter(path=candidate, version=wanted, wanted=wanted)
    # Outside of its virtual environment, whose packages Lambda does not have.
    own = Path(os.path.realpath(sys.executable))
    return Interpreter(path=own, version=_version(own), wanted=wanted)


def _candidates(wanted: str) -> Iterator[Path]:
    # A version manager's shim may be on the path and fail, beside the real one that it hides.
    if found := shutil.which(f"python{wanted}"):
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local/share/uv/python"))
    for folder, pattern in ((pyenv / "versions", f"{wanted}*"), (uv, f"cpython-{wanted}*")):
        yield from sorted(folder.glob(f"{pattern}/bin/python{wanted}"), reverse=True)


def _version(path: Path) -> str:
    try:
        done = subprocess.run(
            [path, "-c", PROBE], capture_output=True, text=True, check=False, timeout=20
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
