"""An execution environment of Lambda: receives batches as an event source does, calls the handler.

What the handler prints goes to a file, which is all that the run judges it by.
"""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from benchmarks.load.clock import SlowClock

BATCH: Final = 4
"""As the template's event source has it; tests/load compares."""
TIMEOUT_MILLISECONDS: Final = 60_000
PATIENCE_SECONDS: Final = 0.1


@dataclass(slots=True, kw_only=True)
class Worked:
    """What a worker did. wall, cpu: seconds in the handler; cold: in its first invocation's start.

    received, deleted, calls: messages got and settled, and calls of SQS for both.
    """

    invocations: int = 0
    received: int = 0
    failed: int = 0
    calls: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    cold: float = 0.0


def work(
    environment: Mapping[str, str], clock: SlowClock, queue: str, log: Path, pipe: Connection
) -> None:
    """Work until told to end; "report" is answered with what was done since the last report."""
    os.environ.update(environment)
    with log.open("w", encoding="utf-8", buffering=1) as printed:
        sys.stdout = printed
        import boto3

        from stopward.adapters import clocks
        from tests.builders.fleet import record_of
        from tests.builders.lambda_function import a_context, load_app

        clocks.SystemClock = lambda: clock  # type: ignore[assignment, misc, return-value]
        begun = time.perf_counter()
        app = load_app("tick_accounts")
        worked = Worked(cold=time.perf_counter() - begun)
        sqs = boto3.client("sqs")
        pipe.send("ready")
        while True:
            if pipe.poll():
                if pipe.recv() == "end":
                    return
                pipe.send(worked)
                worked = Worked()
            answer = sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=BATCH, AttributeNames=["All"]
            )
            messages: list[Any] = answer.get("Messages", [])
            if not messages:
                time.sleep(PATIENCE_SECONDS)
                continue
            event = {"Records": [record_of(each) for each in messages]}
            context = a_context("tick_accounts", milliseconds=TIMEOUT_MILLISECONDS)
            context.aws_request_id = f"{os.getpid()}-{worked.invocations}"
            wall, cpu = time.perf_counter(), time.process_time()
            said = app.handler(event, context)
            worked.cpu += time.process_time() - cpu
            worked.wall += time.perf_counter() - wall
            failed = {each["itemIdentifier"] for each in said["batchItemFailures"]}
            worked.invocations += 1
            worked.received += len(messages)
            worked.failed += len(failed)
            done = [
                {"Id": str(place), "ReceiptHandle": each["ReceiptHandle"]}
                for place, each in enumerate(messages)
                if each["MessageId"] not in failed
            ]
            worked.calls += 1
            if done:
                sqs.delete_message_batch(QueueUrl=queue, Entries=done)
                worked.calls += 1
