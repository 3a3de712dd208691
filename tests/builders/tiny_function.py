"""A tiny real function, to host in the tests: it does what its event says."""

from pathlib import Path

from stopward.local.host.schedule import parse_schedule
from stopward.local.host.template import FunctionDefinition

SOURCE = """
import json
import os
import sys
import time

import urllib3

CLOCK = os.environ["STOPWARD_CLOCK_URL"]
HTTP = urllib3.PoolManager(timeout=60, retries=False)


def handler(event, context):
    print(json.dumps({"level": "INFO", "message": "called", "event": event}))
    seen = []
    for until in event.get("waits", []):
        HTTP.request("POST", CLOCK + "/wait", json={"until": until, "name": "tiny"})
        seen.append(HTTP.request("GET", CLOCK + "/time").json()["now"])
    match event.get("do"):
        case "raise":
            raise ValueError("as asked")
        case "crash":
            print("last words")
            os._exit(3)
        case "hang":
            while True:
                time.sleep(0.01)
        case "environment":
            return dict(os.environ)
    return {
        "event": event,
        "seen": seen,
        "request_id": context.aws_request_id,
        "remaining": context.get_remaining_time_in_millis(),
    }
"""


def a_function(
    folder: Path,
    *,
    name: str = "tiny",
    source: str = SOURCE,
    payload: str = '{"time": "<aws.scheduler.scheduled-time>"}',
    expression: str | None = "rate(1 minute)",
) -> FunctionDefinition:
    """Write a function into a folder of its own and return its definition."""
    code_folder = folder / name
    code_folder.mkdir()
    (code_folder / "app.py").write_text(source, encoding="utf-8")
    schedules = (
        ()
        if expression is None
        else (parse_schedule(expression, timezone="America/New_York", payload=payload),)
    )
    return FunctionDefinition(
        logical_id=name.title(),
        name=name,
        handler="app.handler",
        runtime="python3.12",
        code_folder=code_folder,
        layer_folders=(),
        timeout_seconds=60,
        memory_mb=128,
        environment={"FROM_TEMPLATE": "template", "OVERRIDDEN": "template"},
        schedules=schedules,
    )
