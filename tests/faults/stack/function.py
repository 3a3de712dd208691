"""A deployed function in this process: its real app.py, wired to the wire of one schedule."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from stopward import bootstrap, entry
from stopward.adapters import alpaca
from stopward.adapters.functions import Functions
from stopward.ports import Clock
from stopward.services.guard import Guard
from tests.builders.faults import GuardName
from tests.builders.lambda_function import load_app

ROOT = Path(__file__).resolve().parents[3]
FOLDERS: Mapping[GuardName, str] = {"monitor": "monitor_positions", "breakeven": "check_breakeven"}
ENVIRONMENT = {
    # A name of its own, for loggers are kept by name: other tests want to hear theirs.
    "POWERTOOLS_SERVICE_NAME": "stack",
    "POWERTOOLS_METRICS_NAMESPACE": "Stopward",
    "POWERTOOLS_TRACE_DISABLED": "1",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}


@dataclass(slots=True)
class Context:
    """What Lambda gives a handler; its time runs with the simulated clock."""

    aws_request_id: str
    ends_at: datetime
    now: Callable[[], datetime]
    function_name: str = "guard"
    function_version: str = "1"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:guard"
    log_group_name: str = "guard"
    log_stream_name: str = "guard"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""
        return int((self.ends_at - self.now()).total_seconds() * 1000)


@dataclass(slots=True, kw_only=True)
class Parts:
    """What a cold start is given instead of the network, the database and the clock."""

    transport: type
    functions: Callable[[], Functions]
    clock: Callable[[str], Clock]
    on_failure: Callable[[str, Exception], None]
    wrap: Callable[[Guard], Guard] = field(default=lambda guard: guard)


def cold_start(name: GuardName, settings: Mapping[str, str], parts: Parts) -> ModuleType:
    """Load a function's app.py anew, as a new execution environment of Lambda does."""
    with ExitStack() as patches:
        patches.enter_context(patch.dict(os.environ, {**ENVIRONMENT, **settings}))
        patches.enter_context(patch.object(alpaca, "Transport", parts.transport))
        patches.enter_context(
            patch.object(bootstrap.parts, "functions", lambda *_, **__: parts.functions())
        )
        patches.enter_context(
            patch.object(bootstrap.parts, "clock_of", lambda _, source: parts.clock(source))
        )
        patches.enter_context(patch.object(entry, "report_failure", lambda _: parts.on_failure))
        app = load_app(FOLDERS[name], named=f"stack_{FOLDERS[name]}")
    app.guard.guard = parts.wrap(app.guard.guard)
    return app


def invoke(app: ModuleType, scheduled_at: datetime, context: Context) -> Any:
    """Call the handler with a schedule's event."""
    return app.handler({"time": scheduled_at.isoformat()}, context)


def settings_of(
    account_id: str, *, url: str, broker_url: str, key: str, secret: str, pulse_seconds: int
) -> dict[str, str]:
    """Return the variables of a function of this account."""
    return {
        "STOPWARD_ACCOUNT_ID": account_id,
        "STOPWARD_DATABASE_URL": url,
        "STOPWARD_BROKER_URL": broker_url,
        "STOPWARD_MARKET_DATA_URL": broker_url,
        "STOPWARD_BROKER_KEY_ID": key,
        "STOPWARD_BROKER_SECRET_KEY": secret,
        "STOPWARD_PULSE_SECONDS": str(pulse_seconds),
    }
