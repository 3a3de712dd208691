"""The runtime loop for platforms that have no `awslambdaric`: `python -m ... HANDLER`.

It speaks the same Runtime API, so the host cannot tell the difference.
"""

import http.client
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stopward.adapters.clocks import SystemClock

BASE = "/2018-06-01/runtime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Lambda's context object, as far as Powertools and our handlers read it."""

    aws_request_id: str
    deadline_ms: int
    invoked_function_arn: str
    function_name: str
    memory_limit_in_mb: str
    function_version: str = "$LATEST"

    def get_remaining_time_in_millis(self) -> int:
        """Return real milliseconds until the deadline, at least 0."""
        return max(0, self.deadline_ms - int(SystemClock().now().timestamp() * 1000))


def _call(connection: http.client.HTTPConnection, path: str, body: object) -> None:
    connection.request("POST", f"{BASE}{path}", json.dumps(body))
    connection.getresponse().read()


def _failure(error: BaseException) -> dict[str, object]:
    return {
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_exception(error),
    }


def _load(handler: str) -> Callable[[Any, Context], object]:
    module, _, name = handler.rpartition(".")
    loaded: Callable[[Any, Context], object] = getattr(importlib.import_module(module), name)
    return loaded


def main(handler: str) -> int:
    """Serve invocations until the host is gone; return the exit code."""
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        function = _load(handler)
    except Exception as error:  # whatever a module raises is reported, as Lambda does
        _call(connection, "/init/error", _failure(error))
        return 1
    while True:
        connection.request("GET", f"{BASE}/invocation/next")
        answer = connection.getresponse()
        event = answer.read()
        if answer.status != 200:
            return 0
        context = Context(
            aws_request_id=answer.headers["Lambda-Runtime-Aws-Request-Id"],
            deadline_ms=int(answer.headers["Lambda-Runtime-Deadline-Ms"]),
            invoked_function_arn=answer.headers["Lambda-Runtime-Invoked-Function-Arn"],
            function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
            memory_limit_in_mb=os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        )
        place = f"/invocation/{context.aws_request_id}"
        try:
            result = function(json.loads(event), context)
        except Exception as error:
            _call(connection, f"{place}/error", _failure(error))
        else:
            _call(connection, f"{place}/response", result)


if __name__ == "__main__":
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    try:
        sys.exit(main(sys.argv[1]))
    except (OSError, http.client.HTTPException):
        sys.exit(0)  # the host is gone
