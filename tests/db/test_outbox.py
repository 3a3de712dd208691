"""Notices are queued with what they tell, once for each channel that wants them."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from stopward.adapters.channels import Channels
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.identity import AccountId
from stopward.domain.snapshot import Alarm
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.outbox import HOOK, Mailroom
from tests.builders.store import a_position, a_record, a_trade
from tests.builders.store_world import PostgresWorld, begin


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "outbox") as found:
        yield found


@pytest.fixture
def mail(url: str) -> Iterator[Mailroom]:
    found = Mailroom(url)
    yield found
    found.close()


@pytest.fixture
def world(url: str, mail: Mailroom) -> Iterator[PostgresWorld]:
    """A guarded account whose mail is read."""
    found = PostgresWorld(url)
    mail.account_id = found.account_id
    yield found
    found.close()


def test_a_notice_is_one_row_for_each_channel(mail: Mailroom) -> None:
    mail.channel("desk")
    mail.channel("phone", kind="ntfy")
    mail.tell("k", title="The stop was missing")
    assert [(row["channel"], row["status"]) for row in mail.rows()] == [
        ("desk", "pending"),
        ("phone", "pending"),
    ]
    assert [(n["title"], n["read_at"]) for n in mail.notices()] == [("The stop was missing", None)]


def test_telling_twice_is_telling_once(mail: Mailroom) -> None:
    mail.channel()
    mail.tell("k")
    first = mail.rows()
    mail.tell("k", title="another title", severity="critical")
    assert mail.rows() == first


def test_the_same_key_of_another_topic_is_another_notice(mail: Mailroom) -> None:
    mail.tell("k", about="alarm")
    mail.tell("k", about="halted")
    assert len(mail.notices()) == 2


@pytest.mark.parametrize(
    ("channel", "severity", "about", "is_wanted"),
    [
        ({}, "notice", "alarm", True),
        ({"least_severity": "warning"}, "notice", "alarm", False),
        ({"least_severity": "warning"}, "warning", "alarm", True),
        ({"least_severity": "warning"}, "critical", "alarm", True),
        ({"least_severity": "critical"}, "warning", "alarm", False),
        ({"topics": ["trade_closed"]}, "critical", "alarm", False),
        ({"topics": ["trade_closed", "alarm"]}, "notice", "alarm", True),
        ({"topics": ["trade_closed"]}, "critical", "undelivered", True),
        ({"enabled": False}, "critical", "alarm", False),
    ],
)
def test_a_channel_hears_what_it_asked_for(
    mail: Mailroom, channel: dict[str, object], severity: str, about: str, is_wanted: bool
) -> None:
    mail.channel(**channel)
    mail.tell("k", severity=severity, about=about)
    assert len(mail.rows()) == is_wanted
    assert len(mail.notices()) == 1


def test_a_channel_of_another_account_hears_nothing(url: str, mail: Mailroom) -> None:
    stranger = Mailroom(url)
    stranger.channel()
    mail.tell("k")
    assert stranger.rows() == []
    stranger.close()


@pytest.mark.parametrize(
    "odd",
    [
        "null, null, null, null, null, null",
        "'{account}', null, null, null, null, null",
        "'{account}', '', '', '', '', 'null'",
        "'{account}', repeat('a', 5000), repeat('ä', 5000), 'grave', repeat('t', 9000), '[1]'",
        "'{account}', 'alarm', repeat(md5('1'), 100000), 'critical', 't', '\"text\"'",
        "'{account}', 'alarm', 'k', 'critical', 't', jsonb_build_object('a', repeat('x', 20000))",
        "'nobody', 'alarm', 'k', 'critical', 't', '{{}}'",
    ],
)
def test_telling_never_fails(mail: Mailroom, odd: str) -> None:
    mail.channel()
    heard: list[str] = []
    mail.eyes.add_notice_handler(lambda notice: heard.append(str(notice.message_primary)))
    mail.eyes.execute(f"select stopward.tell({odd.format(account=mail.account_id)})".encode())
    assert heard == []
    assert len(mail.notices()) == ("{account}" in odd)
    assert len(mail.rows()) == len(mail.notices())


def test_a_fault_of_the_queue_is_a_warning_and_leaves_the_change_alone(mail: Mailroom) -> None:
    heard: list[str] = []
    mail.eyes.add_notice_handler(lambda notice: heard.append(str(notice.message_primary)))
    with mail.eyes.transaction(force_rollback=True):
        mail.eyes.execute("drop table stopward.outbox cascade")
        mail.call("halt", account_id=mail.account_id, reason="test")
        mail.tell("k")
        halted = mail.all("select halted from stopward.accounts where id = %s")
    assert halted == [{"halted": True}]
    assert [told.split(":")[1] for told in heard if told.startswith("stopward")] == [
        " UPDATE of accounts was not told",
        " notices were not queued",
    ]


def test_what_is_rolled_back_was_never_told(mail: Mailroom) -> None:
    mail.channel()
    with mail.eyes.transaction(force_rollback=True):
        mail.call("halt", account_id=mail.account_id, reason="test")
        assert len(mail.rows()) == 1
    assert mail.rows() == mail.notices() == []


def test_a_halt_its_end_and_a_flatten_are_told(mail: Mailroom) -> None:
    mail.channel()
    account = {"account_id": mail.account_id}
    mail.call("halt", **account, reason="broker is down")
    mail.call("halt", **account, reason="still down")
    mail.call("resume", **account)
    mail.call("resume", **account)
    mail.call("request_flatten", **account)
    mail.call("request_flatten", **account)
    mail.call("resume", **account)
    assert [(row["about"], row["severity"], row["title"]) for row in mail.rows()] == [
        ("halted", "warning", "The rules were halted: broker is down"),
        ("halted", "notice", "The rules go on"),
        ("flatten", "warning", "Everything is to be closed"),
        ("flatten", "notice", "The request to close everything has ended"),
    ]


def test_many_accounts_halted_by_one_statement_are_each_told(url: str) -> None:
    rooms = [Mailroom(url) for _ in range(3)]
    for room in rooms:
        room.channel()
    rooms[0].eyes.execute(
        "update stopward.accounts set halted = true where id = any(%s)",
        ([room.account_id for room in rooms],),
    )
    assert [len(room.rows()) for room in rooms] == [1, 1, 1]
    for room in rooms:
        room.close()


def raise_alarm(
    world: PostgresWorld, tick: int, severity: str = "warning", *, over: tuple[str, ...] = ()
) -> None:
    from tests.builders.store import pulse

    fence = begin(world, tick=pulse(tick)).fence
    alarm = Alarm(key="stale", kind="stale", symbol=None, message="m", severity=severity)  # type: ignore[arg-type]
    world.store.record_tick(
        a_record(
            fence,
            tick=tick,
            account_id=world.account_id,
            alarms=() if over else (alarm,),
            cleared=over,
        )
    )


def test_an_alarm_is_told_when_raised_and_when_it_becomes_critical(
    world: PostgresWorld, mail: Mailroom
) -> None:
    mail.channel()
    for tick, severity in enumerate(["warning", "warning", "notice", "critical", "critical"]):
        raise_alarm(world, tick, severity)
    assert [(row["about"], row["severity"], row["title"]) for row in mail.rows()] == [
        ("alarm", "warning", "m"),
        ("alarm", "critical", "m"),
    ]


@pytest.mark.parametrize(("severity", "expected"), [("warning", 2), ("critical", 3)])
def test_an_alarm_that_flaps_is_told_once_a_quarter_of_an_hour_unless_critical(
    world: PostgresWorld, mail: Mailroom, severity: str, expected: int
) -> None:
    mail.channel()
    for tick in (0, 2, 6 * 15):  # noon, twenty seconds later, a quarter past
        raise_alarm(world, tick, severity)
        raise_alarm(world, tick + 1, over=("stale",))
    assert len(mail.rows()) == expected


def test_each_trade_is_told_with_the_tick_that_closes_it(
    world: PostgresWorld, mail: Mailroom
) -> None:
    mail.channel()
    won, lost = (a_position(symbol, account_id=world.account_id) for symbol in ("AAPL", "MSFT"))
    record = a_record(
        begin(world).fence,
        account_id=world.account_id,
        positions=(won, lost),
        trades=(a_trade(won), a_trade(lost, result_r=-1.004, cause="by_hand")),
    )
    world.store.record_tick(record)
    world.store.record_tick(record)
    found = {row["title"]: row for row in mail.rows()}
    assert set(found) == {
        "AAPL closed at +1.00R by give_back",
        "MSFT closed at -1.00R by by_hand",
    }
    notice = mail.notices()[0]
    assert notice["about"] == "trade_closed"
    assert notice["said"]["exit_price"] == "102"
    assert notice["said"]["closed_at"].startswith("2026-11-23T17:00:00")


def test_a_result_without_bounds_is_told_too(world: PostgresWorld, mail: Mailroom) -> None:
    position = a_position(account_id=world.account_id)
    fence = begin(world).fence
    world.store.record_tick(a_record(fence, account_id=world.account_id, positions=(position,)))
    mail.eyes.execute(
        "insert into stopward.trades (account_id, position_id, symbol, side, quantity,"
        " average_entry, risk, opened_at, closed_at, exit_price, result, result_r, mae_r, mfe_r,"
        " cause, tick_at) values (%s, %s, 'AAPL', 'long', 1, 1, 1, now(), now(), 1, 1,"
        " '1e300', 0, 0, 'x', now())",
        (world.account_id, position.id),
    )
    assert mail.notices()[0]["title"] == f"AAPL closed at +1{'0' * 300}.00R by x"


def test_waking_is_part_of_the_transaction(mail: Mailroom) -> None:
    mail.channel()
    with psycopg.connect(mail.url, autocommit=True) as listener:
        listener.execute("listen stopward_outbox")
        with mail.eyes.transaction(force_rollback=True):
            mail.tell("undone")
        mail.tell("done")
        mail.tell("done")
        heard = [notice.payload for notice in listener.notifies(timeout=0.2)]
    assert heard == [""]


def test_a_channel_is_made_changed_and_removed(mail: Mailroom) -> None:
    mail.channel("desk", topics=["alarm"])
    mail.call("put_channel", account_id=mail.account_id, name="desk", least_severity="critical")
    health = mail.health()["desk"]
    assert (health["kind"], health["topics"], health["least_severity"]) == (
        "webhook",
        ["alarm"],
        "critical",
    )
    mail.tell("k", severity="critical")
    assert mail.claim()[0]["address"] == HOOK
    removed = [
        mail.call("remove_channel", account_id=mail.account_id, name="desk")["removed"]
        for _ in range(2)
    ]
    assert removed == [True, False]
    assert mail.rows() == []
    assert len(mail.notices()) == 1
    assert mail.all("select * from stopward.channel_addresses where account_id = %s") == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"name": "Not A Word"}, "channels_name_is_word"),
        ({"kind": "pigeon"}, "channels_kind_known"),
        ({"kind": None}, "channels_kind_known"),
        ({"deliverer": "both"}, "channels_one_deliverer"),
        ({"kind": "sns", "deliverer": "edge"}, "channels_one_deliverer"),
        (
            {"address": "arn:aws:secretsmanager:eu-central-1:1:secret:x", "deliverer": "edge"},
            "channels_one_deliverer",
        ),
        ({"address": None}, "channel_addresses_needed"),
        ({"address": "http://example.com/"}, "channel_addresses_address_is_safe"),
        ({"address": "https://me:secret@example.com/"}, "channel_addresses_address_is_safe"),
        ({"address": "http://localhost.evil.com/"}, "channel_addresses_address_is_safe"),
        ({"address": "http://localhost:1@evil.com/"}, "channel_addresses_address_is_safe"),
        ({"address": "file:///etc/passwd"}, "channel_addresses_address_is_safe"),
        ({"address": "arn:aws:sns:eu-central-1:1:topic"}, "channel_addresses_address_is_safe"),
        ({"kind": "sns", "address": HOOK}, "channel_addresses_address_is_safe"),
        ({"topics": "alarm"}, "put_channel_topics"),
        ({"address": ["https://me:secret@example.com/"]}, "put_channel_request"),
        ({"secret": {"token": "secret@"}}, "put_channel_request"),
        ({"secret": "secret@" * 300}, "put_channel_request"),
        ({"least_severity": "all"}, "channels_severity_known"),
        ({"attempts_limit": 0}, "channels_attempts_bounded"),
        ({"attempts_limit": 100}, "channels_attempts_bounded"),
        ({"account_id": "nobody"}, "unknown_account"),
    ],
)
def test_a_channel_that_cannot_work_is_refused(
    mail: Mailroom, changes: dict[str, object], rule: str
) -> None:
    request = {
        "account_id": mail.account_id,
        "name": "desk",
        "kind": "webhook",
        "address": HOOK,
        **changes,
    }
    with pytest.raises(psycopg.Error) as caught:
        mail.call("put_channel", **request)
    assert caught.value.diag.constraint_name == rule
    assert "secret@" not in str(caught.value)
    assert mail.health() == {}


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "stopward_worker"])
@pytest.mark.parametrize("table", ["channel_addresses", "edge_webhook"])
def test_no_role_reads_addresses_or_secrets(mail: Mailroom, role: str, table: str) -> None:
    with mail.eyes.transaction(force_rollback=True):
        mail.eyes.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            mail.eyes.execute(sql.SQL("table stopward.{}").format(sql.Identifier(table)))


def test_a_trial_goes_to_its_channel_only_whatever_that_listens_to(mail: Mailroom) -> None:
    mail.channel("desk", topics=["report_ready"], least_severity="critical")
    mail.channel("phone")
    account = {"account_id": mail.account_id, "name": "desk"}
    assert mail.call("try_channel", **account, key="1") == {"queued": True}
    assert mail.call("try_channel", **account, key="1") == {"queued": False}
    assert [(row["channel"], row["about"]) for row in mail.rows()] == [("desk", "trial")]
    with pytest.raises(psycopg.Error) as caught:
        mail.call("try_channel", account_id=mail.account_id, name="nowhere")
    assert caught.value.diag.constraint_name == "unknown_channel"


def test_notices_are_read_by_id_or_up_to_a_time(mail: Mailroom) -> None:
    for key in "abc":
        mail.tell(key)
    first, _, last = mail.notices()
    account = {"account_id": mail.account_id}
    assert mail.call("mark_read", **account, ids=[first["id"]]) == {"count": 1}
    assert mail.call("mark_read", **account, ids=[first["id"]]) == {"count": 0}
    assert mail.call("mark_read", **account, until=last["created_at"].isoformat()) == {"count": 2}
    assert all(notice["read_at"] for notice in mail.notices())
    with pytest.raises(psycopg.Error) as caught:
        mail.call("mark_read", **account)
    assert caught.value.diag.constraint_name == "mark_read_request"


def test_people_do_all_of_it_through_one_adapter(url: str, mail: Mailroom) -> None:
    database = PostgresDatabase(url)
    channels, account = Channels(database), AccountId(mail.account_id)
    channels.put(account, "desk", kind="webhook", address=HOOK, topics=["alarm"], enabled=True)
    channels.put(account, "desk", topics=[], least_severity="notice", attempts_limit=1)
    assert channels.attempt(account, "desk", key="1") is True
    mail.settle(mail.claim()[0], "retry", error="answered 500")
    assert [channels.retry_dead(account, "desk"), channels.retry_dead(account)] == [1, 0]
    mail.tell("a")
    trial, _, told = mail.notices()
    assert channels.mark_read(account, ids=[trial["id"]]) == 1
    assert channels.mark_read(account, until=told["created_at"]) == 2
    assert [channels.remove(account, "desk"), channels.remove(account, "desk")] == [True, False]
    channels.put_edge_webhook("https://example.com/notify", secret="w" * 24)
    channels.put_edge_webhook(None)
    assert mail.eyes.execute("table stopward.edge_webhook").fetchall() == []
    database.close()


def test_old_notices_go_but_for_what_still_waits(mail: Mailroom) -> None:
    mail.channel()
    for key in ("delivered", "waits", "young"):
        mail.tell(key)
    mail.settle(mail.claim(limit=1)[0], "delivered")
    mail.eyes.execute(
        "update stopward.notifications set created_at = now() - interval '401 days'"
        " where account_id = %s and key <> 'young'",
        (mail.account_id,),
    )
    assert mail.call("trim_notices", keep_days=402) == {"count": 0}
    assert mail.call("trim_notices") == {"count": 1}
    assert mail.call("trim_notices") == {"count": 0}
    assert {row["key"] for row in mail.rows()} == {"waits", "young"}


@pytest.mark.parametrize("request_", [{"keep_days": 29}, {"limit": 0}, {"limit": 10_001}])
def test_what_is_young_is_never_trimmed(mail: Mailroom, request_: dict[str, int]) -> None:
    with pytest.raises(psycopg.Error) as caught:
        mail.call("trim_notices", **request_)
    assert caught.value.diag.constraint_name == "trim_notices_bounds"


def test_another_accounts_notice_is_not_marked(url: str, mail: Mailroom) -> None:
    mail.tell("k")
    stranger = Mailroom(url)
    theirs = {"account_id": stranger.account_id, "ids": [mail.notices()[0]["id"]]}
    assert stranger.call("mark_read", **theirs) == {"count": 0}
    assert mail.notices()[0]["read_at"] is None
    stranger.close()
