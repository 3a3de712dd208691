"""Clients share a session, and what cannot be made is refused."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import NoRegionError, UnknownServiceError

from stopward.adapters import aws_client as aws_client_module
from stopward.adapters.aws_client import aws_client


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    aws_client_module._session.cache_clear()
    yield
    aws_client_module._session.cache_clear()


def test_clients_of_two_regions_share_a_session() -> None:
    one, other = (aws_client("sqs", region=name) for name in ("us-east-1", "eu-central-1"))
    assert one.meta.region_name != other.meta.region_name
    assert aws_client_module._session.cache_info().misses == 1


def test_a_service_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownServiceError, match="carrier-pigeon"):
        aws_client("carrier-pigeon", region="us-east-1")


def test_without_a_region_there_is_no_client() -> None:
    with pytest.raises(NoRegionError):
        aws_client("secretsmanager")
