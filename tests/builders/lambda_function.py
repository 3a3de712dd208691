"""A function as Lambda loads it: its app.py anew, what a handler is given, what it printed."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"


def load_app(folder: str, *, named: str = "") -> ModuleType:
    """Load functions/`folder`/app.py anew, as a cold start does; `named` is the module's name."""
    path = FUNCTIONS / folder / "app.py"
    spec = importlib.util.spec_from_file_location(named or f"{folder}_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def a_context(function: str, *, memory: int = 512, milliseconds: int = 900_000) -> SimpleNamespace:
    """Return what Lambda gives a handler. memory: MB; milliseconds: left until it is ended."""
    return SimpleNamespace(
        function_name=function,
        memory_limit_in_mb=memory,
        invoked_function_arn="arn",
        aws_request_id="r",
        get_remaining_time_in_millis=lambda: milliseconds,
    )


def metrics(printed: str) -> dict[str, Any]:
    """Return the figures of the one line of metrics among what was printed."""
    (found,) = [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]
    return {name: value for name, value in found.items() if isinstance(value, list)}
