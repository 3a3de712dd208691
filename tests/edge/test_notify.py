"""The edge function under real Deno: its own tests, its style, and whole against the database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.gateway import ServedGateway, a_gateway, url_of_login
from tests.builders.http import Asked, Says, scripted
from tests.builders.outbox import PG_NET, Mailroom, posted

ROOT = Path(__file__).parents[2]
FUNCTION = ROOT / "supabase" / "functions" / "notify"
CONFIG = ("--config", str(FUNCTION / "deno.json"))
SECRET = "a-webhook-secret-of-the-edge-tests"
PATIENCE_SECONDS = 60


@pytest.fixture(scope="session")
def deno(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Deno and an environment in which it keeps to itself."""
    found = Path(sys.executable).parent / "deno"
    if not found.exists():
        pytest.fail("deno is missing: pip install deno, as requirements/dev.txt has it")
    environment = {
        "PATH": os.defpath,
        "HOME": str(tmp_path_factory.mktemp("home")),
        "DENO_DIR": str(tmp_path_factory.mktemp("deno")),
        "DENO_NO_UPDATE_CHECK": "1",
        "NO_COLOR": "1",
    }
    return found, environment


@pytest.mark.parametrize(
    "arguments",
    [
        ("fmt", *CONFIG, "--check", str(FUNCTION), str(ROOT / "tests" / "edge" / "notify_test.ts")),
        ("lint", *CONFIG, str(FUNCTION), str(ROOT / "tests" / "edge" / "notify_test.ts")),
        ("check", *CONFIG, "--no-lock", str(FUNCTION / "index.ts")),
        (
            *("test", *CONFIG, "--no-lock", "--no-remote", "--no-npm", "--allow-net=127.0.0.1"),
            *(f"--allow-read={ROOT / 'tests' / 'edge'}", "tests/edge/notify_test.ts"),
        ),
    ],
    ids=lambda arguments: arguments[0],
)
def test_deno_is_content(deno: tuple[Path, dict[str, str]], arguments: tuple[str, ...]) -> None:
    program, environment = deno
    done = subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if arguments[0] == "test":
        assert " passed | 0 failed" in done.stdout


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "notify") as found:
        with psycopg.connect(found, autocommit=True) as connection:
            connection.execute(PG_NET)
        yield found


@pytest.fixture(scope="module")
def gateway(postgres_server: EmbeddedPostgres, url: str) -> Iterator[ServedGateway]:
    with a_gateway(url_of_login(postgres_server, url)) as found:
        yield found


