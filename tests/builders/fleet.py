"""A fleet as its functions find it: accounts, a broker that serves them all, moto, a database."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import boto3
import psycopg
from moto import mock_aws

from stopward.adapters.administration import Administration
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.identity import AccountId
from stopward.domain.rulebook import parse
from stopward.local.simulator import Simulator
from tests.builders.many_brokers import serve_many
from tests.builders.simulator import AAPL, SESSIONS, a_simulator, at, flat

STAGE = "paper"
RULES = '[account]\nadopt = "all"\n[rules.breakeven]\narm = "1 r"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetWorld:
    """brokers: by account. environment: of the fleet's functions. queue, dead: URLs."""

    brokers: Mapping[AccountId, Simulator]
    environment: Mapping[str, str]
    queue: str
    dead: str
    database_url: str

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, as the owner sees them."""
        with psycopg.connect(self.database_url, autocommit=True) as eyes:
            return eyes.execute(statement.encode(), values or None).fetchall()

    def stops(self, account: str) -> list[Decimal | None]:
        """Return where stops rest at an account's broker."""
        orders = self.brokers[AccountId(account)].open_orders(AAPL)
        return [order.stop_price for order in orders if order.kind == "stop"]

    def received(self) -> list[dict[str, Any]]:
        """Return the event of each batch that the queue hands out now, as Lambda makes it."""
        sqs, events = boto3.client("sqs"), []
        while found := sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=4, AttributeNames=["All"]
        ).get("Messages"):
            events.append({"Records": [record_of(each) for each in found]})
        return events


def record_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a received message as an event source mapping passes it on.

    Source: AWS Lambda Developer Guide, "Using Lambda with Amazon SQS", the example event.
    """
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:ticks",
        "awsRegion": "us-east-1",
    }


def open_fleet(
    database_url: str, accounts: Sequence[AccountId], *, rules: str = RULES, first_day: str
) -> None:
    """Open accounts in mode guard, with rules and sessions, in the fleet of STAGE."""
    database = PostgresDatabase(database_url)
    people = Administration(database)
    rules_hash = parse(rules, source="fleet").hash
    people.put_sessions(SESSIONS)
    people.keep_partitions(first_day=first_day, months=1)
    for account in accounts:
        people.open_account(
            account, name=account, mode="guard", equity_prior_close=Decimal(100_000)
        )
        people.put_rules(account, rules, rules_hash=rules_hash)
        people.put_fleet(account, STAGE)
    database.close()


def a_broker(account: str) -> Simulator:
    """Return a broker with a hundred shares of AAPL from 100, stop at 98; they are at 102.5."""
    simulator = a_simulator(*flat(102.5, 30), start=at(0))
    simulator.open_position(AAPL, "long", Decimal(100), Decimal(100), stop=Decimal(98))
    simulator.key = simulator.desk.key = f"key-of-{account}"
    return simulator


@contextmanager
def a_fleet(
    database_url: str, *names: str, present: datetime, without_secret: Sequence[str] = ()
) -> Iterator[FleetWorld]:
    """Yield a fleet of those accounts at a moment; brokers keep to it."""
    brokers = {AccountId(name): a_broker(name) for name in names}
    open_fleet(database_url, tuple(brokers), first_day=f"{present:%Y-%m-%d}")
    with mock_aws(), serve_many(tuple(brokers.values()), now=lambda: present) as url:
        sqs, vault = boto3.client("sqs"), boto3.client("secretsmanager")
        for name, broker in brokers.items():
            if name not in without_secret:
                keys = {"key_id": broker.key, "secret_key": broker.secret}
                vault.create_secret(
                    Name=f"stopward/accounts/{STAGE}/{name}", SecretString=json.dumps(keys)
                )
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        queue = sqs.create_queue(QueueName="ticks", Attributes={"VisibilityTimeout": "360"})[
            "QueueUrl"
        ]
        yield FleetWorld(
            brokers=brokers,
            environment={
                "STOPWARD_ACCOUNT_ID": "nobody",
                "STOPWARD_DATABASE_URL": database_url,
                "STOPWARD_BROKER_URL": url,
                "STOPWARD_MARKET_DATA_URL": url,
                "STOPWARD_FLEET": STAGE,
                "STOPWARD_TICK_QUEUE_URL": queue,
            },
            queue=queue,
            dead=dead,
            database_url=database_url,
        )
