"""Check a deployment without deploying: `make deploy-check`.

Lint the templates, build them, measure the packages, and call each built function in AWS's runtime
emulator. Prints what was found, and how long each step took; exit code 1 when anything is wrong.
"""

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from stopward.replay.compiled import keep_in
from tests.conftest import MACHINE_CODE
from tests.deploy.building import (
    BUILT_LAYERS,
    build,
    copy_source,
    functions_of,
    install_runtime,
    pin_for,
    runtime_of,
)
from tests.deploy.bytecode import altered, not_compiled
from tests.deploy.emulator import Runtime
from tests.deploy.findings import lint
from tests.deploy.image import Image, make_image
from tests.deploy.interpreter import Interpreter, find_interpreter
from tests.deploy.packaging import MIB, Package, package, size_rows
from tests.deploy.rehearsal import MakeDeployed, Rehearsal, Report
from tests.deploy.stage import (
    a_stage,
    deployed_image,
    deployed_shard,
    deployed_zip,
    rights_of_shard,
    rights_of_zip,
)
from tests.deploy.trials.all_trials import IMAGES, TRIALS
from tests.deploy.trials.shard import SHARD

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv" / "deploy" / "bin"
WORK = ROOT / ".stopward" / "deploy-check"
EMULATOR = "lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64"
AT_ONCE = 3
"""Functions that are called side by side; most of the time each waits for somebody."""

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Log:
    """What the check found and how long it took."""

    faults: list[str] = field(default_factory=list)
    _steps: list[tuple[str, float]] = field(default_factory=list)

    def timed(self, step: str, do: Callable[[], Answer]) -> Answer:
        """Do a step, print and keep how long it took."""
        begun = time.monotonic()
        try:
            return do()
        finally:
            self._steps.append((step, time.monotonic() - begun))
            print(f"{step}: {self._steps[-1][1]:.1f} s", flush=True)

    def fail(self, faults: Sequence[str]) -> None:
        """Note and print what is wrong."""
        self.faults += faults
        for fault in faults:
            print(f"fault {fault}", flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What was built."""

    template: Path
    packages: tuple[Package, ...]
    images: Mapping[str, Image]
    runtime: Runtime


def main() -> int:
    """Run all steps and return the exit code."""
    begun = time.monotonic()
    log = Log()
    shutil.rmtree(WORK / "packages", ignore_errors=True)
    shutil.rmtree(WORK / "calls", ignore_errors=True)
    interpreter = find_interpreter(runtime_of(ROOT))
    print(interpreter.sentence(), flush=True)
    built = _build(interpreter, log)
    print(table(size_rows(built.packages)))
    for name, image in built.images.items():
        print(f"{name}, a container image: {image.unzipped / MIB:.0f} MiB, of 10,240")
    log.fail([fault for each in built.packages for fault in each.faults()])
    reports = log.timed("functions called", lambda: _call_all(built))
    print(table(rows_of(reports)))
    log.fail([fault for report in reports for fault in report.faults])
    print(interpreter.sentence())
    took = time.monotonic() - begun
    print(f"deploy-check: {len(reports)} functions, {len(log.faults)} faults, {took:.0f} s")
    return 1 if log.faults else 0


def _build(interpreter: Interpreter, log: Log) -> Built:
    source = log.timed("source copied", lambda: copy_source(ROOT, WORK / "source"))
    pin_for(interpreter, source)
    with ThreadPoolExecutor(1) as pool:
        images = {
            name: pool.submit(
                log.timed,
                f"steps of the image of {name} done",
                partial(
                    make_image, source, name, to=WORK / "image" / name, interpreter=interpreter
                ),
            )
            for name in IMAGES
        }
        template = log.timed(
            "sam build", lambda: build(source, interpreter=interpreter, tools=TOOLS)
        )
        packages = log.timed(
            "zipped and laid out", lambda: package(functions_of(template), to=WORK / "packages")
        )
        log.fail(_layer_faults(packages, source, version=interpreter.version))
        own = log.timed(
            "Lambda's own packages",
            lambda: install_runtime(source, WORK / "runtime", interpreter=interpreter),
        )
        faults, words = log.timed(
            "templates linted", lambda: lint(source, tools=TOOLS, scratch=WORK)
        )
        for line in words:
            print(f"note  {line}")
        log.fail(faults)
        (emulator,) = (TOOLS.parent).glob(EMULATOR)
        return Built(
            template=template,
            packages=packages,
            images={name: image.result() for name, image in images.items()},
            runtime=Runtime(interpreter=interpreter, packages=own, emulator=emulator),
        )


def _layer_faults(packages: Sequence[Package], source: Path, *, version: str) -> list[str]:
    # Functions with the same layers share what was laid out.
    core = source / BUILT_LAYERS["CoreLayer"] / "python/stopward"
    return [
        f"layers: {fault}"
        for laid_out in sorted({each.opt / "python" for each in packages})
        for fault in (
            *altered(core, laid_out / "stopward"),
            *not_compiled(laid_out, version=version),
        )
    ]


def _call_all(built: Built) -> tuple[Report, ...]:
    packages = {each.name: each for each in built.packages}
    keep_in(MACHINE_CODE)
    with a_stage(WORK) as stage, ThreadPoolExecutor(AT_ONCE) as pool:
        rehearsals = [
            Rehearsal(
                trial=trial,
                runtime=built.runtime,
                deployed=_deployed(built, packages, trial.folder),
                rights=partial(
                    rights_of_shard if trial.folder == SHARD.folder else rights_of_zip,
                    _template_of(built, trial.folder),
                    trial.folder,
                ),
                make_world=partial(stage.world_of, trial),
                scratch=WORK / "calls",
            )
            for trial in TRIALS
        ]
        return tuple(pool.map(Rehearsal.run, rehearsals))


def _template_of(built: Built, folder: str) -> Path:
    own = IMAGES.get(folder, "template.yaml")
    return built.template if own == "template.yaml" else WORK / "source" / own


def _deployed(built: Built, packages: Mapping[str, Package], folder: str) -> MakeDeployed:
    template = _template_of(built, folder)
    if folder in packages:
        return partial(deployed_zip, template, packages[folder])
    if folder == SHARD.folder:
        return partial(deployed_shard, template, built.images[folder])
    return partial(deployed_image, template, built.images[folder], folder)


def rows_of(reports: Sequence[Report]) -> list[tuple[str, ...]]:
    """Return the table of calls: a head and a row a function."""
    columns = ("event, supabase", "event, postgres", "time-out", "error", "no secret", "role")
    rows = [("function", "start ms", *columns)]
    for each in reports:
        start = "" if each.start_milliseconds is None else f"{each.start_milliseconds:.0f}"
        rows.append((each.folder, start, *(each.said.get(column, "none") for column in columns)))
    return rows


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows as text in columns."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


if __name__ == "__main__":
    sys.exit(main())
