"""A built function in AWS's own runtime emulator, as Lambda would start it and call it.

The emulator comes with the SAM CLI, the runtime client is AWS's `awslambdaric`. A function gets
its template's environment, what Lambda sets, and keys that open nothing. One call at a time.
"""

import json
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stopward.local.host.invocation import Answered, Crashed, Failed, Outcome, TimedOut
from stopward.local.host.log_line import LogLine, parse_line
from tests.deploy.interpreter import Interpreter

PATH_OF_CALLS = "/2015-03-31/functions/function/invocations"
START_SECONDS = 10.0
BEYOND_SECONDS = 30.0
"""How long after its time-out an answer may come."""
TIMED_OUT = re.compile(r"Task timed out after ([\d.]+) seconds")
INIT = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")
EXIT = re.compile(r"exit status (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What stands for Lambda: a Python, the packages it has, and the emulator."""

    interpreter: Interpreter
    packages: Path
    emulator: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A function as Lambda knows it. paths: where its Python looks before Lambda's own."""

    name: str
    handler: str
    task: Path
    paths: Sequence[Path]
    environment: Mapping[str, str]
    timeout_seconds: int
    memory_mb: int


@dataclass(slots=True)
class Emulator:
    """One slot of one function, for the length of a block. scratch: a folder that is its /tmp."""

    function: Deployed
    runtime: Runtime
    scratch: Path
    given: Mapping[str, str]
    timeout_seconds: int | None = None
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _port: int = field(default=0, init=False)

    def __enter__(self) -> Self:
        """Start the emulator; the function starts with its first call."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        self._port, api = _free_ports()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    self.runtime.emulator,
                    "--runtime-interface-emulator-address", f"127.0.0.1:{self._port}",
                    "--runtime-api-address", f"127.0.0.1:{api}",
                    # -S: what is installed beside this Python is not on Lambda.
                    self.runtime.interpreter.path, "-S", "-m", "awslambdaric",
                    self.function.handler,
                ],
                cwd=self.function.task,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self._await_port()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """End the emulator and its function."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def pid(self) -> int:
        """The emulator's process; the function's is its child."""
        if self._process is None:
            raise LookupError("the emulator was not started")
        return self._process.pid

    def call(self, event: object) -> Outcome:
        """Invoke the function and return what its caller sees."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{PATH_OF_CALLS}", data=json.dumps(event).encode()
        )
        longest = (self.timeout_seconds or self.function.timeout_seconds) + BEYOND_SECONDS
        try:
            with urllib.request.urlopen(request, timeout=longest) as answer:  # noqa: S310
                return outcome_of(answer.read().decode())
        except urllib.error.HTTPError as error:
            return outcome_of(error.read().decode())

    def printed(self) -> str:
        """Return all that the emulator and the function printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def lines(self) -> tuple[LogLine, ...]:
        """Return the same, line by line."""
        return tuple(map(parse_line, self.printed().splitlines()))

    def start_milliseconds(self) -> float | None:
        """Return how long the first start of the function took, None before there was one."""
        found = INIT.search(self.printed())
        return None if found is None else float(found[1])

    @property
    def _log(self) -> Path:
        return self.scratch.with_suffix(".log")

    def _environment(self) -> dict[str, str]:
        function = self.function
        seconds = self.timeout_seconds or function.timeout_seconds
        paths = [str(path.resolve()) for path in (*function.paths, self.runtime.packages)]
        lambda_own = {
            "AWS_ACCESS_KEY_ID": "opens-nothing",
            "AWS_SECRET_ACCESS_KEY": "opens-nothing",
            "AWS_SESSION_TOKEN": "opens-nothing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{self.runtime.interpreter.version}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "LAMBDA_RUNTIME_DIR": str(self.runtime.packages.resolve()),
            "LAMBDA_TASK_ROOT": str(function.task.resolve()),
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": ":".join(paths),
            # Only /tmp can be written there: nothing compiled is kept beside its source.
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.scratch.resolve()),
            "TZ": ":UTC",
        }
        return {**lambda_own, **function.environment, **self.given}

    def _await_port(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise SystemExit(f"the runtime emulator did not start:\n{self.printed()}")


def outcome_of(body: str) -> Outcome:
    """Return what a body of the emulator says; its status is 200 for most errors too."""
    if found := TIMED_OUT.search(body):
        return TimedOut(seconds=float(found[1]))
    try:
        said: Any = json.loads(body)
    except ValueError:
        return Crashed(exit_code=1, message=body.strip())
    if not isinstance(said, dict) or "errorType" not in said:
        return Answered(payload=body)
    message = str(said.get("errorMessage", ""))
    if said["errorType"] == "Runtime.ExitError":
        code = EXIT.search(message)
        return Crashed(exit_code=int(code[1]) if code else -1, message=message)
    trace = tuple(str(line) for line in said.get("stackTrace") or ())
    return Failed(error_type=str(said["errorType"]), message=message, trace=trace)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]
