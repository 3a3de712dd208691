"""The Lambda Runtime API, version 2018-06-01, for one function process.

Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".
"""

import json
from collections.abc import Callable
from threading import Condition
from typing import Any

from stopward.local.host.invocation import Answered, Failed, Invocation, Outcome
from stopward.local.host.loopback import LoopbackServer, Reply, Request, json_reply


class RuntimeApi:
    """Hands invocations to the process that asks for the next, and takes what came of them.

    `on_outcome(request_id, outcome)` is called on a server thread, before the process is answered.
    """

    def __init__(self, *, arn: str, on_outcome: Callable[[str, Outcome], None]) -> None:
        self._arn = arn
        self._on_outcome = on_outcome
        self._changed = Condition()
        self._next: Invocation | None = None
        self._current: str | None = None
        self._ready = False
        self._gone = False
        self._process_number = 0
        self._init_error = ""
        self._server = LoopbackServer(self._answer)

    @property
    def address(self) -> str:
        """Value of AWS_LAMBDA_RUNTIME_API."""
        return self._server.address

    @property
    def init_error(self) -> str:
        """What the last process said when it failed to start; empty when it did not."""
        with self._changed:
            return self._init_error

    def renew(self) -> None:
        """Forget the last process, and whatever it still waits for: a new one is about to start."""
        with self._changed:
            self._process_number += 1
            self._ready = False
            self._gone = False
            self._current = None
            self._init_error = ""
            self._changed.notify_all()

    def gone(self) -> None:
        """Say that the process ended; an invocation that it has not asked for is taken back."""
        with self._changed:
            self._gone = True
            self._next = None
            self._changed.notify_all()

    def offer(self, invocation: Invocation) -> None:
        """Give the next invocation to the process once it asks."""
        with self._changed:
            self._next = invocation
            self._changed.notify_all()

    def await_ready(self, *, timeout_seconds: float) -> bool:
        """Wait (real time) until the process asks for work, or is gone; return whether it asked."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._gone, timeout=timeout_seconds)
            return self._ready

    def stop(self) -> None:
        """Stop serving; a process that waits for work loses its connection and ends."""
        with self._changed:
            self._process_number += 1
            self._changed.notify_all()
        self._server.stop()

    def _answer(self, request: Request) -> Reply:
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["2018-06-01", "runtime", "invocation", "next"]:
                return self._hand_out()
            case "POST", ["2018-06-01", "runtime", "invocation", str(request_id), "response"]:
                payload = request.body.decode("utf-8", errors="replace")
                return self._take(request_id, Answered(payload=payload))
            case "POST", ["2018-06-01", "runtime", "invocation", str(request_id), "error"]:
                return self._take(request_id, _failure(request.body))
            case "POST", ["2018-06-01", "runtime", "init", "error"]:
                failure = _failure(request.body)
                with self._changed:
                    self._init_error = f"{failure.error_type}: {failure.message}"
                return json_reply(202, {"status": "OK"})
        return json_reply(404, {"errorType": "NotFound", "errorMessage": request.path})

    def _hand_out(self) -> Reply:
        with self._changed:
            asked_by = self._process_number
            self._ready = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._process_number != asked_by or self._next is not None
            )
            if self._process_number != asked_by or self._next is None:
                return json_reply(500, {"errorType": "ShuttingDown", "errorMessage": "not wanted"})
            invocation, self._next = self._next, None
            self._current = invocation.request_id
        return Reply(
            status=200,
            body=invocation.event,
            headers={
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline.timestamp() * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": self._arn,
            },
        )

    def _take(self, request_id: str, outcome: Outcome) -> Reply:
        with self._changed:
            if request_id != self._current:
                return json_reply(
                    400,
                    {"errorType": "InvalidRequestID", "errorMessage": "not the current request"},
                )
            self._current = None
        self._on_outcome(request_id, outcome)
        return json_reply(202, {"status": "OK"})


def _failure(body: bytes) -> Failed:
    try:
        said: Any = json.loads(body)
    except ValueError:
        said = body.decode("utf-8", errors="replace")
    if not isinstance(said, dict):
        return Failed(error_type="Unknown", message=str(said))
    trace = said.get("stackTrace", [])
    return Failed(
        error_type=str(said.get("errorType", "Unknown")),
        message=str(said.get("errorMessage", "")),
        trace=tuple(str(line) for line in trace) if isinstance(trace, list) else (),
    )
