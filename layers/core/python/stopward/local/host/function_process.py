"""One function in a process of its own: started, called, watched, killed."""

import importlib.util
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock, Thread

from stopward.errors import InvalidState
from stopward.local.host.environment import function_environment
from stopward.local.host.invocation import Crashed, Invocation, Outcome, TimedOut
from stopward.local.host.log_line import LogLine, TextLine, parse_line
from stopward.local.host.runtime_api import RuntimeApi
from stopward.local.host.template import FunctionDefinition

STOP_SECONDS = 2.0
"""How long a process has to end by itself before it is killed."""
LAST_WORDS = 20
"""Lines kept to explain a crash."""


class FunctionProcess:
    """A function's process. A dead one is started again by the next invocation, as Lambda does.

    `on_outcome(name, outcome)` is called once an invocation, on any thread; `on_line(name, line)`
    for each printed line. Everything printed is also appended to `log_path`.
    """

    def __init__(
        self,
        definition: FunctionDefinition,
        *,
        overrides: Mapping[str, str],
        log_path: Path,
        on_outcome: Callable[[str, Outcome], None],
        on_line: Callable[[str, LogLine], None],
    ) -> None:
        self.definition = definition
        self._on_outcome = on_outcome
        self._on_line = on_line
        self._log_path = log_path
        self._lock = Lock()
        self._in_flight: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: Thread | None = None
        self._ran_seconds: float | None = None
        self._stopping = False
        self._last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self.starts = 0
        self._api = RuntimeApi(arn=definition.arn, on_outcome=self._answered)
        self._environment = function_environment(
            definition, runtime_api=self._api.address, overrides=overrides
        )

    @property
    def name(self) -> str:
        """The function's name."""
        return self.definition.name

    def is_busy(self) -> bool:
        """Return whether an invocation is under way."""
        with self._lock:
            return self._in_flight is not None

    def start(self) -> None:
        """Start the process when none runs."""
        with self._lock:
            if self._stopping:
                raise InvalidState(f"{self.name} was stopped")
            if self._process is not None and self._process.poll() is None:
                return
            reader = self._reader
        if reader is not None:
            reader.join()  # its last lines and its exit are reported before its successor's first
        with self._lock:
            self._api.renew()
            self._last_words.clear()
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, a fixed argument list
                [sys.executable, "-m", _runtime_module(), self.definition.handler],
                cwd=self.definition.code_folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is the host's to handle
            )
            self.starts += 1
            self._reader = Thread(target=self._watch, args=(self._process,), daemon=True)
            self._reader.start()

    def await_ready(self, *, timeout_seconds: float) -> None:
        """Wait until the handler is imported; raises InvalidState, with its last words, if not."""
        if not self._api.await_ready(timeout_seconds=timeout_seconds):
            raise InvalidState(f"function {self.name} did not start: {self._explanation()}")

    def invoke(self, invocation: Invocation) -> None:
        """Hand over one invocation and return. Raises InvalidState while another is under way."""
        if self.is_busy():
            raise InvalidState(f"{self.name} is still busy")
        self.start()
        with self._lock:
            self._in_flight = invocation.request_id
        self._api.offer(invocation)
        process = self._process
        if process is not None and process.poll() is not None:
            self._ended(process.returncode)  # it died before it could ask

    def kill(self, *, ran_seconds: float) -> None:
        """Kill the process because its invocation took too long; its outcome is TimedOut."""
        with self._lock:
            self._ran_seconds = ran_seconds
            process, reader = self._process, self._reader
        if process is not None and reader is not None:
            process.kill()
            reader.join()

    def stop(self) -> None:
        """End the process and its server; an invocation under way has no outcome then."""
        with self._lock:
            self._stopping = True
            self._in_flight = None
            process, reader = self._process, self._reader
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if reader is not None:
            reader.join()
        self._api.stop()

    def _answered(self, request_id: str, outcome: Outcome) -> None:
        with self._lock:
            if request_id != self._in_flight:
                return
        self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        with self._lock:
            if self._in_flight is None:
                return
            self._in_flight = None
        self._on_outcome(self.name, outcome)

    def _ended(self, exit_code: int) -> None:
        self._api.gone()
        with self._lock:
            ran_seconds, self._ran_seconds = self._ran_seconds, None
        if ran_seconds is not None:
            self._finish(TimedOut(seconds=ran_seconds))
        else:
            self._finish(Crashed(exit_code=exit_code, message=self._explanation()))

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            raise InvalidState("a function process has no output to read")
        with process.stdout as lines, self._log_path.open("ab") as log:
            for raw in lines:
                log.write(raw)
                log.flush()
                line = parse_line(raw.decode("utf-8", errors="replace").rstrip("\r\n"))
                if isinstance(line, TextLine):
                    self._last_words.append(line.text)
                self._on_line(self.name, line)
        exit_code = process.wait()
        if not self._stopping:
            self._ended(exit_code)

    def _explanation(self) -> str:
        words = [word.strip() for word in self._last_words if word.strip()]
        return self._api.init_error or (words[-1] if words else "it printed nothing")


def _runtime_module() -> str:
    if importlib.util.find_spec("awslambdaric") is not None:
        return "awslambdaric"
    return "stopward.local.host.runtime"
