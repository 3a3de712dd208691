"""supabase-py and the network fail in every way they can; the adapter says whether to try again."""

import json
import subprocess
import sys
import traceback
from math import inf, nan
from typing import Any

import pytest

from stopward.adapters.repeating import CONNECT_SECONDS
from stopward.adapters.supabase import SupabaseDatabase
from stopward.errors import DatabaseRejected, DatabaseUnavailable, InvalidInput, InvalidState
from tests.builders.http import Asked, Says, Script, in_turn, scripted

KEY = "sb_secret_open-sesame"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl"
DOCUMENT = {"definitions": {"day_log": {"properties": {"realised": {"format": "numeric(18,6)"}}}}}
FINE = Says(body={"fine": 1})
NO_VIEW = Says(status=404, body={"code": "PGRST205", "message": "m"})


def ask(script: Script, function: str = "begin_tick", **options: Any) -> object:
    database = SupabaseDatabase(script.url, key=KEY, **options)
    try:
        return database.call(function, "request", {"a": 1})
    finally:
        database.close()


def unavailable(answer: Says, *, match: str = "", **options: Any) -> None:
    with (
        scripted(lambda _: answer) as script,
        pytest.raises(DatabaseUnavailable, match=match) as caught,
    ):
        ask(script, **options)
    told = "".join(traceback.format_exception(caught.value))
    assert "begin_tick: " in told
    assert KEY not in told


def test_a_call_is_one_post_of_the_named_argument_to_schema_api() -> None:
    with scripted(lambda _: FINE) as script:
        assert ask(script) == {"fine": 1}
    (asked,) = script.asked
    headers = {name.lower(): value for name, value in asked.headers.items()}
    assert (asked.method, asked.path) == ("POST", "/rest/v1/rpc/begin_tick")
    assert asked.json == {"request": {"a": 1}}
    assert headers["content-profile"] == "api"
    assert headers["apikey"] == KEY
    assert "authorization" not in headers


def test_a_key_that_is_a_token_is_sent_as_one_too() -> None:
    with scripted(lambda _: FINE) as script:
        database = SupabaseDatabase(script.url, key=JWT)
        database.call("f", "request", {})
        database.close()
    headers = {name.lower(): value for name, value in script.asked[0].headers.items()}
    assert headers["authorization"] == f"Bearer {JWT}"
    assert headers["apikey"] == JWT


def test_one_connection_serves_many_calls() -> None:
    with scripted(lambda _: FINE) as script:
        database = SupabaseDatabase(script.url, key=KEY)
        for _ in range(3):
            database.call("begin_tick", "request", {})
        database.close()
    assert script.count("POST") == 3


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 520, 544])
def test_a_server_in_trouble_is_unavailable_and_asked_once(status: int) -> None:
    for body in (b"<html>trouble</html>", b"", {"message": "trouble"}, ["odd"]):
        with (
            scripted(lambda _: Says(status=status, body=body)) as script,  # noqa: B023
            pytest.raises(DatabaseUnavailable, match=str(status)),
        ):
            ask(script)
        assert len(script.asked) == 1


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'"text"', b"[]", b"null", b"7", b'{"cut": ', b"\xff\xfe{}"]
)
def test_an_answer_that_is_no_json_object_is_unavailable(body: bytes) -> None:
    unavailable(Says(body=body), match="the answer was")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with scripted(lambda _: FINE) as elsewhere:
        there = {"Location": f"{elsewhere.url}/rest/v1/rpc/begin_tick"}
        for body in (b"", b"<a>", {"fine": 1}):
            unavailable(Says(status=status, headers=there, body=body), match="redirect")
    assert elsewhere.asked == []


def test_nobody_at_the_address_is_unavailable() -> None:
    database = SupabaseDatabase("http://127.0.0.1:1", key=KEY)
    with pytest.raises(DatabaseUnavailable, match=r"^begin_tick: .*refused"):
        database.call("begin_tick", "request", {})


