"""Where a run lives on disk: the template it hosts, its folder, its record.

`.stopward/runs/<run>.json` records a run; its file is locked while the run is alive, so that a run
that was killed is never taken for a living one.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import stopward
from stopward.errors import InvalidInput

FOLDER = Path(".stopward")
TEMPLATE = Path("template.yaml")
DEMO = "demo"
"""What a record has for its bars when they are the demo's."""
KEPT_RUNS = 5
"""Runs whose database, logs and record are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run, for the commands that look at it later; it holds no password.

    database: its name on the embedded server. simulator_url: where the broker answered.
    exit_code: None while it runs, and for ever when it was killed. bars: the file that its bars
    came from, `DEMO` for the demo's; empty in a record of before this was kept.
    """

    name: str
    account_id: str
    database: str
    simulator_url: str
    session_day: str
    started_at: str
    exit_code: int | None = None
    trouble: str = ""
    bars: str = ""


class Home:
    """The folder of local mode, `.stopward` under the working folder unless said otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def runs_folder(self) -> Path:
        """Where records lie."""
        return self.folder / "runs"

    def log_folder(self, run: str) -> Path:
        """Return where the functions of a run write their logs."""
        return self.folder / "logs" / run

    def new_run_name(self, now: datetime) -> str:
        """Return a name for a run, by its start and free of collisions."""
        stem = now.strftime("%Y%m%d_%H%M%S")
        taken = {path.stem for path in self.runs_folder.glob("*.json")}
        names = (stem if number == 1 else f"{stem}_{number}" for number in range(1, 1000))
        for name in names:
            if name not in taken:
                return name
        raise InvalidInput(f"{self.runs_folder} is full of runs of this second: remove some")

    def runs(self) -> tuple[RunRecord, ...]:
        """Return the recorded runs, newest first; unreadable records are left out."""
        found = []
        for path in sorted(self.runs_folder.glob("*.json"), reverse=True):
            try:
                found.append(RunRecord(**json.loads(path.read_text(encoding="utf-8"))))
            except (OSError, ValueError, TypeError):
                continue  # half written by a killed run
        return tuple(found)

    def last_run(self) -> RunRecord:
        """Return the newest run that lives, else the newest.

        Raises InvalidInput, with the remedy, when there is none.
        """
        runs = self.runs()
        if not runs:
            raise InvalidInput(
                f"no run is recorded under {self.folder}: start one with `stopward up`, "
                "or say --database-url and --account"
            )
        return next((run for run in runs if self.is_alive(run.name)), runs[0])

    def is_alive(self, run: str) -> bool:
        """Return whether the process of a run still lives."""
        try:
            # Shared, so that two who ask at once do not take each other for the run.
            with self._record(run).open(encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @contextmanager
    def recording(self, record: RunRecord) -> Iterator["RecordFile"]:
        """Keep a run's record open and locked for the length of a block."""
        self.runs_folder.mkdir(parents=True, exist_ok=True)
        with self._record(record.name).open("w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            opened = RecordFile(file)
            opened.write(record)
            yield opened

    def forget(self, run: str) -> None:
        """Remove a run's record and logs."""
        logs = self.log_folder(run)
        for path in logs.glob("*"):
            path.unlink()
        if logs.is_dir():
            logs.rmdir()
        self._record(run).unlink(missing_ok=True)

    def _record(self, run: str) -> Path:
        return self.runs_folder / f"{run}.json"


class RecordFile:
    """The open record of a living run."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, record: RunRecord) -> None:
        """Replace what the record says."""
        self._file.seek(0)
        self._file.truncate()
        json.dump(asdict(record), self._file, indent=2)
        self._file.flush()


def find_template(given: Path | None) -> Path:
    """Return the template: the one given, the working folder's, or that of our clone."""
    if given is not None:
        return given
    clone = Path(stopward.__file__).resolve().parents[4]
    for folder in (Path.cwd(), clone):
        if (folder / TEMPLATE).is_file():
            return folder / TEMPLATE
    raise InvalidInput(
        f"no {TEMPLATE} in {Path.cwd()} or {clone}: start in the clone, or --template"
    )
