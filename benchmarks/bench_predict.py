"""The built predictor through AWS's runtime emulator: warm answers, and its cold one.

Real Postgres behind the gateway, moto's buckets and secrets, the graph from the bucket: as in
`make deploy-check`, and timed. A cold start is one call to a new process, from the call to the
answer; a handler that does nothing but import onnxruntime, with the same layers, is called in turns
with it. Answers of the two databases are timed apart: behind the gateway (supabase-py), and direct.
"""

import json
import shutil
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from stopward.local.host.invocation import Answered
from tests.builders.scoring import sent
from tests.deploy.__main__ import EMULATOR, ROOT, TOOLS
from tests.deploy.__main__ import WORK as KEPT
from tests.deploy.building import build, copy_source, functions_of, install_runtime, runtime_of
from tests.deploy.emulator import Deployed, Emulator, Runtime
from tests.deploy.interpreter import find_interpreter
from tests.deploy.packaging import Package, package
from tests.deploy.stage import a_stage, deployed_zip
from tests.deploy.trials.models import SCORES
from tests.deploy.world import DATABASES, Database, World

RESULTS = Path(__file__).parent / "results" / "predict.json"
WORK = ROOT / ".stopward" / "bench-predict"
WARM_UP, CALLS, COLD = 20, 300, 7
BATCH = 100
BARE = "import onnxruntime\n\n\ndef handler(event, context):\n    return {}\n"
NUMBERS = count(1)


def built() -> tuple[Path, Package, Runtime]:
    """Build the function; return the template, its package, and what stands for Lambda."""
    shutil.rmtree(WORK, ignore_errors=True)
    interpreter = find_interpreter(runtime_of(ROOT))
    print(interpreter.sentence(), flush=True)
    source = copy_source(ROOT, WORK / "source")
    template = build(source, interpreter=interpreter, tools=TOOLS)
    packages = package(functions_of(template), to=WORK / "packages")
    (found,) = (each for each in packages if each.name == SCORES.folder)
    (emulator,) = TOOLS.parent.glob(EMULATOR)
    own = install_runtime(source, KEPT / "runtime", interpreter=interpreter)
    return template, found, Runtime(interpreter=interpreter, packages=own, emulator=emulator)


@contextmanager
def started(function: Deployed, runtime: Runtime, world: World) -> Iterator[Emulator]:
    """Start one slot of a function in a world."""
    scratch = WORK / "calls" / f"{next(NUMBERS)}"
    with Emulator(
        function=function, runtime=runtime, scratch=scratch, given=world.given
    ) as emulator:
        yield emulator


def called(emulator: Emulator, event: object) -> float:
    """Call once; return the milliseconds to its answer. RuntimeError where it is another one."""
    began = time.perf_counter()
    outcome = emulator.call(event)
    took = (time.perf_counter() - began) * 1e3
    if not isinstance(outcome, Answered):
        raise RuntimeError(f"{outcome}\n{emulator.printed()[-2000:]}")
    told = json.loads(outcome.payload)
    if told and any(each["score"] is None for each in told["scores"]):
        raise RuntimeError(f"a signal has no score: {told}")
    return took


def one() -> dict[str, Any]:
    """Return a request for one signal that nobody asked about before."""
    return sent(f"bench-{next(NUMBERS)}")


def many() -> dict[str, Any]:
    """Return a request for BATCH of them."""
    return {"signals": [one() for _ in range(BATCH)]}


def bare_beside(function: Deployed) -> Deployed:
    """Return a handler that imports onnxruntime, with the layers of a function."""
    task = WORK / "bare"
    task.mkdir(parents=True, exist_ok=True)
    (task / "app.py").write_text(BARE, encoding="utf-8")
    return replace(function, task=task, paths=(task, *function.paths[1:]))


def warm(emulator: Emulator) -> dict[str, float]:
    """Return what warm answers take, in milliseconds."""
    for _ in range(WARM_UP):
        called(emulator, one())
    took = sorted(called(emulator, one()) for _ in range(CALLS))
    batches = [called(emulator, many()) for _ in range(WARM_UP)]
    return {
        "p50_ms": round(statistics.median(took), 2),
        "p99_ms": round(took[int(0.99 * len(took))], 2),
        "batch_p50_ms": round(statistics.median(batches), 2),
    }


def cold(function: Deployed, runtime: Runtime, world: World) -> dict[str, float]:
    """Return medians of first answers, in turns with the bare handler's, the first one left out."""
    bare, own, times = [], [], []
    for number in range(COLD + 1):
        with started(bare_beside(function), runtime, world) as emulator:
            beside = called(emulator, {})
        with started(function, runtime, world) as emulator:
            took = called(emulator, one())
        if number:
            bare.append(beside)
            own.append(took)
            times.append(took / beside)
    return {
        "bare_ms": round(statistics.median(bare), 1),
        "first_answer_ms": round(statistics.median(own), 1),
        "times": round(statistics.median(times), 2),
    }


def measure() -> Mapping[str, Any]:
    """Return every figure."""
    template, found, runtime = built()
    told: dict[str, Any] = {"calls": CALLS, "rounds": COLD, "batch": BATCH}
    with a_stage(WORK) as stage:
        for database in DATABASES:
            with stage.world_of(SCORES) as world:
                told[database] = _in(world, database, template, found, runtime)
    return told


def _in(
    world: World, database: Database, template: Path, found: Package, runtime: Runtime
) -> dict[str, float]:
    SCORES.prepare(world)
    function = deployed_zip(template, found, world, database)
    with started(function, runtime, world) as emulator:
        figures = warm(emulator)
    return {**figures, **cold(function, runtime, world)}


def main() -> int:
    """Print the figures and write them down."""
    told = measure()
    for database in DATABASES:
        each = told[database]
        print(
            f"{database:<9} warm p50 {each['p50_ms']} ms, p99 {each['p99_ms']} ms, {BATCH} signals "
            f"{each['batch_p50_ms']} ms; first answer {each['first_answer_ms']} ms, "
            f"{each['times']} times a bare import of onnxruntime ({each['bare_ms']} ms)"
        )
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
