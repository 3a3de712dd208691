"""What the runtime emulator answers is understood, and what it is told is the template's alone."""

import json
from pathlib import Path

import pytest

from stopward.local.host.invocation import Answered, Crashed, Failed, Outcome, TimedOut
from tests.deploy.emulator import Deployed, Emulator, Runtime, outcome_of
from tests.deploy.interpreter import find_interpreter

ERROR = {"errorType": "InvalidInput", "errorMessage": "was 3", "stackTrace": ["line"]}
EXIT = {"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited: exit status 3"}


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ('{"ticks": 3}', Answered(payload='{"ticks": 3}')),
        ("[]", Answered(payload="[]")),
        ("Task timed out after 8.00 seconds", TimedOut(seconds=8.0)),
        (json.dumps(ERROR), Failed(error_type="InvalidInput", message="was 3", trace=("line",))),
        (json.dumps(EXIT), Crashed(exit_code=3, message="Runtime exited: exit status 3")),
        ("no json", Crashed(exit_code=1, message="no json")),
    ],
    ids=["answer", "list", "time-out", "error", "exit", "text"],
)
def test_a_body_says_what_the_caller_sees(body: str, outcome: Outcome) -> None:
    assert outcome_of(body) == outcome


def test_a_function_is_given_nothing_of_this_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOPWARD_ACCOUNT_ID", "of the shell")
    monkeypatch.setenv("PYTHONPATH", "/of/the/shell")
    function = Deployed(
        name="f", handler="app.handler", task=tmp_path / "task", paths=(tmp_path / "task",),
        environment={"POWERTOOLS_SERVICE_NAME": "stopward"}, timeout_seconds=60, memory_mb=512,
    )  # fmt: skip
    runtime = Runtime(
        interpreter=find_interpreter("python3.12"), packages=tmp_path / "own", emulator=tmp_path
    )
    emulator = Emulator(
        function=function, runtime=runtime, scratch=tmp_path / "scratch", given={"A": "1"},
        timeout_seconds=5,
    )  # fmt: skip
    found = emulator._environment()
    assert [name for name in found if name.startswith("STOPWARD_")] == []
    assert found["PYTHONPATH"] == f"{tmp_path / 'task'}:{tmp_path / 'own'}"
    assert found["AWS_LAMBDA_FUNCTION_TIMEOUT"] == "5"
    assert (found["POWERTOOLS_SERVICE_NAME"], found["A"]) == ("stopward", "1")
