"""What a deployed function finds: Postgres behind a gateway, a broker, AWS; one world a function.

The names are those of the template's parameters, so that what reaches a function is what the
template says, and nothing that a test wired.
"""

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Literal

import boto3
import psycopg
from psycopg import sql

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.local.gateway.sessions import LOGIN
from stopward.local.postgres import EmbeddedPostgres
from stopward.local.simulator import Fault, Simulator
from stopward.local.time_service import Timeline, serving
from stopward.local.up.database import worker_url
from tests.builders.access import copy_of
from tests.builders.gateway import PASSWORD, ServedGateway, a_gateway
from tests.builders.store import D
from tests.deploy.aws_server import Call, Ledger

REGION = "us-east-1"
BROKER_KEY, BROKER_SECRET = "key-of-the-check", "secret-of-the-check"
Database = Literal["supabase", "postgres"]
DATABASES: tuple[Database, ...] = ("supabase", "postgres")
NUMBERS = count(1)
HOLDER = "deploy-check"
"""Whoever holds a lock on purpose."""
HOLD_MILLISECONDS = 40_000
"""How long a broker that hangs keeps its answer: beyond the time-outs that are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aws:
    """moto's server. url: where every AWS call goes. ledger: what it was asked, and by whom."""

    url: str
    ledger: Ledger

    def client(self, service: str) -> Any:
        """Return a client of one service there."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="opens-nothing",
            aws_secret_access_key="opens-nothing",
        )

    def secret(self, name: str, text: str) -> str:
        """Store a secret, whose name begins so, and return its ARN."""
        made = self.client("secretsmanager").create_secret(
            Name=f"{name}-{next(NUMBERS)}", SecretString=text
        )
        return str(made["ARN"])


@dataclass(slots=True, kw_only=True)
class World:
    """One database, gateway and broker. owner_url: the database as its owner; account_id: ours.

    secrets: what may never be printed. given: variables beside the template's, none but local ones.
    """

    name: str
    owner_url: str
    maintenance_url: str
    gateway: ServedGateway
    aws: Aws
    broker: "Broker"
    arns: Mapping[str, str]
    account_id: str = "main"
    bucket: str = ""
    given: dict[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that no log and no answer may hold."""
        password = psycopg.conninfo.conninfo_to_dict(self.owner_url)["password"]
        return (self.gateway.keys.secret, BROKER_SECRET, str(password))

    def parameters(self, database: Database) -> dict[str, str]:
        """Return the template's parameters for a stack that finds this world."""
        return {
            "Stage": "paper-check",
            "AccountId": self.account_id,
            "Database": database,
            "SupabaseUrl": self.gateway.url if database == "supabase" else "",
            "DatabaseSecretArn": self.arns[database],
            "BrokerSecretArn": self.arns["broker"],
            "BrokerUrl": self.broker.url,
            "MarketDataUrl": self.broker.url,
        }

    def without_secrets(self) -> dict[str, str]:
        """Return parameters of a stack whose secrets are not there."""
        missing = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:missing"
        named = {"DatabaseSecretArn": missing, "BrokerSecretArn": missing}
        return {**self.parameters("supabase"), **named}

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, as the owner sees them."""
        with psycopg.connect(self.owner_url, autocommit=True) as eyes:
            return eyes.execute(statement.encode(), values or None).fetchall()

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Let everybody wait for a table while the block runs."""
        lock = sql.SQL("lock table {} in access exclusive mode").format(
            sql.Identifier("stopward", table)
        )
        with psycopg.connect(self.owner_url, application_name=HOLDER) as holder:
            holder.execute(lock)
            yield
            holder.rollback()

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Let nobody reach the database while the block runs."""
        name = psycopg.conninfo.conninfo_to_dict(self.owner_url)["dbname"]
        allow = sql.SQL("alter database {} with allow_connections {}")
        with psycopg.connect(self.maintenance_url, autocommit=True) as owner:
            owner.execute(allow.format(sql.Identifier(str(name)), sql.Literal(False)))
            owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = %s and application_name <> %s",
                (name, HOLDER),
            )
            try:
                yield
            finally:
                owner.execute(allow.format(sql.Identifier(str(name)), sql.Literal(True)))

    @contextmanager
    def aws_hanging(self) -> Iterator[None]:
        """Let no AWS service answer what is started in the block."""
        answering = self.given["AWS_ENDPOINT_URL"]
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.given["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
            try:
                yield
            finally:
                self.given["AWS_ENDPOINT_URL"] = answering

    def asked_of_aws(self) -> frozenset[Call]:
        """Return what the function asked of AWS, in this world and in others of its name."""
        return self.aws.ledger.calls_of(key_of(self.name))

    def let_leases_end(self) -> None:
        """Let half a minute pass for what a killed invocation holds."""
        self.rows("update stopward.leases set until = until - interval '30 s' returning 1")


def key_of(name: str) -> str:
    """Return the access key by which a function's calls are told from everybody else's."""
    return f"function-{name}"


@dataclass(slots=True, kw_only=True)
class Broker:
    """The broker simulator, served; another one may take its place at the same address."""

    url: str
    simulator: Simulator

    @contextmanager
    def hanging(self, path: str) -> Iterator[None]:
        """Let requests of a path wait for their answer while the block runs."""
        self.simulator.fault(
            Fault(kind="server_error", path=path, times=None, hold_milliseconds=HOLD_MILLISECONDS)
        )
        try:
            yield
        finally:
            self.simulator.clear_faults()


def a_broker(
    *, bars: Mapping[Symbol, Sequence[ClosedBar]], sessions: Sequence[Session], start: datetime
) -> Simulator:
    """Return a broker whose keys are those of the world's secret."""
    return Simulator(
        bars=bars,
        sessions=sessions,
        start=start,
        cash=D("100000"),
        key=BROKER_KEY,
        secret=BROKER_SECRET,
    )


@contextmanager
def a_world(
    name: str,
    *,
    server: EmbeddedPostgres,
    template: str,
    aws: Aws,
    simulator: Simulator,
    stands_at: datetime | None,
) -> Iterator[World]:
    """Yield a world of its own; everything in it is gone after the block.

    stands_at: where its time stands still; None for the machine's clock.
    """
    with ExitStack() as stack:
        owner_url = stack.enter_context(copy_of(server, template, f"deploy_{name}"))
        _, _, place = owner_url.rpartition("@")
        gateway = stack.enter_context(a_gateway(f"postgresql://{LOGIN}:{PASSWORD}@{place}"))
        url = stack.enter_context(simulator.serve())
        keys = {"key_id": BROKER_KEY, "secret_key": BROKER_SECRET}
        arns = {
            "broker": aws.secret(f"{name}/broker", json.dumps(keys)),
            "supabase": aws.secret(f"{name}/supabase", gateway.keys.secret),
            "postgres": aws.secret(f"{name}/postgres", worker_url(owner_url)),
        }
        given = {"AWS_ENDPOINT_URL": aws.url, "AWS_ACCESS_KEY_ID": key_of(name)}
        if stands_at is not None:
            time = stack.enter_context(serving(Timeline(start=stands_at)))
            given["STOPWARD_CLOCK_URL"] = time.url
        yield World(
            name=name,
            owner_url=owner_url,
            maintenance_url=server.url(),
            gateway=gateway,
            aws=aws,
            broker=Broker(url=url, simulator=simulator),
            arns=arns,
            given=given,
        )
