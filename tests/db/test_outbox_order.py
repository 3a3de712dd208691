"""Whose turn it is: no channel and no account waits for what piles up for another."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.outbox import Mailroom
from tests.builders.waiting import until_waiting

PILE = 200


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "order") as found:
        yield found


@pytest.fixture
def mail(url: str) -> Iterator[Mailroom]:
    found = Mailroom(url)
    found.eyes.execute("delete from stopward.outbox")
    yield found
    found.close()


@pytest.fixture
def other(url: str, mail: Mailroom) -> Iterator[Mailroom]:
    found = Mailroom(url)
    yield found
    found.close()


def pile_up(mail: Mailroom, notices: int = PILE) -> None:
    mail.eyes.execute(
        "select stopward.tell_all(jsonb_agg(jsonb_build_object('account_id', %s::text,"
        " 'about', 'alarm', 'key', 'pile' || n, 'severity', 'notice', 'title', 't',"
        " 'said', '{}'::jsonb))) from generate_series(1, %s) as n",
        (mail.account_id, notices),
    )
    mail.let_pass(3600)


def claim_of_all(mail: Mailroom, **changes: Any) -> list[dict[str, Any]]:
    return mail.claim(account_id=None, **changes)


def test_one_account_does_not_wait_for_the_pile_of_another(mail: Mailroom, other: Mailroom) -> None:
    mail.channel()
    pile_up(mail)
    other.channel()
    other.tell("b", severity="critical")
    claims = claim_of_all(mail, limit=20)
    assert len(claims) == 20
    assert (claims[0]["account_id"], claims[0]["key"]) == (other.account_id, "b")


def test_the_graver_notice_does_not_wait_for_the_pile_of_its_own_channel(mail: Mailroom) -> None:
    mail.channel()
    pile_up(mail)
    mail.tell("w", severity="warning")
    mail.tell("c", severity="critical")
    assert [claim["key"] for claim in claim_of_all(mail, limit=3)] == ["c", "w", "pile1"]


def test_channels_are_served_in_turn_and_the_graver_first(mail: Mailroom) -> None:
    mail.channel("busy", topics=["alarm"])
    mail.channel("quiet", topics=["halted"])
    mail.channel("phone", topics=["flatten"])
    for key in "abc":
        mail.tell(key)
    mail.tell("h", about="halted", severity="notice")
    mail.tell("f", about="flatten", severity="critical")
    assert [c["key"] for c in mail.claim()] == ["f", "a", "h", "b", "c"]


def test_a_claim_that_ran_out_does_not_wait_for_the_pile(mail: Mailroom, other: Mailroom) -> None:
    other.channel()
    other.tell("b")
    (lost,) = other.claim(holder="dead")
    other.let_pass(3600)
    mail.channel()
    pile_up(mail)
    claims = claim_of_all(mail, limit=20)
    assert len(claims) == 20
    assert (claims[-1]["id"], claims[-1]["attempt"]) == (lost["id"], 2)


def test_of_claims_that_ran_out_one_is_tried_a_call_and_last(mail: Mailroom) -> None:
    mail.channel()
    for key in "abc":
        mail.tell(key)
    mail.claim(holder="dead")
    mail.let_pass(3600)
    mail.tell("d")
    assert [[c["key"] for c in mail.claim()] for _ in range(4)] == [["d", "a"], ["b"], ["c"], []]


def test_with_room_for_one_a_claim_that_ran_out_has_its_turn(mail: Mailroom) -> None:
    mail.channel()
    mail.tell("a")
    mail.claim(holder="dead")
    mail.let_pass(3600)
    mail.tell("b")
    assert [[c["key"] for c in mail.claim(limit=1)] for _ in range(3)] == [["a"], ["b"], []]


@pytest.mark.parametrize("outcome", ["retry", "delivered", "dead", "put_back"])
def test_settling_and_removing_at_once_never_deadlock(
    mail: Mailroom, url: str, outcome: str
) -> None:

    mail.channel()
    mail.channel("phone", topics=["halted"])
    mail.tell()
    (claim,) = mail.claim()
    settler, remover = (Mailroom(url) for _ in range(2))
    # The row is held until both wait: for it, or for each other.
    with ThreadPoolExecutor(2) as pool, psycopg.connect(url) as holding:
        holding.execute("select from stopward.outbox where id = %s for share", (claim["id"],))
        settling = pool.submit(
            settler.settle, claim, outcome, **({"hold_seconds": 30} if outcome == "retry" else {})
        )
        until_waiting(1, eyes=mail.eyes)
        removing = pool.submit(
            remover.call, "remove_channel", account_id=mail.account_id, name="desk"
        )
        until_waiting(2, eyes=mail.eyes)
        holding.commit()
        assert settling.result(timeout=20) in {"pending", "delivered", "dead"}
        assert removing.result(timeout=20) == {"removed": True}
    settler.close()
    remover.close()
    assert {row["channel"] for row in mail.rows()} <= {"phone"}
