"""Claim, send, settle: what one run does, over a queue in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from stopward.domain.notices import (
    Backlog,
    Claim,
    Dead,
    Delivered,
    Failed,
    Outcome,
    PutBack,
    Status,
)
from stopward.errors import DatabaseUnavailable
from stopward.services.delivery import CLAIM_SLACK_SECONDS, Delivery
from tests.builders.notices import a_claim

STATUS: dict[type, Status] = {
    Delivered: "delivered",
    Failed: "pending",
    PutBack: "pending",
    Dead: "dead",
}


@dataclass
class Queue:
    """An outbox of claims that are due; what is settled is due no more."""

    due: list[Claim]
    settled: list[tuple[str, Outcome]] = field(default_factory=list)
    claims: list[tuple[str, int, float]] = field(default_factory=list)
    lost: int = 0
    worn_out: frozenset[str] = frozenset()

    def claim(self, *, holder: str, limit: int, seconds: float) -> tuple[Claim, ...]:
        self.claims.append((holder, limit, seconds))
        taken, self.due = self.due[:limit], self.due[limit:]
        return tuple(taken)

    def settle(self, claim: Claim, outcome: Outcome, *, holder: str) -> Status:
        if self.lost:
            self.lost -= 1
            raise DatabaseUnavailable("the connection was lost")
        self.settled.append((claim.id, outcome))
        return "dead" if claim.id in self.worn_out else STATUS[type(outcome)]

    def nudge(self) -> int:
        return 3

    def trim(self) -> int:
        return 7

    def backlog(self) -> Backlog:
        return Backlog(pending=len(self.due), dead=0, oldest_pending_seconds=12.5)


@dataclass
class Sender:
    """Answers as told, and remembers what it was given."""

    answer: Callable[[Claim], Outcome] = lambda claim: Delivered()
    sent: list[str] = field(default_factory=list)

    def send(self, claim: Claim) -> Outcome:
        self.sent.append(claim.id)
        return self.answer(claim)


def a_minute() -> float:
    return 60.0


def run(queue: Queue, sender: Sender, *, left: Callable[[], float] = a_minute, batch: int = 20):
    delivery = Delivery(outbox=queue, notifier=sender, batch=batch, margin_seconds=15.0)
    return delivery.run(left, holder="run-1")


def test_all_that_is_due_is_sent_once_and_settled() -> None:
    queue, sender = Queue([a_claim(n) for n in range(45)]), Sender()
    summary = run(queue, sender)
    assert len(sender.sent) == len(set(sender.sent)) == 45
    assert [outcome for _, outcome in queue.settled] == [Delivered()] * 45
    assert summary.counts() == {
        "claimed": 45,
        "delivered": 45,
        "retried": 0,
        "put_back": 0,
        "dead": 0,
        "nudged": 3,
        "trimmed": 7,
        "pending": 0,
        "oldest_pending_seconds": 12.5,
    }


def test_a_claim_outlives_the_run_that_made_it() -> None:
    queue = Queue([a_claim()])
    run(queue, Sender(), left=lambda: 47.0)
    assert queue.claims[0] == ("run-1", 20, 47.0 + CLAIM_SLACK_SECONDS)


def test_without_time_nothing_is_claimed() -> None:
    queue, sender = Queue([a_claim()]), Sender()
    summary = run(queue, sender, left=lambda: 15.0)
    assert (queue.claims, sender.sent, summary.pending, summary.trimmed) == ([], [], 1, 0)


def test_what_time_does_not_reach_is_put_back_at_no_cost() -> None:
    left = iter([60.0, 60.0, 60.0, 10.0, 10.0, 10.0, 10.0])
    queue, sender = Queue([a_claim(n) for n in range(4)]), Sender()
    summary = run(queue, sender, left=lambda: next(left))
    assert len(sender.sent) == 2
    assert [type(outcome) for _, outcome in queue.settled] == [
        Delivered,
        Delivered,
        PutBack,
        PutBack,
    ]
    assert (summary.delivered, summary.put_back) == (2, 2)


@pytest.mark.parametrize(
    "answer",
    [
        Failed(reason="no answer", hold_seconds=30),
        PutBack(reason="busy", retry_after_seconds=5, hold_seconds=30),
    ],
)
def test_a_channel_that_rests_is_asked_once_and_the_others_go_on(answer: Outcome) -> None:
    queue = Queue(
        [a_claim(n, channel="desk" if n % 2 else "phone") for n in range(1, 7)]
        + [a_claim(9, account_id="other")]
    )

    def answered(claim: Claim) -> Outcome:
        is_down = (claim.account_id, claim.channel) == ("acc", "desk")
        return answer if is_down else Delivered()

    sender = Sender(answered)
    summary = run(queue, sender)
    assert len(sender.sent) == 1 + 3 + 1
    outcomes = dict(queue.settled)
    assert outcomes[a_claim(1).id] == answer
    for number in (3, 5):
        assert outcomes[a_claim(number).id] == PutBack(
            reason=f"its channel rests: {answer.reason}",
            retry_after_seconds=30,
            hold_seconds=30,
        )
    assert summary.delivered == 4


def test_a_notice_that_fails_alone_does_not_hold_its_channel() -> None:
    queue = Queue([a_claim(n) for n in range(3)])
    sender = Sender(lambda claim: Failed(reason="500") if claim.id[-1] == "0" else Delivered())
    summary = run(queue, sender)
    assert len(sender.sent) == 3
    assert (summary.retried, summary.delivered) == (1, 2)


@pytest.mark.parametrize(
    ("outcome", "is_worn_out", "counted"),
    [
        (Failed(reason="500"), False, "retried"),
        (Failed(reason="500"), True, "dead"),
        (Dead(reason="404"), False, "dead"),
        (PutBack(reason="429"), False, "put_back"),
        (PutBack(reason="429"), True, "dead"),
    ],
)
def test_what_came_of_it_is_counted_as_the_queue_took_it(
    outcome: Outcome, is_worn_out: bool, counted: str
) -> None:
    worn_out = frozenset({a_claim().id}) if is_worn_out else frozenset()
    counts = run(Queue([a_claim()], worn_out=worn_out), Sender(lambda claim: outcome)).counts()
    names = ("delivered", "retried", "put_back", "dead")
    assert {name: counts[name] for name in names} == {name: name == counted for name in names}


def test_settling_is_tried_twice_before_it_is_given_up() -> None:
    queue, sender = Queue([a_claim()], lost=1), Sender()
    run(queue, sender)
    assert (len(sender.sent), len(queue.settled)) == (1, 1)
    with pytest.raises(DatabaseUnavailable):
        run(Queue([a_claim()], lost=2), Sender())


def test_no_address_and_no_secret_shows() -> None:
    assert "hooks.example.com" not in repr(a_claim())
    assert "ssss" not in repr(a_claim())
