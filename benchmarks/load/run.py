"""One run: everything is started, warmed up, let go, drained, ended, judged and measured."""

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import boto3
import psutil
import psycopg

from benchmarks.load.clock import SlowClock
from benchmarks.load.dispatching import PULSE_SECONDS, Sent, dispatch, pulses_a_minute
from benchmarks.load.evidence import faults_of, journal_faults, told
from benchmarks.load.figures import Measured, figures_of
from benchmarks.load.market import FIRST, RULES, Size, instants
from benchmarks.load.serving import BrokerReport, running, serve_aws, serve_brokers
from benchmarks.load.worker import Worked, work
from stopward.adapters import clocks
from stopward.adapters.pulses_sqs import SqsPulses
from stopward.domain.pulses import Pulse
from stopward.services.dispatch import BATCH
from tests.builders.fleet import STAGE, open_fleet
from tests.builders.own_server import a_database_of_its_own
from tests.builders.simulator import at

RESULTS: Final = Path(__file__).parents[1] / "results" / "load.json"
QUEUE: Final = {"VisibilityTimeout": "360", "MessageRetentionPeriod": "600"}
ROOM: Final = 1.1
"""How much slower time runs than the warm-up says that the work takes."""
WARM_PULSES: Final = 1
"""Of each guard of an account, before the minutes that count."""
JOURNAL: Final = """
select coalesce(sum(pg_total_relation_size(h.inhrelid)), 0), pg_database_size(current_database())
from pg_inherits as h
where h.inhparent in ('stopward.decisions'::regclass, 'stopward.market_views'::regclass)
"""
DRAIN_SECONDS: Final = 120.0


@dataclass(slots=True, kw_only=True)
class Worker:
    """A worker's process. pipe: to ask it for what it did."""

    process: Any
    pipe: Any
    log: Path

    def report(self) -> Worked:
        """Return what it did since it was asked last."""
        self.pipe.send("report")
        found: Worked = self.pipe.recv()
        return found


@dataclass(slots=True, kw_only=True)
class Queue:
    """The queue and its dead letters, as the run looks at them."""

    url: str
    dead: str
    client: Any

    def left(self, url: str) -> int:
        """Return how many messages are there, seen or not."""
        name = "ApproximateNumberOfMessages"  # of serving.make_quick: all that are there
        found = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(found["Attributes"][name])

    def drain(self) -> None:
        """Wait until nothing is left. Raises TimeoutError where that does not come about."""
        before, since = self.left(self.url), time.monotonic()
        while left := self.left(self.url):
            if left < before:
                before, since = left, time.monotonic()
            if time.monotonic() - since > DRAIN_SECONDS:
                raise TimeoutError(f"{left} messages stay in the queue")
            time.sleep(0.5)


def run(size: Size, *, workers: int, slower: float | None) -> tuple[dict[str, object], list[str]]:
    """Return the figures of a run, and its faults, a line each."""
    context = get_context("spawn")
    clock = SlowClock(context, start=at(FIRST))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stopward-load-")))
        database = stack.enter_context(a_database_of_its_own(named="load", durable=True))
        say("opening the accounts")
        open_fleet(database, size.names(), rules=RULES, first_day=f"{at(0):%Y-%m-%d}")
        aws, _ = stack.enter_context(running(context, serve_aws, clock))
        broker, broker_pipe = stack.enter_context(running(context, serve_brokers, size, clock))
        environment = environment_of(database, aws, broker)
        stack.enter_context(patch.dict(os.environ, environment))
        queue = make_queue(size)
        os.environ["STOPWARD_TICK_QUEUE_URL"] = queue.url
        stack.enter_context(patch.object(clocks, "SystemClock", lambda: clock))
        crew = [
            stack.enter_context(
                a_worker(context, {**environment}, clock, queue.url, folder / f"worker-{n}.log")
            )
            for n in range(workers)
        ]
        warm_seconds = warm_up(size, queue, crew)
        pace = slower or ROOM * warm_seconds * pulses_a_minute() / 60
        say(f"warmed up: {warm_seconds:.1f} s a round; time runs {pace:.2f} times slower")
        start = instants(size.minutes)[0]
        clock.stand(start)
        meter = Meter(database=database, crew=crew, pipe=broker_pipe)
        meter.begin()
        clock.go(slower=pace)
        dispatches = [dispatch(minute, clock, size) for minute in instants(size.minutes)]
        clock.sleep_until(start + timedelta(minutes=size.minutes))
        queue.drain()
        measured = meter.end(dispatches)
        answer = snapshot_bytes(database, size)
        dead = queue.left(queue.dead)
        broker_pipe.send("end")
        report: BrokerReport = broker_pipe.recv()
        found = told([each.log for each in crew], since=start)
        open_positions, journal = journal_faults(
            database,
            pulses=size.minutes * pulses_a_minute() // 2 + WARM_PULSES,
            again=[pulse for each in dispatches for pulse in each.again],
        )
    due = size.accounts * size.minutes * pulses_a_minute()
    doubled = measured.received - due
    faults = faults_of(
        found,
        accounts=size.names(),
        minutes=instants(size.minutes),
        pulse_seconds=PULSE_SECONDS,
        doubled=doubled,
    )
    faults += journal + report.faults
    faults += [f"{dead} dead letters"] if dead else []
    sent_twice = sum(len(each.again) for each in dispatches)
    if doubled < sent_twice:
        faults.append(f"{sent_twice} messages were sent twice, and {doubled} came twice")
    figures = figures_of(
        size, found, report, measured, slower=pace, doubled=doubled, open_positions=open_positions
    )
    figures["snapshot_bytes"] = answer
    return figures, faults


