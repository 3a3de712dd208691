"""A notice is claimed by one, sent at least once under one id, and given up in the end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.outbox import Mailroom


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "claims") as found:
        yield found


@pytest.fixture
def mail(url: str) -> Iterator[Mailroom]:
    found = Mailroom(url)
    yield found
    found.close()


def test_a_claim_carries_all_that_a_deliverer_needs(mail: Mailroom) -> None:
    mail.channel("desk", kind="ntfy", address="https://ntfy.example.com/t", secret="tk")
    mail.tell("k", severity="critical", title="No stop", said={"symbol": "AAPL"})
    (claim,) = mail.claim()
    at = claim.pop("at")
    assert at.startswith("20")
    assert claim == {
        "id": str(mail.rows()[0]["id"]),
        "account_id": mail.account_id,
        "account": "Desk",
        "channel": "desk",
        "kind": "ntfy",
        "address": "https://ntfy.example.com/t",
        "secret": "tk",
        "attempt": 1,
        "about": "alarm",
        "key": "k",
        "severity": "critical",
        "title": "No stop",
        "said": {"symbol": "AAPL"},
    }


def test_what_is_claimed_is_not_claimed_again_until_the_claim_runs_out(mail: Mailroom) -> None:
    mail.channel()
    mail.tell()
    first = mail.claim(seconds=60)
    assert mail.claim(holder="two") == []
    mail.let_pass(61)
    again = mail.claim(holder="two")
    assert [(c["id"], c["attempt"]) for c in again] == [(first[0]["id"], 2)]


def test_a_deliverer_claims_its_own_channels_only(mail: Mailroom) -> None:
    mail.channel("desk")
    mail.channel("phone", deliverer="edge")
    mail.tell()
    assert [c["channel"] for c in mail.claim(deliverer="edge")] == ["phone"]
    assert [c["channel"] for c in mail.claim(deliverer="lambda")] == ["desk"]


def test_one_row_is_claimed_by_its_id(mail: Mailroom) -> None:
    mail.channel(deliverer="edge")
    mail.tell("a")
    mail.tell("b")
    wanted = str(mail.rows()[1]["id"])
    assert [c["key"] for c in mail.claim(deliverer="edge", id=wanted)] == ["b"]
    assert mail.claim(deliverer="edge", id=wanted) == []
    assert mail.claim(deliverer="lambda", id=str(mail.rows()[0]["id"])) == []


def test_the_oldest_is_claimed_first(mail: Mailroom) -> None:
    mail.channel()
    for key in "abc":
        mail.tell(key)
    assert [c["key"] for c in mail.claim(limit=2)] == ["a", "b"]
    assert [c["key"] for c in mail.claim(limit=2)] == ["c"]


def test_what_piles_up_for_one_channel_does_not_stand_before_another(mail: Mailroom) -> None:
    mail.channel("busy", topics=["alarm"])
    mail.channel("quiet", topics=["halted"])
    for number in range(30):
        mail.tell(str(number))
    mail.tell("h", about="halted")
    assert "quiet" in {c["channel"] for c in mail.claim(limit=40)}


def test_a_channel_switched_off_is_not_served_until_it_is_on_again(mail: Mailroom) -> None:
    mail.channel()
    mail.tell()
    mail.channel(enabled=False)
    assert mail.claim() == []
    mail.channel(enabled=True)
    assert len(mail.claim()) == 1


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        ({"deliverer": "pigeon"}, "claim_outbox_request"),
        ({"deliverer": None}, "claim_outbox_request"),
        ({"holder": ""}, "claim_outbox_request"),
        ({"limit": 0}, "claim_outbox_bounds"),
        ({"limit": 501}, "claim_outbox_bounds"),
        ({"seconds": 0}, "claim_outbox_bounds"),
        ({"seconds": "NaN"}, "claim_outbox_request"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(
    mail: Mailroom, request_: dict[str, object], rule: str
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        mail.claim(**request_)
    assert caught.value.diag.constraint_name == rule


def test_a_delivered_notice_stays_delivered_however_often_that_is_said(mail: Mailroom) -> None:
    mail.channel()
    mail.tell()
    (claim,) = mail.claim()
    assert mail.settle(claim, "delivered") == "delivered"
    before = mail.rows()
    assert mail.settle(claim, "delivered") == "delivered"
    assert mail.settle(claim, "retry", error="late") == "delivered"
    assert mail.settle(claim, "dead", error="late") == "delivered"
    assert mail.rows() == before
    assert mail.health()["desk"]["last_delivered_at"] == before[0]["settled_at"]


def test_that_it_arrived_counts_even_from_a_holder_that_lost_its_claim(mail: Mailroom) -> None:
    mail.channel()
    mail.tell()
    (claim,) = mail.claim(seconds=1)
    mail.let_pass(2)
    mail.claim(holder="two")
    assert mail.settle(claim, "retry", error="late") == "claimed"
    assert mail.settle(claim, "delivered") == "delivered"
    assert mail.settle(claim, "retry", holder="two", error="x") == "delivered"


def test_a_row_that_went_away_is_settled_as_unknown(mail: Mailroom) -> None:
    mail.channel()
    mail.tell()
    (claim,) = mail.claim()
    mail.call("remove_channel", account_id=mail.account_id, name="desk")
    assert mail.settle(claim, "delivered") == "unknown"


@pytest.mark.parametrize("outcome", ["lost", "", None])
def test_an_outcome_that_is_none_is_refused(mail: Mailroom, outcome: str) -> None:
    mail.channel()
    mail.tell()
    (claim,) = mail.claim()
    with pytest.raises(psycopg.Error) as caught:
        mail.settle(claim, outcome)
    assert caught.value.diag.constraint_name == "settle_delivery_request"


@pytest.mark.parametrize(
    ("attempt", "least", "most"),
    [
        (1, 22.5, 37.5),
        (2, 45, 75),
        (3, 90, 150),
        (4, 180, 300),
        (5, 360, 600),
        (6, 720, 1200),
        (7, 1440, 2400),
        (8, 2700, 4500),  # from here on an hour
        (30, 2700, 4500),
        (2147483647, 2700, 4500),
        (0, 22.5, 37.5),
    ],
)
def test_the_wait_doubles_up_to_an_hour_and_is_spread(
    mail: Mailroom, attempt: int, least: float, most: float
) -> None:
    found = [
        row["seconds"]
        for row in mail.eyes.execute(
            "select stopward.backoff_seconds(md5(n::text)::uuid, %s) as seconds"
            " from generate_series(1, 200) as n",
            (attempt,),
        )
    ]
    assert least <= min(found) < max(found) < most
    assert len(set(found)) > 190
    assert max(found) - min(found) > 0.8 * (most - least)


def test_a_failed_attempt_waits_as_its_row_says(mail: Mailroom) -> None:
    mail.channel()
    mail.tell()
    (claim,) = mail.claim()
    assert mail.settle(claim, "retry", error="answered 500") == "pending"
    (row,) = mail.rows()
    expected = mail.eyes.execute(
        "select stopward.backoff_seconds(%s::uuid, 1) as s", (claim["id"],)
    ).fetchone()
    assert expected is not None
    assert mail.seconds_until(row["next_at"]) == pytest.approx(expected["s"], abs=5)
    assert row["last_error"] == "answered 500"
    assert mail.claim() == []


def test_a_longer_wait_that_was_asked_for_is_kept_within_a_day(mail: Mailroom) -> None:
    mail.channel()
    for key, asked in (("a", 500), ("b", 10**9), ("c", -5)):
        mail.tell(key)
        (claim,) = mail.claim()
        mail.settle(claim, "retry", retry_after_seconds=asked)
    waits = [mail.seconds_until(row["next_at"]) for row in mail.rows()]
    assert waits[0] == pytest.approx(500, abs=5)
    assert waits[1] == pytest.approx(86400, abs=5)
    assert 20 < waits[2] < 40


def test_a_channel_that_asked_us_to_wait_rests_whole(mail: Mailroom) -> None:
    mail.channel("desk")
    mail.channel("phone")
    mail.tell("a")
    mail.tell("b")
    claim = next(c for c in mail.claim(limit=1))
    assert claim["channel"] == "desk"
    mail.settle(claim, "put_back", retry_after_seconds=60, hold_seconds=60)
    assert {c["channel"] for c in mail.claim()} == {"phone"}
    mail.let_pass(61)
    assert {(c["key"], c["attempt"]) for c in mail.claim()} == {("a", 1), ("b", 1)}


def test_being_put_back_is_no_attempt_for_a_day(mail: Mailroom) -> None:
    mail.channel(attempts_limit=2)
    mail.tell()
    for _ in range(5):
        (claim,) = mail.claim()
        assert (claim["attempt"], mail.settle(claim, "put_back")) == (1, "pending")
    mail.eyes.execute("update stopward.outbox set created_at = now() - interval '25 hours'")
    statuses = [mail.settle(mail.claim()[0], "put_back") for _ in range(2)]
    assert statuses == ["pending", "dead"]


def test_a_notice_is_dead_after_so_many_attempts_and_the_other_channels_hear_it(
    mail: Mailroom,
) -> None:
    mail.channel("desk", attempts_limit=3)
    mail.channel("phone", topics=["halted"], least_severity="critical")
    mail.tell("a", title="No stop")
    statuses = []
    for _ in range(3):
        (claim,) = mail.claim()
        statuses.append(mail.settle(claim, "retry", error="answered 500"))
        mail.let_pass(7200)
    assert statuses == ["pending", "pending", "dead"]
    assert mail.claim(deliverer="lambda", limit=1)[0]["title"] == (
        "Channel desk gave up a notice: No stop"
    )
    (told,) = [row for row in mail.rows() if row["about"] == "undelivered"]
    assert (told["channel"], told["severity"]) == ("phone", "critical")
    assert mail.health()["desk"]["dead"] == 1


def test_two_channels_that_fail_do_not_keep_telling_of_each_other(mail: Mailroom) -> None:
    mail.channel("desk", attempts_limit=1)
    mail.channel("phone", attempts_limit=1)
    mail.tell("a")
    for _ in range(10):
        for claim in mail.claim():
            mail.settle(claim, "retry", error="no")
    assert mail.claim() == []
    about = [row["about"] for row in mail.rows()]
    assert about.count("undelivered") == 2
    assert {row["status"] for row in mail.rows()} == {"dead"}


def test_what_was_given_up_is_tried_again_when_a_person_says_so(mail: Mailroom) -> None:
    mail.channel("desk")
    mail.tell("a")
    (claim,) = mail.claim()
    mail.settle(claim, "dead", error="answered 404")
    account = {"account_id": mail.account_id}
    assert mail.call("retry_dead", **account, channel="phone") == {"count": 0}
    assert mail.call("retry_dead", **account, channel="desk") == {"count": 1}
    assert mail.call("retry_dead", **account) == {"count": 0}
    assert [(c["id"], c["attempt"]) for c in mail.claim()] == [(claim["id"], 1)]


def test_a_row_that_kills_its_deliverer_takes_nobody_with_it(mail: Mailroom) -> None:
    mail.channel(attempts_limit=4)
    mail.tell("poison")
    for key in "abc":
        mail.tell(key)
    delivered: list[str] = []
    for _ in range(12):
        mail.let_pass(3600)
        for claim in mail.claim():
            if claim["key"] == "poison":
                break  # the deliverer dies here: nothing after this is sent or settled
            mail.settle(claim, "delivered")
            delivered.append(claim["key"])
    rows = {row["key"]: row for row in mail.rows()}
    assert sorted(delivered) == ["a", "b", "c"]
    assert (rows["poison"]["status"], rows["poison"]["attempts"]) == ("dead", 4)
    assert "never settled" in rows["poison"]["last_error"]


def test_what_waits_is_measured(mail: Mailroom) -> None:
    mail.channel("desk")
    mail.channel("phone", enabled=False)
    account = {"account_id": mail.account_id}
    nothing = {"pending": 0, "dead": 0, "oldest_pending_seconds": 0}
    assert mail.call("measure_outbox", **account) == nothing
    for key in "abc":
        mail.tell(key)
    mail.settle(mail.claim(limit=1)[0], "dead")
    mail.eyes.execute(
        "update stopward.outbox set created_at = created_at - interval '90 s'"
        " where account_id = %s and status = 'pending'",
        (mail.account_id,),
    )
    found = mail.call("measure_outbox", **account)
    assert (found["pending"], found["dead"]) == (2, 1)
    assert found["oldest_pending_seconds"] == pytest.approx(90, abs=5)
    health = mail.health()["desk"]
    assert (health["pending"], health["dead"]) == (2, 1)
    assert health["oldest_pending_seconds"] == pytest.approx(90, abs=5)


def test_the_newest_error_shows_of_what_waits_and_of_what_was_given_up(mail: Mailroom) -> None:
    mail.channel("desk")
    for key in "abc":
        mail.tell(key)
    a, b, c = mail.claim()
    assert mail.health()["desk"]["last_error"] is None
    mail.settle(a, "retry", error="z: the first")
    assert mail.health()["desk"]["last_error"] == "z: the first"
    mail.settle(b, "dead", error="answered 404")
    assert mail.health()["desk"]["last_error"] == "answered 404"
    mail.settle(c, "put_back", error="its channel rests", retry_after_seconds=30)
    assert mail.health()["desk"]["last_error"] == "its channel rests"
    mail.settle(c, "delivered")
    assert mail.health()["desk"]["last_error"] == "answered 404"


def test_many_deliverers_at_once_never_claim_the_same_row(url: str, mail: Mailroom) -> None:
    deliverers, notices = 4, 240
    mail.channel("desk")
    mail.channel("phone")
    mail.eyes.execute(
        "select stopward.tell_all(jsonb_agg(jsonb_build_object('account_id', %s::text,"
        " 'about', 'alarm', 'key', n, 'severity', 'notice', 'title', 't', 'said', '{}'::jsonb)))"
        " from generate_series(1, %s) as n",
        (mail.account_id, notices // 2),
    )
    start = Barrier(deliverers)

    def drain(holder: str) -> list[str]:
        room = Mailroom(url)
        room.account_id = mail.account_id
        mine: list[str] = []
        start.wait()
        while claims := room.claim(holder=holder, limit=7):
            mine.extend(claim["id"] for claim in claims)
            for claim in claims:
                room.settle(claim, "delivered", holder=holder)
        room.close()
        return mine

    with ThreadPoolExecutor(deliverers) as pool:
        shares = list(pool.map(drain, [f"holder-{n}" for n in range(deliverers)]))
    claimed = [one for share in shares for one in share]
    assert len(claimed) == len(set(claimed)) == notices
    assert {row["status"] for row in mail.rows()} == {"delivered"}


def test_a_claim_in_flight_is_passed_over_by_the_next_deliverer(mail: Mailroom, url: str) -> None:
    mail.channel()
    mail.tell("a")
    mail.tell("b")
    other = Mailroom(url)
    other.account_id = mail.account_id
    with mail.eyes.transaction():
        first = mail.claim(limit=1)
        second = other.claim(limit=5, holder="two")
    assert [c["key"] for c in first] == ["a"]
    assert [c["key"] for c in second] == ["b"]
    other.close()


@pytest.mark.parametrize("switch", [{"deliverer": "edge"}, {"address": "https://new.example.com/"}])
def test_a_change_of_a_channel_counts_for_what_waits(
    mail: Mailroom, switch: dict[str, Any]
) -> None:
    mail.channel()
    mail.tell()
    mail.channel(**switch)
    (claim,) = mail.claim(deliverer=switch.get("deliverer", "lambda"))
    assert claim["address"] == switch.get("address", claim["address"])