def test_an_answer_that_does_not_come_is_unavailable_and_not_waited_for_again() -> None:
    with scripted(in_turn(FINE, Says(silent=True))) as script:
        database = SupabaseDatabase(script.url, key=KEY, timeout_seconds=0.2)
        database.call("begin_tick", "request", {})
        with pytest.raises(DatabaseUnavailable, match="timed out"):
            database.call("begin_tick", "request", {})
    assert script.count("POST") == 2


@pytest.mark.parametrize("function", ["begin_tick", "record_tick", "acknowledge"])
@pytest.mark.parametrize("broken", [Says(lost=True), Says(body={"long": "x" * 50}, cut=20)])
def test_a_kept_connection_that_died_is_replaced_for_what_may_be_repeated(
    function: str, broken: Says
) -> None:
    with scripted(in_turn(FINE, broken, FINE)) as script:
        database = SupabaseDatabase(script.url, key=KEY)
        assert database.call("halt", "request", {}) == {"fine": 1}
        assert database.call(function, "request", {}) == {"fine": 1}
        database.close()
    assert script.count("POST", f"/rest/v1/rpc/{function}") == 2


def test_a_fresh_connection_that_fails_too_is_the_end_of_it() -> None:
    with scripted(in_turn(FINE, Says(lost=True))) as script:
        database = SupabaseDatabase(script.url, key=KEY)
        database.call("begin_tick", "request", {})
        with pytest.raises(DatabaseUnavailable):
            database.call("begin_tick", "request", {})
        assert script.count("POST") == 3
        with pytest.raises(DatabaseUnavailable):
            database.call("begin_tick", "request", {})
        assert script.count("POST") == 4  # nothing was kept, so nothing died in its sleep


def test_what_is_not_known_to_be_repeatable_is_not_repeated() -> None:
    with scripted(in_turn(FINE, Says(lost=True), FINE)) as script:
        database = SupabaseDatabase(script.url, key=KEY)
        database.call("begin_tick", "request", {})
        with pytest.raises(DatabaseUnavailable, match=r"^resume: "):
            database.call("resume", "request", {})
        assert script.count("POST") == 2
        assert database.call("resume", "request", {}) == {"fine": 1}
        database.close()


def test_a_question_may_be_repeated() -> None:
    rows = Says(body=[{"realised": "1.50"}])
    with scripted(in_turn(Says(body=DOCUMENT), Says(lost=True), rows)) as script:
        database = SupabaseDatabase(script.url, key=KEY)
        assert [str(row["realised"]) for row in database.select("day_log")] == ["1.50"]
        database.close()
    assert [asked.query.get("select") for asked in script.asked[1:]] == ["realised::text"] * 2


@pytest.mark.parametrize(
    ("document", "rows", "error"),
    [
        (Says(body=b"<html>"), FINE, DatabaseUnavailable),
        (Says(body=["odd"]), FINE, DatabaseUnavailable),
        (Says(body={"definitions": {"day_log": {}}}), FINE, DatabaseUnavailable),
        (Says(status=503, body=b"<html>"), FINE, DatabaseUnavailable),
        (Says(status=401, body={"message": "Invalid API key"}), FINE, DatabaseRejected),
        (Says(body={"definitions": {}}), FINE, DatabaseUnavailable),
        (Says(body={"definitions": {}}), NO_VIEW, DatabaseRejected),
        (Says(body=DOCUMENT), Says(body={"not": "rows"}), DatabaseUnavailable),
        (Says(body=DOCUMENT), Says(body=["not a row"]), DatabaseUnavailable),
        (Says(body=DOCUMENT), Says(body=b"<html>"), DatabaseUnavailable),
        (Says(body=DOCUMENT), Says(body=[{}]), InvalidState),
        (Says(body=DOCUMENT), Says(body=[{"realised": "a lot"}]), InvalidState),
    ],
)
def test_rows_that_cannot_be_trusted_are_not_returned(
    document: Says, rows: Says, error: type[Exception]
) -> None:
    def answer(asked: Asked) -> Says:
        return document if asked.path == "/rest/v1/" else rows

    with scripted(answer) as script:
        database = SupabaseDatabase(script.url, key=KEY)
        with pytest.raises(error, match=r"day_log|a row does not fit"):
            database.select("day_log")
        database.close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, b'"upstream"'),
        (502, b"[1]"),
        (502, b"null"),
        (502, b"<html>"),
        (500, b'{"message": 5}'),
        (503, b'{"code": 123, "message": "x"}'),
        (503, b'{"code": null, "details": [], "message": "x"}'),
    ],
)
def test_whatever_a_proxy_answers_for_a_view_is_unavailable(status: int, body: bytes) -> None:
    with scripted(in_turn(Says(status=status, body=body))) as server:
        found = SupabaseDatabase(server.url, key=KEY)
        for ask in (found.select, found.count):
            with pytest.raises(DatabaseUnavailable, match=str(status)):
                ask("alarm_log")
        found.close()