def snapshot_bytes(database: str, size: Size) -> int:
    """Return how long the answer is that a tick begins with, on average; no account ticks by it."""
    with psycopg.connect(database) as eyes:
        found = eyes.execute(
            "select avg(octet_length(api.begin_tick(jsonb_build_object('account_id', a.id,"
            " 'tick_at', %s::timestamptz, 'holder', 'a look', 'lease_seconds', 5))::text))"
            " from unnest(%s::text[]) as a (id)",
            (at(FIRST + size.minutes + 1), list(size.names())),
        ).fetchone()
        eyes.rollback()
    assert found is not None
    return round(found[0])


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def environment_of(database: str, aws: str, broker: str) -> dict[str, str]:
    """Return the environment of the fleet's functions."""
    return {
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "opens-nothing",
        "AWS_SECRET_ACCESS_KEY": "opens-nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "stopward-load",
        "POWERTOOLS_METRICS_NAMESPACE": "Stopward",
        "POWERTOOLS_TRACE_DISABLED": "1",
        "STOPWARD_ACCOUNT_ID": "nobody",
        "STOPWARD_DATABASE_URL": database,
        "STOPWARD_BROKER_URL": broker,
        "STOPWARD_MARKET_DATA_URL": broker,
        "STOPWARD_PULSE_SECONDS": f"{PULSE_SECONDS:g}",
        "STOPWARD_FLEET": STAGE,
    }


def make_queue(size: Size) -> Queue:
    """Make the queue, its dead letters, and a secret for each account."""
    sqs, vault = boto3.client("sqs"), boto3.client("secretsmanager")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": "1"}
    made = sqs.create_queue(
        QueueName="ticks", Attributes={**QUEUE, "RedrivePolicy": json.dumps(policy)}
    )
    for name in size.names():
        keys = {"key_id": f"key-of-{name}", "secret_key": f"secret-of-{name}"}
        vault.create_secret(Name=f"stopward/accounts/{STAGE}/{name}", SecretString=json.dumps(keys))
    return Queue(url=made["QueueUrl"], dead=dead, client=sqs)


@contextmanager
def a_worker(
    context: Any, environment: Mapping[str, str], clock: SlowClock, queue: str, log: Path
) -> Iterator[Worker]:
    """Run a worker; it is ready when the block begins, and ends with it."""
    here, there = context.Pipe()
    process = context.Process(
        target=work, args=(environment, clock, queue, log, there), daemon=True
    )
    process.start()
    try:
        here.recv()
        yield Worker(process=process, pipe=here, log=log)
    finally:
        if process.is_alive():
            here.send("end")
        process.join(30)
        process.kill()


def warm_up(size: Size, queue: Queue, crew: Sequence[Worker]) -> float:
    """Tick each account twice while time stands still; return the seconds of the second round.

    The first round takes every position under guard, and arms what has no stop.
    """
    sender, seconds = SqsPulses(queue.url), 0.0
    for source in ("monitor_positions", "check_breakeven"):
        due = [Pulse(account_id=name, source=source, tick_at=at(FIRST)) for name in size.names()]
        begun = time.monotonic()
        for first in range(0, len(due), BATCH):
            sender.send(due[first : first + BATCH], now=at(FIRST))
        queue.drain()
        seconds = time.monotonic() - begun
    for worker in crew:
        worker.report()
    return seconds


@dataclass(slots=True, kw_only=True)
class Meter:
    """What is counted between `begin` and `end`: of workers, database and brokers."""

    database: str
    crew: Sequence[Worker]
    pipe: Any
    _before: Mapping[str, float] | None = None

    def begin(self) -> None:
        """Start counting."""
        self._before = self._counts()

    def end(self, dispatches: Sequence[Sent]) -> Measured:
        """Return what came since."""
        worked = [each.report() for each in self.crew]
        after, before = self._counts(), self._before or {}
        memory = max(psutil.Process(each.process.pid).memory_info().rss for each in self.crew)
        return Measured(
            invocations=sum(each.invocations for each in worked),
            received=sum(each.received for each in worked),
            consumer_calls=sum(each.calls for each in worked),
            wall=sum(each.wall for each in worked),
            cpu=sum(each.cpu for each in worked),
            memory=memory,
            dispatch_wall=max(each.wall for each in dispatches),
            dispatch_cpu=max(each.cpu for each in dispatches),
            **{name: after[name] - before.get(name, 0.0) for name in after},
        )

    def _counts(self) -> dict[str, float]:
        with psycopg.connect(self.database) as eyes:
            journal, whole = eyes.execute(JOURNAL.encode()).fetchall()[0]
            ((folder,),) = eyes.execute("show data_directory").fetchall()
        pid = int(Path(folder, "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        server = psutil.Process(pid)
        spent = []
        for each in (server, *server.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # what tidied up may be done by now
                spent.append(each.cpu_times())
        self.pipe.send("count")
        return {
            "journal_bytes": float(journal),
            "other_bytes": float(whole - journal),
            "database_cpu": sum(each.user + each.system for each in spent),
            "broker_requests": float(self.pipe.recv()),
            "log_bytes": float(sum(each.log.stat().st_size for each in self.crew)),
        }