@pytest.fixture(scope="module")
def function(deno: tuple[Path, dict[str, str]], gateway: ServedGateway) -> Iterator[str]:
    """The running function, as the edge runtime would start it; yields its URL."""
    program, environment = deno
    names = (
        "SUPABASE_URL,SUPABASE_SECRET_KEYS,SUPABASE_SECRET_KEY,SUPABASE_SERVICE_ROLE_KEY,"
        "NOTIFY_WEBHOOK_SECRET,NOTIFY_ALLOW_LOOPBACK"
    )
    process = subprocess.Popen(
        [
            *(program, "run", *CONFIG, "--no-lock", "--no-remote", "--no-npm", "--no-prompt"),
            *("--allow-net=127.0.0.1", f"--allow-env={names}", FUNCTION / "index.ts"),
        ],
        env={
            **environment,
            "DENO_SERVE_ADDRESS": "tcp:127.0.0.1:0",
            "SUPABASE_URL": gateway.url,
            "SUPABASE_SECRET_KEYS": f'{{"default": "{gateway.keys.secret}"}}',
            "NOTIFY_WEBHOOK_SECRET": SECRET,
            "NOTIFY_ALLOW_LOOPBACK": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert "http://127.0.0.1:" in first, first + process.stdout.read()
    yield first[first.index("http://") :].split()[0]
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.fixture
def mail(url: str, function: str) -> Iterator[Mailroom]:
    found = Mailroom(url)
    found.call("put_edge_webhook", url=f"{function}notify", secret=SECRET)
    posted(found)
    yield found
    found.close()


def post_all(mail: Mailroom) -> list[tuple[int, str]]:
    """Post what pg_net was asked to, as it would; return status and word of each answer."""
    answers = []
    for call in posted(mail):
        with httpx.Client(timeout=20) as client:
            answer = client.post(call["url"], headers=call["headers"], json=call["body"])
        answers.append((answer.status_code, str(answer.json().get("status"))))
    return answers


def keys(asked: list[Asked]) -> list[str]:
    return [
        value
        for one in asked
        for name, value in one.headers.items()
        if name.lower() == "idempotency-key"
    ]


def test_a_notice_goes_from_the_trigger_through_deno_to_the_reader(mail: Mailroom) -> None:
    with scripted(lambda asked: Says()) as reader:
        mail.channel(deliverer="edge", address=f"{reader.url}/in")
        mail.call("halt", account_id=mail.account_id, reason="test")
        assert post_all(mail) == [(200, "delivered")]
    (row,) = mail.rows()
    assert (row["status"], row["attempts"]) == ("delivered", 1)
    assert keys(reader.asked) == [str(row["id"])]
    assert reader.asked[0].json["title"] == "The rules were halted: test"


def test_a_webhook_that_comes_twice_delivers_once(mail: Mailroom) -> None:
    with scripted(lambda asked: Says()) as reader:
        mail.channel(deliverer="edge", address=f"{reader.url}/in")
        mail.tell()
        mail.eyes.execute(
            "insert into net.calls (url, body, params, headers, timeout_milliseconds)"
            " select url, body, params, headers, timeout_milliseconds from net.calls"
        )
        assert post_all(mail) == [(200, "delivered"), (200, "not_due")]
    assert len(reader.asked) == 1


def test_what_failed_is_posted_again_by_the_nudge_under_the_same_key(mail: Mailroom) -> None:
    answers = [Says(status=500), Says()]
    with scripted(lambda asked: answers.pop(0)) as reader:
        mail.channel(deliverer="edge", address=f"{reader.url}/in")
        mail.tell()
        assert post_all(mail) == [(200, "pending")]
        assert mail.call("nudge_edge") == {"posted": 0, "due": 0}
        mail.let_pass(60)
        assert mail.call("nudge_edge") == {"posted": 1, "due": 1}
        assert post_all(mail) == [(200, "delivered")]
    assert len(keys(reader.asked)) == 2
    assert len(set(keys(reader.asked))) == 1


def test_a_channel_of_the_lambda_is_never_sent_by_the_edge_function(mail: Mailroom) -> None:
    with scripted(lambda asked: Says()) as reader:
        mail.channel(deliverer="lambda", address=f"{reader.url}/in")
        mail.tell()
        (row,) = mail.rows()
        mail.eyes.execute("select stopward.post_to_edge(array[%s]::uuid[])", (row["id"],))
        assert post_all(mail) == [(200, "not_due")]
    assert reader.asked == []


def test_a_refusal_is_dead_with_its_reason(mail: Mailroom) -> None:
    with scripted(lambda asked: Says(status=404, body=b"no_service")) as reader:
        mail.channel(deliverer="edge", address=f"{reader.url}/secret-path")
        mail.tell()
        assert post_all(mail) == [(200, "dead")]
    assert mail.rows()[0]["last_error"] == "127.0.0.1 answered 404: no_service"


def test_a_stranger_moves_nothing(mail: Mailroom, function: str) -> None:
    with scripted(lambda asked: Says()) as reader:
        mail.channel(deliverer="edge", address=f"{reader.url}/in")
        mail.tell()
        (call,) = posted(mail)
        with httpx.Client() as client:
            answer = client.post(call["url"], json=call["body"])
    assert answer.status_code == 401
    assert mail.rows()[0]["status"] == "pending"
