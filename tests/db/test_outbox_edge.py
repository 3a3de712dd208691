"""The edge function is told at once where pg_net exists, and again where nobody claimed.

pg_net cannot be had here: schema net is a stand-in with the signature of its http_post.
"""

from collections.abc import Iterator

import psycopg
import pytest

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.outbox import PG_NET, Mailroom, posted

HOOK = "https://project.supabase.co/functions/v1/notify"
SECRET = "w" * 32


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "edge") as found:
        with psycopg.connect(found, autocommit=True) as connection:
            connection.execute(PG_NET)
        yield found


@pytest.fixture
def mail(url: str) -> Iterator[Mailroom]:
    found = Mailroom(url)
    found.call("put_edge_webhook", url=HOOK, secret=SECRET)
    posted(found)
    yield found
    found.close()


def test_a_notice_for_an_edge_channel_is_posted_with_its_id_and_the_secret(mail: Mailroom) -> None:
    mail.channel(deliverer="edge")
    mail.tell()
    (call,) = posted(mail)
    (row,) = mail.rows()
    assert call["url"] == HOOK
    assert call["body"] == {
        "type": "INSERT",
        "schema": "stopward",
        "table": "outbox",
        "record": {"id": str(row["id"])},
        "old_record": None,
    }
    assert call["headers"] == {
        "content-type": "application/json",
        "x-stopward-webhook-secret": SECRET,
    }


def test_a_channel_of_the_lambda_is_not_posted(mail: Mailroom) -> None:
    mail.channel(deliverer="lambda")
    mail.tell()
    assert posted(mail) == []


def test_what_is_rolled_back_is_not_posted(mail: Mailroom) -> None:
    mail.channel(deliverer="edge")
    with mail.eyes.transaction(force_rollback=True):
        mail.tell()
    assert posted(mail) == []


def test_without_a_url_nothing_is_posted(mail: Mailroom) -> None:
    assert mail.call("put_edge_webhook", url=None) == {"set": False}
    mail.channel(deliverer="edge")
    mail.tell()
    assert posted(mail) == []
    assert mail.call("nudge_edge", late_seconds=0)["posted"] == 0


def test_without_pg_net_the_notice_waits(
    postgres_server: EmbeddedPostgres, template_database: str
) -> None:
    with copy_of(postgres_server, template_database, "without_net") as bare:
        mail = Mailroom(bare)
        mail.call("put_edge_webhook", url=HOOK, secret=SECRET)
        mail.channel(deliverer="edge")
        mail.tell()
        assert [row["status"] for row in mail.rows()] == ["pending"]
        assert mail.call("nudge_edge", late_seconds=0) == {"posted": 0, "due": 1}
        mail.close()


def test_a_fault_of_pg_net_leaves_the_notice_queued(mail: Mailroom) -> None:
    mail.channel(deliverer="edge")
    heard: list[str] = []
    mail.eyes.add_notice_handler(lambda notice: heard.append(str(notice.message_primary)))
    with mail.eyes.transaction(force_rollback=True):
        mail.eyes.execute("drop table net.calls")
        mail.tell()
        assert len(mail.rows()) == 1
    assert any("the edge function was not told" in told for told in heard)


def test_a_flood_is_posted_in_part_and_the_rest_minute_by_minute(mail: Mailroom) -> None:
    mail.channel(deliverer="edge")
    mail.eyes.execute(
        "select stopward.tell_all(jsonb_agg(jsonb_build_object('account_id', %s::text,"
        " 'about', 'alarm', 'key', n, 'severity', 'notice', 'title', 't', 'said', '{}'::jsonb)))"
        " from generate_series(1, 350) as n",
        (mail.account_id,),
    )
    assert len(posted(mail)) == 100
    assert len(mail.rows()) == 350
    mail.let_pass(16)
    assert mail.call("nudge_edge") == {"posted": 200, "due": 200}
    assert mail.call("nudge_edge", limit=500)["posted"] == 350


def test_what_was_claimed_or_is_not_late_is_not_posted_again(mail: Mailroom) -> None:
    mail.eyes.execute("delete from stopward.outbox")
    mail.channel(deliverer="edge")
    mail.tell("a")
    assert mail.call("nudge_edge") == {"posted": 0, "due": 0}
    mail.let_pass(16)
    mail.tell("b")
    posted(mail)
    assert mail.call("nudge_edge") == {"posted": 1, "due": 1}
    mail.claim(deliverer="edge", limit=1)
    assert mail.call("nudge_edge") == {"posted": 0, "due": 0}


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        ({"url": "http://example.com/", "secret": SECRET}, "edge_webhook_url_is_safe"),
        ({"url": "https://me@example.com/", "secret": SECRET}, "edge_webhook_url_is_safe"),
        ({"url": "http://kong:x@evil.com/", "secret": SECRET}, "edge_webhook_url_is_safe"),
        ({"url": HOOK, "secret": "short"}, "edge_webhook_secret_is_long"),
        ({"url": HOOK}, "edge_webhook_secret_is_long"),
    ],
)
def test_a_webhook_that_is_not_safe_is_refused(
    mail: Mailroom, request_: dict[str, str], rule: str
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        mail.call("put_edge_webhook", **request_)
    assert caught.value.diag.constraint_name == rule
