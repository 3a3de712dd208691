"""Clients share a session, and the layer has every service that a client is made of."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import NoRegionError, UnknownServiceError

import stopward.adapters
from stopward.adapters import aws_client as aws_client_module
from stopward.adapters.aws_client import aws_client

ADAPTERS = Path(stopward.adapters.__file__ or stopward.adapters.__path__[0])
LAYER = Path(__file__).parents[2] / "layers" / "deps" / "Makefile"


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
    assert one.meta.service_model is other.meta.service_model or one._loader is other._loader


def test_a_service_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownServiceError, match="carrier-pigeon"):
        aws_client("carrier-pigeon", region="us-east-1")


def test_without_a_region_there_is_no_client() -> None:
    with pytest.raises(NoRegionError):
        aws_client("secretsmanager")


def test_the_layer_has_the_services_that_are_asked() -> None:
    folder = ADAPTERS if ADAPTERS.is_dir() else ADAPTERS.parent
    asked = {
        name
        for path in folder.rglob("*.py")
        for name in re.findall(r"aws_client\(\s*\"([a-z0-9-]+)\"", path.read_text("utf-8"))
    }
    (kept,) = re.findall(r"^SERVICES = (.+)$", LAYER.read_text("utf-8"), flags=re.MULTILINE)
    assert set(kept.split()) == asked
