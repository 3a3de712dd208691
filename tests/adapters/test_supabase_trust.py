"""Whom supabase-py's connections trust: read once a process, and never anybody."""

import ssl

import httpx
import pytest

from stopward.adapters import supabase
from stopward.adapters.supabase import SupabaseDatabase
from tests.builders.http import Says, scripted

KEY = "sb_secret_open-sesame"


def test_it_is_read_once_however_often_a_connection_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = []
    create = httpx.create_ssl_context

    def counted(**options: bool) -> ssl.SSLContext:
        read.append(options)
        return create(**options)

    monkeypatch.setattr(httpx, "create_ssl_context", counted)
    supabase._authorities.cache_clear()
    with scripted(lambda _: Says(body={"fine": 1})) as script:
        for _ in range(2):
            database = SupabaseDatabase(script.url, key=KEY)
            for _ in range(2):
                database.call("f", "request", {})
                database.close()
    assert read == [{"trust_env": False}]


@pytest.mark.parametrize("trust_env", [False, True])
def test_a_server_must_show_a_certificate_of_its_name(trust_env: bool) -> None:
    found = supabase._authorities(trust_env=trust_env)
    assert found.verify_mode is ssl.CERT_REQUIRED
    assert found.check_hostname
