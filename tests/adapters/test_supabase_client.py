"""The part of supabase-py that is loaded asks what the whole client of supabase-py would ask."""

from collections.abc import Iterator

import httpx
import pytest

from stopward.adapters.supabase import SupabaseDatabase
from stopward.adapters.supabase_client import SCHEMA, MakeClient, database_client, whole_client
from stopward.domain.identity import AccountId
from supabase import ClientOptions, create_client
from tests.adapters.test_supabase import DOCUMENT, FINE, JWT, KEY
from tests.builders.http import Asked, Says, Script, scripted

WHO_ASKS = {"x-client-info", "authorization"}
"""Each part names itself; the key as a bearer token is looked at by itself."""
ROWS = Says(body=[{"realised": "1.50"}], headers={"Content-Range": "0-0/1"})


@pytest.fixture
def script() -> Iterator[Script]:
    """A server that answers functions, the description of views, and views."""

    def answer(asked: Asked) -> Says:
        if asked.path == "/rest/v1/":
            return Says(body=DOCUMENT)
        return FINE if "/rpc/" in asked.path else ROWS

    with scripted(answer) as served:
        yield served


def ask_by_part(url: str, key: str, make_client: MakeClient = database_client) -> None:
    """Call, select and count by our adapter."""
    database = SupabaseDatabase(url, key=key, make_client=make_client)
    database.call("begin_tick", "request", {"a": [1, None, "é"]})
    database.select("day_log", account_id=AccountId("main"), limit=2, offset=1)
    database.count("day_log")
    database.close()


def ask_by_whole(url: str, key: str) -> None:
    """Ask the same as the page of supabase-py says."""
    with httpx.Client(trust_env=False) as http:
        options = ClientOptions(schema=SCHEMA, httpx_client=http, auto_refresh_token=False)
        client = create_client(url, key, options=options).schema(SCHEMA)
        client.rpc("begin_tick", {"request": {"a": [1, None, "é"]}}).execute()
        rows = client.from_("day_log").select("realised::text").filter("account_id", "eq", "main")
        rows.limit(2).offset(1).execute()
        client.from_("day_log").select("*", count="exact").limit(1).execute()


def headers_of(asked: Asked) -> dict[str, str]:
    """Return headers by their name in lower case."""
    return {name.lower(): text for name, text in asked.headers.items()}


def told(asked: Asked) -> tuple[object, ...]:
    """Return all that a server can tell of a request but who asks."""
    headers = {name: text for name, text in headers_of(asked).items() if name not in WHO_ASKS}
    return asked.method, asked.path, asked.query, headers, asked.body


@pytest.mark.parametrize("make_client", [database_client, whole_client])
@pytest.mark.parametrize("key", [KEY, JWT])
def test_both_ask_the_same(script: Script, key: str, make_client: MakeClient) -> None:
    ask_by_part(script.url, key, make_client)
    ours = [told(asked) for asked in script.asked if asked.path != "/rest/v1/"]
    before = len(script.asked)
    ask_by_whole(script.url, key)
    assert ours == [told(asked) for asked in script.asked[before:]]
    assert len(ours) == 3


def test_a_key_that_is_a_token_is_shown_as_the_whole_client_does(script: Script) -> None:
    ask_by_part(script.url, JWT)
    ask_by_whole(script.url, JWT)
    assert {headers_of(asked)["authorization"] for asked in script.asked} == {f"Bearer {JWT}"}


@pytest.mark.parametrize("make_client", [database_client, whole_client])
def test_a_key_that_is_no_token_is_never_shown_as_one(
    script: Script, make_client: MakeClient
) -> None:
    ask_by_part(script.url, KEY, make_client)
    assert len(script.asked) > 2
    assert [asked for asked in script.asked if "authorization" in headers_of(asked)] == []


def test_it_is_what_the_whole_client_returns_for_a_schema() -> None:
    found = SupabaseDatabase("http://127.0.0.1:1", key=KEY)
    with httpx.Client() as http:
        options = ClientOptions(schema=SCHEMA, httpx_client=http)
        whole = create_client("http://127.0.0.1:1", KEY, options=options)
        assert type(found._connected()) is type(whole.schema(SCHEMA))
    found.close()
