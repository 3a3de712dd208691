"""Pulses as messages: against moto's queue, and against answers that moto never gives."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import moto.sqs.models
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from stopward.adapters.pulses_sqs import SqsPulses, delay_seconds, read_pulse, write_pulse
from stopward.domain.identity import AccountId
from stopward.domain.pulses import Pulse
from stopward.errors import InvalidInput, InvalidState, Unavailable

MINUTE = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
INSTANTS = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda found: found.replace(tzinfo=UTC)
)


def a_pulse(second: float = 0.0, *, account: str = "a") -> Pulse:
    tick_at = MINUTE + timedelta(seconds=second)
    return Pulse(account_id=AccountId(account), source="monitor_positions", tick_at=tick_at)


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        made = boto3.client("sqs").create_queue(
            QueueName="ticks", Attributes={"VisibilityTimeout": "360"}
        )
        yield str(made["QueueUrl"])


def received(url: str) -> list[str]:
    """Return the bodies of what is there to be received now."""
    found: list[str] = []
    while (
        batch := boto3.client("sqs")
        .receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        .get("Messages")
    ):
        found += [each["Body"] for each in batch]
    return found


def test_a_message_is_three_names_and_nothing_else() -> None:
    assert write_pulse(a_pulse(20)) == (
        '{"account_id":"a","source":"monitor_positions","tick_at":"2026-11-23T15:00:20+00:00"}'
    )


@given(account=st.text(min_size=1), tick_at=INSTANTS)
def test_a_pulse_comes_out_as_it_went_in(account: str, tick_at: datetime) -> None:
    pulse = Pulse(account_id=AccountId(account), source="check_breakeven", tick_at=tick_at)
    assert read_pulse(write_pulse(pulse)) == pulse


@pytest.mark.parametrize(
    "body",
    ["", "x", "[]", "{}", '{"account_id":"a","source":"s","tick_at":"2026-11-23T15:00:20"}'],
)
def test_a_body_that_is_no_pulse_is_refused(body: str) -> None:
    with pytest.raises(InvalidState):
        read_pulse(body)


@pytest.mark.parametrize(
    ("wait", "delay"), [(-30, 0), (0, 0), (0.2, 1), (10, 10), (49.999, 50), (5000, 900)]
)
def test_a_delay_never_ends_before_the_instant(wait: float, delay: int) -> None:
    assert delay_seconds(a_pulse(wait), MINUTE) == delay


def test_each_message_comes_out_at_its_instant(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pulses = [a_pulse(second) for second in (0, 10, 20, 30, 40, 50)]
    now = [moto.sqs.models.unix_time_millis()]
    monkeypatch.setattr(moto.sqs.models, "unix_time_millis", lambda: now[0])
    assert SqsPulses(url).send(pulses, now=MINUTE) == ()
    for pulse in pulses:
        assert received(url) == [write_pulse(pulse)]
        now[0] += 9_999
        assert received(url) == []
        now[0] += 1


def test_what_was_not_taken_is_returned(url: str) -> None:
    queue = SqsPulses(url)
    pulses = [a_pulse(second) for second in (0, 10, 20)]
    answer = {
        "Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"}],
        "Failed": [{"Id": "2", "SenderFault": False, "Code": "InternalError"}],
    }
    with Stubber(queue._client) as stubbed:
        stubbed.add_response("send_message_batch", answer)
        # The second is in neither list: nobody said that it was taken.
        assert queue.send(pulses, now=MINUTE) == (pulses[1], pulses[2])


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDenied", InvalidInput),
        ("QueueDoesNotExist", InvalidInput),
        ("RequestThrottled", Unavailable),
        ("InternalError", Unavailable),
    ],
)
def test_a_refusal_says_whether_to_ask_again(url: str, code: str, kind: type[Exception]) -> None:
    queue = SqsPulses(url)
    with Stubber(queue._client) as stubbed:
        stubbed.add_client_error("send_message_batch", code)
        with pytest.raises(kind, match=code):
            queue.send([a_pulse()], now=MINUTE)


def test_a_queue_that_is_not_there_is_told_with_the_remedy(url: str) -> None:
    with pytest.raises(InvalidInput, match="does it exist, and may this role send to it"):
        SqsPulses(f"{url}-gone").send([a_pulse()], now=MINUTE)


def test_no_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="no answer"):
        SqsPulses("http://127.0.0.1:9/1/ticks").send([a_pulse()], now=MINUTE)


def test_ten_accounts_fill_a_call_and_stay_apart(url: str) -> None:
    pulses: list[Any] = [a_pulse(account=f"a{n}") for n in range(10)]
    assert SqsPulses(url).send(pulses, now=MINUTE) == ()
    assert sorted(received(url)) == sorted(write_pulse(each) for each in pulses)
