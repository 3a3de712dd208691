"""Secrets by ARN, against moto."""

import json
import subprocess
import sys
import traceback

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from stopward.adapters import aws_client, secrets
from stopward.bootstrap import minute_guard
from stopward.errors import InvalidInput, Unavailable

REGION = "eu-central-1"
SECRET = "very/secret+value"


@pytest.fixture
def vault(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        client = boto3.client("secretsmanager", region_name=REGION)

        def put(content, name="stopward"):
            text = content if isinstance(content, str) else json.dumps(content)
            return client.create_secret(Name=name, SecretString=text)["ARN"]

        put.client = client
        yield put


@pytest.mark.parametrize(
    "content",
    [
        {"key_id": "PK1", "secret_key": SECRET},
        {"APCA_API_KEY_ID": "PK1", "APCA_API_SECRET_KEY": SECRET, "note": 3},
        {"key_id": " PK1 ", "secret_key": f"{SECRET}\n"},
    ],
)
def test_broker_keys_are_read_in_the_region_that_the_arn_names(vault, content):
    keys = secrets.broker_keys(vault(content))
    assert (keys.key_id, keys.secret) == ("PK1", SECRET)
    assert SECRET not in repr(keys)


@pytest.mark.parametrize(
    ("more", "number"),
    [({}, ""), ({"account_number": " 123 "}, "123"), ({"account_number": 5}, "")],
)
def test_the_account_that_the_keys_must_open_may_stand_beside_them(vault, more, number):
    keys = secrets.broker_keys(vault({"key_id": "PK1", "secret_key": SECRET, **more}))
    assert keys.account_number == number


@pytest.mark.parametrize(
    "content",
    ["postgresql://u:p@h/db", "postgres://u:p@h/db", {"url": "x://u"}, {"database_url": "x://u"}],
)
def test_a_database_url_is_text_or_a_field(vault, content):
    expected = content if isinstance(content, str) else "x://u"
    assert secrets.database_url(vault(content)) == expected


@pytest.mark.parametrize(
    "content",
    ["sb_secret_1\n", {"supabase_secret_key": "sb_secret_1"}, {"secret_key": " sb_secret_1"}],
)
def test_a_supabase_key_is_text_or_a_field(vault, content):
    assert secrets.supabase_key(vault(content)) == "sb_secret_1"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"key_id": "PK1"}, "has no secret_key or APCA_API_SECRET_KEY; it has .'key_id'."),
        ({"key_id": "", "secret_key": SECRET}, "has no key_id"),
        ({"key_id": 5, "secret_key": SECRET}, "has no key_id"),
        (f"{SECRET}", "was no JSON object"),
        (f'["{SECRET}"]', "was no JSON object"),
    ],
)
def test_a_secret_without_its_fields_is_refused_without_showing_it(vault, content, told):
    with pytest.raises(InvalidInput, match=told) as caught:
        secrets.broker_keys(vault(content))
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_missing_secret_names_its_arn_and_the_remedy(vault):
    arn = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:nowhere-AbCdEf"
    with pytest.raises(InvalidInput, match=r"nowhere-AbCdEf.*may this role read it"):
        secrets.broker_keys(arn)


def test_a_binary_secret_is_refused(vault):
    arn = vault.client.create_secret(Name="bytes", SecretBinary=b"x")["ARN"]
    with pytest.raises(InvalidInput, match="expected text"):
        secrets.read_secret(arn)


def test_without_a_region_or_an_answer_it_is_unavailable(vault):
    with pytest.raises(Unavailable, match="NoRegionError"):
        secrets.read_secret("stopward")


def test_an_aws_that_is_throttling_is_unavailable(vault, monkeypatch):
    client = boto3.client("secretsmanager", region_name=REGION)
    with Stubber(client) as stub:
        stub.add_client_error("get_secret_value", "ThrottlingException")
        monkeypatch.setattr(aws_client, "aws_client", lambda *args, **kwargs: client)
        with pytest.raises(Unavailable, match="ThrottlingException"):
            secrets.read_secret(vault("{}"))


def test_the_secret_of_a_channel_is_asked_for_once_and_briefly(vault, monkeypatch):
    arn = vault({"address": "https://example.com/x", "note": 3})
    make, asked = aws_client.aws_client, []

    def remembering(*names, **options):
        asked.append(options["config"])
        return make(*names, **options)

    monkeypatch.setattr(aws_client, "aws_client", remembering)
    assert secrets.channel_fields(arn) == {"address": "https://example.com/x"}
    (config,) = asked
    assert config.retries["total_max_attempts"] == 1
    assert config.connect_timeout + config.read_timeout == secrets.CHANNEL_SECONDS


def test_a_guard_reads_its_secrets_over_one_connection(vault, monkeypatch):
    make, made = aws_client.aws_client, []

    def remembering(*names, **options):
        made.append((*names, options["region"]))
        return make(*names, **options)

    monkeypatch.setattr(aws_client, "aws_client", remembering)
    environment = {
        "STOPWARD_ACCOUNT_ID": "main",
        "STOPWARD_SUPABASE_URL": "https://project.supabase.co",
        "STOPWARD_SUPABASE_SECRET_ARN": vault("sb_secret_1", "database"),
        "STOPWARD_BROKER_SECRET_ARN": vault({"key_id": "PK1", "secret_key": SECRET}, "broker"),
    }
    failures: list[object] = []
    minute_guard(
        source="monitor_positions",
        on_failure=lambda *told: failures.append(told),
        environment=environment,
    )
    assert (made, failures) == ([("secretsmanager", REGION)], [])


def test_botocore_is_not_loaded_until_a_secret_is_read():
    code = "import sys, stopward.adapters.secrets; print('botocore' in sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "False"
