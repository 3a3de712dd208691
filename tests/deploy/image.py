"""Put a container image's folder together by the steps of its Dockerfile, without Docker.

COPY, ENV, RUN and CMD are done as they stand: /var/task is a folder, Lambda's Python a virtual
environment of the same version. What FROM brings beside Python is not here: Amazon Linux itself.
"""

import hashlib
import json
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.command import insist
from tests.deploy.interpreter import Interpreter
from tests.deploy.packaging import files_below

KNOWN = ("FROM", "ENV", "COPY", "RUN", "CMD")
KEPT = ".made-from"
INSTALLS = "pip install"
PINS = "requirements/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One instruction of a Dockerfile, its continued lines joined."""

    word: str
    rest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What an image holds. packages: where its pip installed; environment: of its ENV."""

    task: Path
    packages: Path
    handler: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def unzipped(self) -> int:
        """Bytes of its own files, without the base image."""
        return sum(f.stat().st_size for top in (self.task, self.packages) for f in files_below(top))


def read_steps(text: str) -> tuple[Step, ...]:
    """Return the steps of a Dockerfile; ValueError for one that is not known here."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    steps = []
    for line in joined.splitlines():
        word, _, rest = line.partition(" ")
        if word not in KNOWN:
            raise ValueError(f"the check does not know {word} of a Dockerfile")
        steps.append(Step(word=word, rest=" ".join(rest.split()) if word != "RUN" else rest))
    return tuple(steps)


def make_image(source: Path, name: str, *, to: Path, interpreter: Interpreter) -> Image:
    """Do the steps of functions/`name`/Dockerfile below `to`.

    As in Docker, steps are not done again whose files are the same: those of pip while the pins
    stay, all of them while everything does.
    """
    steps = read_steps((source / "functions" / name / "Dockerfile").read_text(encoding="utf-8"))
    task, python = to / "task", to / "python"
    digest = _digest(source, steps, version=interpreter.version)
    marker = to / "digest"
    if not marker.exists() or marker.read_text(encoding="ascii") != digest:
        marker.unlink(missing_ok=True)
        shutil.rmtree(task, ignore_errors=True)
        task.mkdir(parents=True)
        _make_python(python, source, steps, interpreter=interpreter)
        _do(steps, source=source, task=task, python=python)
        marker.write_text(digest, encoding="ascii")
    (handler,) = (json.loads(step.rest)[0] for step in steps if step.word == "CMD")
    packages = python / "lib" / f"python{interpreter.version}" / "site-packages"
    return Image(task=task, packages=packages, handler=handler, environment=_variables(steps))


def _do(steps: Sequence[Step], *, source: Path, task: Path, python: Path) -> None:
    given = {**_variables(steps), "PATH": f"{python / 'bin'}:/usr/bin:/bin"}
    for step in steps:
        is_pip = step.word == "RUN" and INSTALLS in step.rest
        if step.word == "COPY":
            _copy(source, task, step.rest.split())
        elif step.word == "RUN" and not (is_pip and (python / KEPT).exists()):
            insist(["sh", "-ec", step.rest], at=task, given=given)
            if is_pip:
                (python / KEPT).touch()


def _variables(steps: Sequence[Step]) -> dict[str, str]:
    words = [word for step in steps if step.word == "ENV" for word in shlex.split(step.rest)]
    return dict(word.split("=", 1) for word in words)


def _digest(source: Path, steps: Sequence[Step], *, version: str) -> str:
    said = hashlib.sha256(f"{version} {steps}".encode())
    for name in _copied(steps):
        found = source / name
        for file in files_below(found) if found.is_dir() else (found,):
            said.update(f"{file.relative_to(source)}\n".encode() + file.read_bytes())
    return said.hexdigest()


def _copied(steps: Sequence[Step]) -> list[str]:
    """Return what the steps copy, by its path in the source."""
    return [name for step in steps if step.word == "COPY" for name in step.rest.split()[:-1]]


def _make_python(
    python: Path, source: Path, steps: Sequence[Step], *, interpreter: Interpreter
) -> None:
    # Minutes of downloads: done again only when the pins, the step or the version are others.
    said = hashlib.sha256(interpreter.version.encode())
    for step in steps:
        said.update(step.rest.encode() if INSTALLS in step.rest else b"")
    for name in _copied(steps):
        if name.startswith(PINS):
            said.update((source / name).read_bytes())
    marker = python / "digest"
    if marker.exists() and marker.read_text(encoding="ascii") == said.hexdigest():
        return
    shutil.rmtree(python, ignore_errors=True)
    insist([interpreter.path, "-m", "venv", python], at=source)
    marker.write_text(said.hexdigest(), encoding="ascii")


def _copy(source: Path, task: Path, words: Sequence[str]) -> None:
    # As Docker does: the content of a folder, or a file into a folder.
    *what, where = words
    for name in what:
        found, to = source / name, task / where
        if found.is_dir():
            shutil.copytree(found, to, dirs_exist_ok=True)
        else:
            shutil.copy2(found, to / found.name if where.endswith("/") else to)
