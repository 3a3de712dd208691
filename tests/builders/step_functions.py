"""The state machine of sweeps, run by moto's interpreter with our own handler for each shard.

What it lacks, as of moto 5.2: a shard that has no try left does not fail the execution, whatever
is tolerated; the manifest that it writes of a run lists nothing; and the paths of a ResultWriter
are read in the map's output, where AWS reads its input (so the definition asks the context). It
waits between tries in real time and runs Lambdas in Docker: both are replaced here.
"""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils

ROOT = Path(__file__).parents[2]
DEFINITION = ROOT / "infra" / "sweep.asl.json"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:stopward-test-replay_shard"
ROLE_ARN = "arn:aws:iam::123456789012:role/sweep"
LONGEST_SECONDS = 60.0
Handler = Callable[[dict[str, Any]], dict[str, int]]


class SweepMachine:
    """The state machine of `infra/sweep.asl.json`. calls: events; waits: seconds between tries."""

    def __init__(self, handler: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[dict[str, Any]] = []
        self.waits: list[float] = []
        self._handler = handler
        self._runs = 0
        self._one_at_a_time = threading.Lock()
        monkeypatch.setattr(lambda_eval_utils, "_invoke_lambda_function", self._invoke)
        monkeypatch.setattr(retrier_decl, "time", SimpleNamespace(sleep=self.waits.append))
        text = DEFINITION.read_text(encoding="utf-8")
        for name, value in {"Partition": "aws", "ReplayShardArn": FUNCTION_ARN}.items():
            text = text.replace("${" + name + "}", value)
        self._client = boto3.client("stepfunctions")
        self._arn = self._client.create_state_machine(
            name="stopward-test-sweep", definition=text, roleArn=ROLE_ARN
        )["stateMachineArn"]

    def run(self, given: dict[str, str]) -> str:
        """Run an execution to its end and return its status."""
        before = set(threading.enumerate())
        self._runs += 1
        started = self._client.start_execution(
            stateMachineArn=self._arn, name=f"run-{self._runs}", input=json.dumps(given)
        )
        for thread in set(threading.enumerate()) - before:
            thread.join(LONGEST_SECONDS)
        arn = started["executionArn"]
        status: str = self._client.describe_execution(executionArn=arn)["status"]
        return status

    def walked(self) -> list[tuple[int, int]]:
        """Return the sets of each call so far, sorted, and forget the calls."""
        found = sorted((each["first"], each["last"]) for each in self.calls)
        self.calls.clear()
        return found

    def _invoke(self, parameters: dict[str, Any], region: str, state_credentials: Any) -> Any:
        """Answer as Lambda does: the handler's answer, or the name of the error it raised."""
        assert parameters["FunctionName"] == FUNCTION_ARN
        event = json.loads(parameters["Payload"])
        # A host of Lambda serves one event at a time.
        with self._one_at_a_time:
            self.calls.append(event)
            try:
                return {"StatusCode": 200, "Payload": self._handler(event)}
            except Exception as error:
                said = {"errorType": type(error).__name__, "errorMessage": str(error)}
                return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": said}