def test_connecting_never_gets_as_long_as_a_long_statement() -> None:
    found = SupabaseDatabase("http://127.0.0.1:1", key=KEY, timeout_seconds=600.0)
    found._connected()
    assert found._http is not None
    assert found._http.timeout.connect == CONNECT_SECONDS
    assert found._http.timeout.read == 600.0
    found.close()


def test_an_answer_without_a_count_is_unavailable() -> None:
    with scripted(lambda _: Says(body=[])) as script:
        database = SupabaseDatabase(script.url, key=KEY)
        with pytest.raises(DatabaseUnavailable, match="had no count"):
            database.count("day_log")
        database.close()


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_no_number_is_refused_before_it_is_sent(value: float) -> None:
    with scripted(lambda _: FINE) as script:
        database = SupabaseDatabase(script.url, key=KEY)
        with pytest.raises(InvalidState, match=r"^begin_tick: a number"):
            database.call("begin_tick", "request", {"deep": [1, {"er": value}]})
        assert database.call("begin_tick", "request", {}) == {"fine": 1}
        database.close()
    assert len(script.asked) == 1


def test_a_refusal_that_repeats_the_key_is_scrubbed() -> None:
    body = {"code": "P0001", "message": f"odd: {KEY}", "details": f"odd {KEY}", "hint": None}
    with (
        scripted(lambda _: Says(status=400, body=body)) as script,
        pytest.raises(DatabaseRejected) as caught,
    ):
        ask(script)
    assert str(caught.value) == "begin_tick: odd: ***"
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        "", "project.supabase.co", "ftp://project.supabase.co", "http://project.supabase.co",
        "https://project.supabase.co/rest/v1", "https://user:secret@project.supabase.co",
        "https://project.supabase.co?key=secret", "https://", "https://[::1", "http://127.0.0.1:x",
        "https://project supabase.co", "http://10.0.0.1", "http://localhost.evil.example",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_used_is_refused_without_a_word_of_it(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"^Supabase URL: ") as caught:
        SupabaseDatabase(url, key=KEY)
    assert "secret" not in "".join(traceback.format_exception(caught.value)).partition("raise")[2]


@pytest.mark.parametrize(
    "url",
    ["https://x.supabase.co", "https://x.supabase.co/", "http://127.0.0.1:54321",
     "http://localhost:1", "http://[::1]:54321"],
)  # fmt: skip
def test_a_url_of_a_project_or_of_this_machine_is_taken(url: str) -> None:
    assert SupabaseDatabase(url, key=KEY) is not None


@pytest.mark.parametrize("key", ["", "sb_publishable_x", "a b", "sb_secret_\n", "sb_secret_é"])
def test_a_key_that_cannot_be_used_is_refused_without_a_word_of_it(key: str) -> None:
    with pytest.raises(InvalidInput, match=r"^Supabase key: ") as caught:
        SupabaseDatabase("https://x.supabase.co", key=key)
    assert not key or key not in str(caught.value)


def loaded_after(code: str) -> set[str]:
    printed = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys, json; print(json.dumps(list(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    return set(json.loads(printed))


@pytest.mark.parametrize(
    ("name", "others"),
    [("supabase", {"psycopg"}), ("postgres", {"supabase", "postgrest", "httpx"})],
)
def test_an_adapter_loads_nothing_of_the_other(name: str, others: set[str]) -> None:
    assert loaded_after(f"import stopward.adapters.{name}") & others == set()
