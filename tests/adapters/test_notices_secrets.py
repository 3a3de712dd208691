"""Notices whose address is a secret, and channels that are badly written."""

import subprocess
import sys

import pytest

from stopward.adapters.notices.http import HttpNotices
from stopward.adapters.notices.sender import Notices
from stopward.domain.notices import Claim, Dead, Delivered, Failed, Outcome, PutBack
from stopward.errors import InvalidInput, Unavailable
from tests.builders.http import Asked, Says, in_turn, scripted
from tests.builders.notices import a_claim

ARN = "arn:aws:secretsmanager:eu-central-1:1:secret:stopward/desk"


def test_an_address_may_be_a_secret_that_is_read_once() -> None:
    read: list[str] = []

    with scripted(in_turn(Says())) as server:

        def secret(arn: str) -> dict[str, str]:
            read.append(arn)
            return {"address": f"{server.url}/x", "secret": "k" * 24}

        notices = Notices(read_secret=secret, http=HttpNotices(may_be_loopback=True))
        claim = a_claim(address=ARN, secret=None)
        assert [notices.send(claim) for _ in range(2)] == [Delivered(), Delivered()]
    assert read == [ARN]
    signatures = {
        value
        for asked in server.asked
        for name, value in asked.headers.items()
        if name.lower() == "x-stopward-signature"
    }
    assert len(signatures) == 1


def test_a_secret_is_read_again_after_a_refusal() -> None:
    read: list[str] = []
    with scripted(in_turn(Says(status=403), Says())) as server:

        def secret(arn: str) -> dict[str, str]:
            read.append(arn)
            return {"address": f"{server.url}/x"}

        notices = Notices(read_secret=secret, http=HttpNotices(may_be_loopback=True))
        outcomes = [notices.send(a_claim(address=ARN)) for _ in range(2)]
    assert [type(outcome) for outcome in outcomes] == [Dead, Delivered]
    assert len(read) == 2


def test_a_secret_that_was_rotated_costs_no_notice() -> None:
    accepted, stored = ["/old"], ["/old"]

    def answer(asked: Asked) -> Says:
        return Says(status=200 if asked.path in accepted else 404, body=b"")

    with scripted(answer) as server:
        notices = Notices(
            read_secret=lambda arn: {"address": f"{server.url}{stored[0]}"},
            http=HttpNotices(may_be_loopback=True),
        )
        assert notices.send(a_claim(address=ARN)) == Delivered()
        accepted[:] = stored[:] = ["/new"]
        # Put back, not dead: it is claimed again at once, and the secret is read anew.
        assert notices.send(a_claim(address=ARN)) == PutBack(reason="127.0.0.1 answered 404")
        assert notices.send(a_claim(address=ARN)) == Delivered()
        accepted.clear()
        gone = [notices.send(a_claim(address=ARN)) for _ in range(2)]
    assert [type(outcome) for outcome in gone] == [PutBack, Dead]


@pytest.mark.parametrize("answer", [Says(status=500), Says(status=429), Says(lost=True)])
def test_a_secret_is_read_again_while_its_address_does_not_take_notices(answer: Says) -> None:
    read: list[str] = []
    with scripted(in_turn(answer, answer, Says())) as server:

        def secret(arn: str) -> dict[str, str]:
            read.append(arn)
            return {"address": f"{server.url}/x"}

        notices = Notices(read_secret=secret, http=HttpNotices(may_be_loopback=True))
        outcomes = [notices.send(a_claim(address=ARN)) for _ in range(4)]
    assert outcomes[2:] == [Delivered(), Delivered()]
    assert len(read) == 3


@pytest.mark.parametrize(
    ("claim", "fields"),
    [
        (a_claim(kind="sns", address=ARN), {"address": "secret-topic"}),
        (a_claim(kind="sns", address="https://hooks.example.com/secret"), {}),
        (a_claim(kind="ntfy", address=ARN), {"address": "https://[ntfy.sh/secret"}),
        (a_claim(kind="ntfy", address=ARN), {"address": "https://n.sh/t", "secret": "secret\n"}),
        (
            a_claim(kind="ntfy", address=ARN),
            {"address": "https://n.sh/t", "secret": "secret\u2013"},
        ),
        (a_claim(address=ARN), {"address": "https://n.sh/t", "secret": "secret\ud800"}),
        (a_claim(address=ARN, title="\ud800"), {"address": "https://n.sh/secret"}),
        (a_claim(address=ARN), {"address": "https://n.sh/secret\u2013"}),
    ],
)
def test_a_channel_that_is_badly_written_is_dead_and_says_no_secret(
    claim: Claim, fields: dict[str, str]
) -> None:
    outcome = Notices(read_secret=lambda arn: fields).send(claim)
    assert isinstance(outcome, Dead)
    assert "secret" not in outcome.reason
    assert "ntfy.sh" not in outcome.reason


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (InvalidInput("secret x: missing"), Dead(reason="secret x: missing")),
        (
            Unavailable("secret x: no answer"),
            Failed(reason="secret x: no answer", hold_seconds=30.0),
        ),
    ],
)
def test_a_secret_that_cannot_be_read_is_an_outcome(problem: Exception, expected: Outcome) -> None:
    def secret(arn: str) -> dict[str, str]:
        raise problem

    assert Notices(read_secret=secret).send(a_claim(address=ARN)) == expected


def test_a_secret_without_an_address_is_dead_and_names_the_secret() -> None:
    outcome = Notices(read_secret=lambda arn: {"url": "x"}).send(a_claim(address=ARN))
    assert outcome == Dead(reason=f"secret {ARN}: has no address")


def test_posting_loads_no_boto3() -> None:
    code = (
        "import sys; import stopward.adapters.notices.sender, stopward.adapters.outbox;"
        "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
