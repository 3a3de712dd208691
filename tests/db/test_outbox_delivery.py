"""From a notice told to a reader who sees it once: real database, real HTTP, a crash in between."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from stopward.adapters.functions import Functions
from stopward.adapters.notices.http import HttpNotices
from stopward.adapters.notices.sender import Notices
from stopward.adapters.outbox import FunctionOutbox
from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.supabase import SupabaseDatabase
from stopward.domain.notices import Backlog, Claim, Delivered, Outcome
from stopward.errors import DatabaseRejected, DatabaseUnavailable, InvalidState
from stopward.local.postgres import EmbeddedPostgres
from stopward.services.delivery import Delivery
from tests.builders.access import copy_of
from tests.builders.gateway import ServedGateway, a_gateway, url_of_login
from tests.builders.http import Asked, Says, scripted
from tests.builders.notices import a_claim
from tests.builders.outbox import Mailroom


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "delivery") as found:
        yield found


@pytest.fixture(scope="module")
def gateway(postgres_server: EmbeddedPostgres, url: str) -> Iterator[ServedGateway]:
    with a_gateway(url_of_login(postgres_server, url)) as found:
        yield found


@pytest.fixture
def mail(url: str) -> Iterator[Mailroom]:
    found = Mailroom(url)
    yield found
    found.close()


@pytest.fixture(params=["psycopg", "supabase-py"])
def functions(
    request: pytest.FixtureRequest, url: str, gateway: ServedGateway
) -> Iterator[Functions]:
    database = (
        PostgresDatabase(url)
        if request.param == "psycopg"
        else SupabaseDatabase(gateway.url, key=gateway.keys.secret)
    )
    yield database
    database.close()


@dataclass
class Reader:
    """Whoever gets the notices, and remembers the keys it has seen."""

    status: int = 200
    keys: list[str] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Says:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        self.keys.append(headers["idempotency-key"])
        return Says(status=self.status)

    @property
    def seen(self) -> set[str]:
        return set(self.keys)


class Crash(BaseException):
    """The end of a process."""


@dataclass
class CrashAfter:
    """A notifier whose process ends right after it sent one notice, before it could say so."""

    inner: Notices
    victim: str
    crashed: bool = False

    def send(self, claim: Claim) -> Outcome:
        outcome = self.inner.send(claim)
        if claim.key == self.victim and not self.crashed:
            self.crashed = True
            raise Crash
        return outcome


def no_secret(arn: str) -> dict[str, str]:
    raise AssertionError(arn)


def notices() -> Notices:
    return Notices(read_secret=no_secret, http=HttpNotices(may_be_loopback=True))


def a_delivery(functions: Functions, mail: Mailroom, **changes: object) -> Delivery:
    outbox = FunctionOutbox(functions, account_id=mail.account_id)
    return Delivery(**{"outbox": outbox, "notifier": notices(), "margin_seconds": 15.0, **changes})  # type: ignore[arg-type]


def a_minute() -> float:
    return 60.0


def test_what_was_told_arrives_once(functions: Functions, mail: Mailroom) -> None:
    reader = Reader()
    with scripted(reader) as server:
        mail.channel(address=f"{server.url}/in")
        for number in range(25):
            mail.tell(str(number))
        summary = a_delivery(functions, mail).run(a_minute, holder="r1")
        again = a_delivery(functions, mail).run(a_minute, holder="r2")
    assert len(reader.keys) == len(reader.seen) == 25
    assert reader.seen == {str(row["id"]) for row in mail.rows()}
    assert (summary.delivered, summary.pending, again.claimed) == (25, 0, 0)
    assert {row["status"] for row in mail.rows()} == {"delivered"}


def test_a_crash_after_sending_repeats_the_notice_under_the_same_key(
    functions: Functions, mail: Mailroom
) -> None:
    reader = Reader()
    with scripted(reader) as server:
        mail.channel(address=f"{server.url}/in")
        for key in "abc":
            mail.tell(key)
        broken = a_delivery(functions, mail, notifier=CrashAfter(notices(), "b"))
        with pytest.raises(Crash):
            broken.run(a_minute, holder="r1")
        assert a_delivery(functions, mail).run(a_minute, holder="r2").claimed == 0
        mail.let_pass(91)
        a_delivery(functions, mail).run(a_minute, holder="r3")
    times = Counter(reader.keys)
    ids = {row["key"]: str(row["id"]) for row in mail.rows()}
    assert times == {ids["a"]: 1, ids["b"]: 2, ids["c"]: 1}
    assert {row["status"] for row in mail.rows()} == {"delivered"}


def test_a_reader_that_is_down_costs_one_attempt_a_run_and_gets_all_in_the_end(
    functions: Functions, mail: Mailroom
) -> None:
    reader = Reader()
    with scripted(reader) as server:
        address = f"{server.url}/in"
    mail.channel(address=address)
    for number in range(10):
        mail.tell(str(number))
    down = a_delivery(functions, mail).run(a_minute, holder="r1")
    assert (down.retried, down.put_back, down.pending) == (1, 9, 10)
    assert sorted(row["attempts"] for row in mail.rows()) == [0] * 9 + [1]
    with scripted(reader) as server:
        mail.channel(address=f"{server.url}/in")
        mail.let_pass(60)
        up = a_delivery(functions, mail).run(a_minute, holder="r2")
    assert (up.delivered, up.pending, len(reader.seen)) == (10, 0, 10)


def test_a_refusal_is_dead_at_once_and_told_to_the_other_channel(
    functions: Functions, mail: Mailroom
) -> None:
    reader = Reader()
    with scripted(reader) as server, scripted(lambda asked: Says(status=404, body=b"gone")) as no:
        mail.channel("desk", address=f"{no.url}/in", topics=["alarm"])
        mail.channel("phone", address=f"{server.url}/in", topics=["halted"])
        mail.tell("a", title="No stop")
        summary = a_delivery(functions, mail).run(a_minute, holder="r1")
    assert (summary.dead, summary.delivered) == (1, 1)
    (told,) = [row for row in mail.rows() if row["channel"] == "phone"]
    assert told["title"] == "Channel desk gave up a notice: No stop"
    assert mail.notices()[-1]["said"]["error"] == "127.0.0.1 answered 404: gone"


def test_two_deliverers_at_once_send_each_notice_once(url: str, mail: Mailroom) -> None:
    reader = Reader()
    with scripted(reader) as server:
        mail.channel(address=f"{server.url}/in")
        for number in range(60):
            mail.tell(str(number))

        def deliver(holder: str) -> int:
            database = PostgresDatabase(url)
            done = a_delivery(database, mail, batch=5).run(a_minute, holder=holder)
            database.close()
            return done.delivered

        with ThreadPoolExecutor(2) as pool:
            shares = list(pool.map(deliver, ["r1", "r2"]))
    assert sum(shares) == len(reader.keys) == len(reader.seen) == 60


def test_a_lost_answer_to_a_settlement_is_asked_again_and_nothing_is_sent_twice(
    functions: Functions, mail: Mailroom
) -> None:
    class Losing:
        """Functions whose first answer to a settlement is lost on its way back."""

        lost = False

        def call(self, function: str, argument: str, value: object) -> object:
            answer = functions.call(function, argument, value)  # type: ignore[arg-type]
            if function == "settle_delivery" and not self.lost:
                self.lost = True
                raise DatabaseUnavailable("the answer was lost")
            return answer

    reader = Reader()
    with scripted(reader) as server:
        mail.channel(address=f"{server.url}/in")
        mail.tell()
        summary = a_delivery(Losing(), mail).run(a_minute, holder="r1")  # type: ignore[arg-type]
    assert (summary.delivered, len(reader.keys)) == (1, 1)


def test_the_backlog_is_measured(functions: Functions, mail: Mailroom) -> None:
    mail.channel()
    mail.tell()
    outbox = FunctionOutbox(functions, account_id=mail.account_id)
    found = outbox.backlog()
    assert (found.pending, found.dead) == (1, 0)
    assert 0 <= found.oldest_pending_seconds < 60
    assert isinstance(found, Backlog)
    assert outbox.nudge() == 0


def test_a_settlement_that_makes_no_sense_is_rejected_by_name(functions: Functions) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        functions.call("settle_delivery", "request", {"id": None, "outcome": "delivered"})
    assert caught.value.rule == "settle_delivery_request"


def test_a_row_that_is_gone_is_settled_as_unknown(functions: Functions) -> None:
    outbox = FunctionOutbox(functions)
    assert outbox.settle(a_claim(), Delivered(), holder="r1") == "unknown"


def test_a_claim_that_cannot_be_read_is_named_without_its_address() -> None:
    class Odd:
        def call(self, function: str, argument: str, value: object) -> dict[str, object]:
            return {"claims": [{"address": "https://secret.example.com", "severity": "grave"}]}

    with pytest.raises(InvalidState, match=r"without a usable .*severity") as caught:
        FunctionOutbox(Odd()).claim(holder="r", limit=1, seconds=1)  # type: ignore[arg-type]
    assert "secret.example.com" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
