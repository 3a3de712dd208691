"""Every function of schema api at once, on the same rows: locks are taken in one order."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import sql

from stopward.adapters import rows
from stopward.domain.identity import PositionId
from stopward.domain.snapshot import DayRow
from tests.builders.access import an_owner
from tests.builders.requests import REQUESTS, Stage
from tests.builders.store import A_SESSION, D, a_position, a_record, a_trade, pulse
from tests.conftest import MakeDatabase

SESSIONS = 6
CALLS, NIGHTLY_CALLS = 150, 6_000
"""Of each session."""
BROKEN = ("40", "55", "57", "58", "XX")
"""What no lawful call may answer: a conflict, a lock that was not to be had, or worse."""

Session = psycopg.Connection[Any]


@pytest.fixture
def url(make_database: MakeDatabase, template_database: str) -> str:
    return make_database(template=template_database)


@pytest.fixture
def stages(url: str) -> Iterator[list[Stage]]:
    """Two accounts that everybody asks about, and two whose guards close positions all the time."""
    with psycopg.connect(url, autocommit=True) as owner:
        yield [Stage(account_id=an_owner(owner).account_id, connection=owner) for _ in range(4)]


def call(session: Session, function: str, request: object) -> tuple[Any, str | None]:
    """Return the answer, or what was refused that should not be."""
    statement = sql.SQL("select {}(%s::jsonb)").format(sql.Identifier("api", function))
    try:
        row = session.execute(statement, (json.dumps(request),)).fetchone()
    except psycopg.Error as error:
        is_broken = error.sqlstate is None or error.sqlstate.startswith(BROKEN)
        return None, f"{function}: {error.sqlstate} {error}" if is_broken else None
    return None if row is None else row[0], None


def ask_anything(url: str, asked: list[tuple[str, object]], *, seed: int, calls: int) -> list[str]:
    rng = Random(seed)  # noqa: S311
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("set deadlock_timeout = '50ms'")
        said = [call(session, *rng.choice(asked))[1] for _ in range(calls)]
    return [words for words in said if words is not None]


def close_positions(url: str, stage: Stage, *, calls: int) -> list[str]:
    found = []
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("set deadlock_timeout = '50ms'")
        session.execute("update stopward.leases set until = now()")
        for tick in range(1, calls // 3):
            request = {
                "account_id": stage.account_id,
                "tick_at": pulse(tick).isoformat(),
                "holder": f"closing/{tick}",
                "lease_seconds": 60,
            }
            snapshot, refused = call(session, "begin_tick", request)
            found.append(refused)
            if snapshot is None or "fence" not in snapshot:
                continue
            closed = [
                a_position(
                    f"S{number}",
                    account_id=stage.position.account_id,
                    id=PositionId(f"{stage.account_id}/S{number}/{tick}"),
                    quantity=D("0"),
                    closed_quantity=D("100"),
                )
                for number in range(3)
            ]
            record = a_record(
                snapshot["fence"],
                tick=tick,
                account_id=stage.position.account_id,
                positions=tuple(closed),
                trades=tuple(a_trade(each) for each in closed),
                day=DayRow(session_day=A_SESSION.day, losses=tick),
                release=True,
            )
            found.append(call(session, "record_tick", rows.write(record))[1])
    return [words for words in found if words is not None]


def storm(url: str, stages: list[Stage], *, calls: int) -> tuple[list[str], int]:
    """Return what was wrong, and how many trades were written meanwhile."""
    crowd, guards = stages[:2], stages[2:]
    asked = [(name, make(stage)) for stage in crowd for name, make in REQUESTS.items()]
    with ThreadPoolExecutor(SESSIONS + len(guards)) as pool:
        running = [
            pool.submit(ask_anything, url, asked, seed=seed, calls=calls)
            for seed in range(SESSIONS)
        ]
        running += [pool.submit(close_positions, url, guard, calls=calls) for guard in guards]
        wrong = [words for each in running for words in each.result()]
    trades = sum(
        guard.find("select count(*) from stopward.trades where account_id = %(account)s")
        for guard in guards
    )
    return wrong, trades


def test_functions_that_meet_never_deadlock(url: str, stages: list[Stage]) -> None:
    wrong, trades = storm(url, stages, calls=CALLS)
    assert wrong == []
    assert trades > CALLS


@pytest.mark.nightly
@pytest.mark.timeout(1800)  # keepers take turns, so it takes minutes
def test_functions_that_meet_all_night_never_deadlock(url: str, stages: list[Stage]) -> None:
    wrong, trades = storm(url, stages, calls=NIGHTLY_CALLS)
    assert wrong == []
    assert trades > NIGHTLY_CALLS
