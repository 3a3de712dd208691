"""Cold starts of the built functions against a bare handler: until the first question to a peer.

Each function is built as for Lambda and started by AWS's runtime emulator in an environment of its
own. It loads its code, reads its secrets, and is timed when it first asks its database, broker or
bucket. The bare handler, with the same layers on its path, is timed when it answers. All take
turns, so that what else the machine does falls on each of them. Two handlers of a few lines show
what the packages cost that every guard uses, before a line of Stopward is loaded.
"""

import json
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmarks.cold_start_world import Start, a_watch, start
from stopward.local.host.template import FunctionDefinition
from tests.deploy.__main__ import EMULATOR, ROOT, TOOLS
from tests.deploy.__main__ import WORK as KEPT
from tests.deploy.building import build, copy_source, functions_of, install_runtime, runtime_of
from tests.deploy.emulator import Deployed, Runtime
from tests.deploy.first_question import parameters
from tests.deploy.import_budgets import BUDGETS
from tests.deploy.interpreter import find_interpreter
from tests.deploy.packaging import Package, package

ROUNDS = 11
WORK = ROOT / ".stopward" / "bench-cold-start"
RESULTS = Path(__file__).parent / "results" / "cold_start.json"
BARE, PACKAGES, WHOLE = "a bare handler", "the packages alone", "the same, supabase-py whole"
HANDLERS: Mapping[str, str] = {
    BARE: "def handler(event, context):\n    return {}\n",
    PACKAGES: """
import os
import boto3
import httpx
from aws_lambda_powertools import Logger, Metrics
from postgrest import SyncPostgrestClient
logger, metrics = Logger(), Metrics()
boto3.client("secretsmanager").get_secret_value(SecretId="start")
def handler(event, context):
    client = SyncPostgrestClient(os.environ["URL"], schema="api", http_client=httpx.Client())
    return client.rpc("begin_tick", {}).execute()
""",
    WHOLE: """
import os
import boto3
import httpx
from aws_lambda_powertools import Logger, Metrics
from supabase import ClientOptions, create_client
logger, metrics = Logger(), Metrics()
boto3.client("secretsmanager").get_secret_value(SecretId="start")
def handler(event, context):
    options = ClientOptions(schema="api", httpx_client=httpx.Client())
    client = create_client(os.environ["URL"], "sb_secret_start", options)
    return client.rpc("begin_tick", {}).execute()
""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Medians of one handler, milliseconds; over: those of what each round took beyond the bare."""

    name: str
    wall: float
    busy: float
    over_wall: float
    over_busy: float
    times_wall: float
    times_busy: float


def deployed(each: Package, definition: FunctionDefinition) -> Deployed:
    """Return a built function with the environment of its template."""
    return Deployed(
        name=definition.name,
        handler=definition.handler,
        task=each.task,
        paths=each.paths(),
        environment=definition.environment,
        timeout_seconds=definition.timeout_seconds,
        memory_mb=definition.memory_mb,
    )


def handler_beside(example: Deployed, name: str, url: str) -> Deployed:
    """Return a handler of a few lines, with the layers and settings of a function."""
    task = WORK / "handlers" / name.replace(" ", "-")
    task.mkdir(parents=True, exist_ok=True)
    (task / "app.py").write_text(HANDLERS[name], encoding="utf-8")
    return Deployed(
        name=name,
        handler="app.handler",
        task=task,
        paths=(task, *example.paths[1:]),
        environment={**example.environment, "URL": url},
        timeout_seconds=example.timeout_seconds,
        memory_mb=example.memory_mb,
    )


def subjects(url: str) -> tuple[dict[str, Deployed], Runtime]:
    """Build everything and return what is started, by its name, and what stands for Lambda."""
    shutil.rmtree(WORK, ignore_errors=True)
    interpreter = find_interpreter(runtime_of(ROOT))
    print(interpreter.sentence(), flush=True)
    source = copy_source(ROOT, WORK / "source")
    template = build(source, interpreter=interpreter, tools=TOOLS)
    definitions = functions_of(template, parameters(url))
    packages = package(definitions, to=WORK / "packages")
    functions = {each.name: deployed(each, definitions[each.name]) for each in packages}
    example = next(iter(functions.values()))
    handlers = {name: handler_beside(example, name, url) for name in HANDLERS}
    (emulator,) = TOOLS.parent.glob(EMULATOR)
    own = install_runtime(source, KEPT / "runtime", interpreter=interpreter)
    return handlers | functions, Runtime(interpreter=interpreter, packages=own, emulator=emulator)


def measure() -> dict[str, list[Start]]:
    """Start each in turn, ROUNDS times after one that warms the machine's file cache."""
    with a_watch() as (watch, script):
        found, runtime = subjects(script.url)
        started: dict[str, list[Start]] = {name: [] for name in found}
        for number in range(ROUNDS + 1):
            for name, function in found.items():
                once = partial(start, watch=watch, url=script.url, runtime=runtime)
                scratch = WORK / "calls" / f"{number}-{name.replace(' ', '-')}"
                took = once(function, scratch=scratch, asks=name != BARE)
                if number:
                    started[name].append(took)
        return started


def row(name: str, found: Sequence[Start], bare: Sequence[Start]) -> Row:
    """Return the medians of one handler beside the bare one's of the same rounds."""
    pairs = tuple(zip(found, bare, strict=True))
    return Row(
        name=name,
        wall=statistics.median(each.wall for each in found),
        busy=statistics.median(each.busy for each in found),
        over_wall=statistics.median(each.wall - other.wall for each, other in pairs),
        over_busy=statistics.median(each.busy - other.busy for each, other in pairs),
        times_wall=statistics.median(each.wall / other.wall for each, other in pairs),
        times_busy=statistics.median(each.busy / other.busy for each, other in pairs),
    )


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text."""
    heads = ("by the clock", "over", "times", "busy", "over", "times", "budget")
    lines = [f"{'milliseconds':28}" + "".join(f"{head:>13}" for head in heads)]
    for each in rows:
        numbers = (each.wall, each.over_wall, each.times_wall, each.busy, each.over_busy)
        cells = [f"{number:.1f}" for number in (*numbers, each.times_busy)]
        lines.append(f"{each.name:28}" + "".join(f"{c:>13}" for c in (*cells, kept(each))))
    return "\n".join(lines)


def kept(each: Row) -> str:
    """Return whether a function starts within its budget; empty for what has none."""
    budget = BUDGETS.get(each.name)
    if budget is None or budget.times is None:
        return ""
    return "kept" if each.times_busy <= budget.times else f"BROKEN, {budget.times:g}"


def main() -> int:
    """Print the table and write the JSON; 1 when a budget is broken."""
    started = measure()
    rows = [row(name, found, started[BARE]) for name, found in started.items()]
    print(table(rows))
    document = {
        "python": runtime_of(ROOT),
        "rounds": ROUNDS,
        "bare": BARE,
        "packages": PACKAGES,
        "whole": WHOLE,
        "milliseconds": [
            {
                name: value if isinstance(value, str) else round(value, 1)
                for name, value in asdict(each).items()
            }
            for each in rows
        ],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 1 if any("BROKEN" in kept(each) for each in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
