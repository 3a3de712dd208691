"""Who asks decides what is answered: keys, tokens, roles and row level security, all for real."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from stopward.local.gateway import sign_token
from tests.builders.gateway import NOW, ServedGateway
from tests.builders.store_world import PostgresWorld

CALL = json.dumps({"request": {"account_id": "x", "name": "x"}})


@dataclass(frozen=True)
class Person:
    user_id: str
    account_id: str


@pytest.fixture
def people(database_url: str) -> Iterator[tuple[Person, Person]]:
    """Two people, each a member of one account."""
    worlds = PostgresWorld(database_url), PostgresWorld(database_url)
    found = tuple(Person(str(uuid4()), world.account_id) for world in worlds)
    with psycopg.connect(database_url, autocommit=True) as owner:
        for person in found:
            owner.execute(
                "insert into stopward.members (account_id, user_id) values (%s, %s)",
                (person.account_id, person.user_id),
            )
    yield found[0], found[1]
    for world in worlds:
        world.close()


def refused(answer: Any, code: str, status: int) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message", "details", "hint"}


def test_a_publishable_key_opens_nothing_without_a_person(gateway: ServedGateway) -> None:
    key = gateway.keys.publishable
    refused(gateway.ask("guard_health", key=key), "42501", 401)
    answer = gateway.ask("rpc/open_account", method="POST", content=CALL, key=key)
    refused(answer, "42501", 401)
    refused(gateway.ask("", key=key), "PGRST301", 403)


def test_a_person_sees_the_accounts_of_theirs_and_no_other(
    gateway: ServedGateway, people: tuple[Person, Person]
) -> None:
    for person in people:
        answer = gateway.ask(
            "guard_health", key=gateway.keys.publishable, token=gateway.token(person.user_id)
        )
        assert [row["account_id"] for row in answer.json()] == [person.account_id]
    stranger = gateway.token(str(uuid4()))
    answer = gateway.ask("guard_health", key=gateway.keys.publishable, token=stranger)
    assert answer.json() == []


def test_a_person_writes_nothing(gateway: ServedGateway, people: tuple[Person, Person]) -> None:
    token = gateway.token(people[0].user_id)
    request = json.dumps({"request": {"account_id": people[0].account_id, "reason": "x"}})
    answer = gateway.ask("rpc/halt", method="POST", content=request, token=token)
    refused(answer, "42501", 403)


def test_a_secret_key_sees_every_account_and_calls_every_function(
    gateway: ServedGateway, people: tuple[Person, Person]
) -> None:
    seen = {row["account_id"] for row in gateway.rows("guard_health")}
    assert {person.account_id for person in people} <= seen
    request = json.dumps({"request": {"account_id": people[0].account_id, "reason": "lunch"}})
    assert gateway.ask("rpc/halt", method="POST", content=request).is_success
    (health,) = gateway.rows("guard_health", account_id=f"eq.{people[0].account_id}")
    assert (health["halted"], health["halted_because"]) == (True, "lunch")


def test_a_token_counts_for_more_than_the_key(
    gateway: ServedGateway, people: tuple[Person, Person]
) -> None:
    token = gateway.token(people[0].user_id)
    assert len(gateway.ask("guard_health", token=token).json()) == 1


def test_a_key_that_is_repeated_as_a_token_is_a_key(gateway: ServedGateway) -> None:
    for key, status in ((gateway.keys.secret, 200), (gateway.keys.publishable, 401)):
        assert gateway.ask("guard_health", key=key, token=key).status_code == status


def test_a_key_of_the_old_kind_is_a_token_that_names_the_role(gateway: ServedGateway) -> None:
    old = gateway.token("none", role="service_role")
    assert gateway.ask("guard_health", key=old, token=old).is_success
    old = gateway.token("none", role="anon")
    refused(gateway.ask("guard_health", key=old), "42501", 401)


def test_the_worker_may_be_named_and_an_owner_may_not(gateway: ServedGateway) -> None:
    worker = gateway.token("none", role="stopward_worker")
    assert gateway.ask("guard_health", token=worker).is_success
    for role in ("postgres", "authenticator", "pg_read_all_data", "", None, 7, "anon; reset role"):
        refused(gateway.ask("guard_health", token=gateway.token("x", role=role)), "PGRST301", 401)


def test_who_has_no_key_is_not_answered(gateway: ServedGateway) -> None:
    refused(gateway.http.get("/rest/v1/guard_health"), "PGRST302", 401)
    refused(gateway.ask("guard_health", key="sb_secret_guessed"), "PGRST301", 401)
    refused(gateway.ask("guard_health", headers={"Authorization": "Basic eDp5"}), "PGRST301", 401)


def part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed(gateway: ServedGateway, header: object, claims: object) -> str:
    text = f"{part(header)}.{part(claims)}"
    digest = hmac.new(gateway.keys.token_secret.encode(), text.encode(), sha256).digest()
    return f"{text}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def test_a_token_is_checked_before_it_is_believed(gateway: ServedGateway) -> None:
    hour, hs256 = timedelta(hours=1), {"alg": "HS256", "typ": "JWT"}
    good = {"sub": str(uuid4()), "role": "authenticated", "exp": NOW.timestamp() + 60}
    assert gateway.ask("guard_health", token=signed(gateway, hs256, good)).json() == []
    header, claims, signature = signed(gateway, hs256, good).split(".")
    other = sign_token("other", user_id="x", now=NOW, valid_for=hour)
    for token in (
        other,
        f"{header}.{claims}.",
        f"{header}.{claims}",
        f"{header}.{part({**good, 'role': 'service_role'})}.{signature}",
        f"{part({'alg': 'none'})}.{claims}.",
        signed(gateway, {"alg": "none"}, good),
        signed(gateway, {"alg": "HS512"}, good),
        signed(gateway, {"alg": "RS256"}, good),
        signed(gateway, {**hs256, "crit": ["exp"]}, good),
        signed(gateway, hs256, ["not claims"]),
        "a.b.c",
        "..",
    ):
        refused(gateway.ask("guard_health", token=token), "PGRST301", 401)
    for change in (
        {"exp": NOW.timestamp() - 31},
        {"exp": "never"},
        {"exp": True},
        {"nbf": NOW.timestamp() + 31},
        {"iat": NOW.timestamp() + 31},
    ):
        token = signed(gateway, hs256, {**good, **change})
        refused(gateway.ask("guard_health", token=token), "PGRST303", 401)
    endless = signed(gateway, hs256, {name: good[name] for name in ("sub", "role")})
    refused(gateway.ask("guard_health", token=endless), "PGRST303", 401)


def test_bytes_that_are_no_token_are_none(gateway: ServedGateway) -> None:
    hs256 = signed(gateway, {"alg": "HS256"}, {}).rpartition(".")[0].encode()
    for token in (b"\xe9.\xe9.\xe9", hs256 + b".\xe9", b"\xe9"):
        headers = [
            (b"apikey", gateway.keys.secret.encode()),
            (b"Authorization", b"Bearer " + token),
        ]
        refused(gateway.http.get("/rest/v1/guard_health", headers=headers), "PGRST301", 401)
    answer = gateway.http.get("/rest/v1/guard_health", headers=[(b"apikey", b"\xe9")])
    refused(answer, "PGRST301", 401)


def test_the_gateway_itself_may_do_nothing(login_url: str) -> None:
    with psycopg.connect(login_url, autocommit=True) as session:
        row = session.execute("select session_user, current_user").fetchone()
        assert row == ("authenticator", "authenticator")
        for statement in (
            "select from api.guard_health",
            "select from stopward.accounts",
            "set role postgres",
            "set session authorization postgres",
            "alter role authenticator superuser",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement)


def test_nothing_of_one_request_is_left_for_the_next(
    gateway: ServedGateway, people: tuple[Person, Person]
) -> None:
    assert gateway.ask("guard_health").is_success
    refused(gateway.ask("guard_health", key=gateway.keys.publishable), "42501", 401)
    token = gateway.token(people[0].user_id)
    for _ in range(3):
        assert len(gateway.ask("guard_health", token=token).json()) == 1
        assert len(gateway.rows("guard_health")) >= 2
