"""Which account and database a command is about: what is said, else the newest local run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import urllib3

from stopward.domain.identity import AccountId
from stopward.errors import InvalidInput
from stopward.local.simulator import KEY, SECRET
from stopward.local.up.database import opened_again
from stopward.local.up.home import Home, RunRecord
from stopward.ports import Clock

ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One account in one database; `now` is the time that its guard lives in."""

    url: str
    account_id: AccountId
    now: datetime
    run: RunRecord | None = None


@contextmanager
def target_of(
    home: Home, *, database_url: str | None, account: str | None, clock: Clock
) -> Iterator[Target]:
    """Reach the account that was said, else that of the newest run under `home`.

    Raises InvalidInput when only half of it was said, or nothing was and no run is recorded.
    """
    if database_url is not None:
        if account is None:
            raise InvalidInput("--database-url needs --account too (or STOPWARD_ACCOUNT_ID)")
        yield Target(url=database_url, account_id=AccountId(account), now=clock.now())
        return
    run = home.last_run()
    with opened_again(home, run) as database:
        yield Target(
            url=database.owner_url,
            account_id=AccountId(run.account_id),
            now=_simulated_now(home, run) or clock.now(),
            run=run,
        )


def _simulated_now(home: Home, run: RunRecord) -> datetime | None:
    # A run has a time of its own; a request of a person is stamped with it.
    if not (run.simulator_url and home.is_alive(run.name)):
        return None
    headers = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}
    with urllib3.PoolManager(retries=False, timeout=ANSWER_SECONDS) as http:
        try:
            answer = http.request("GET", f"{run.simulator_url}/v2/clock", headers=headers)
            moment = datetime.fromisoformat(answer.json()["timestamp"])
        except (urllib3.exceptions.HTTPError, ValueError, KeyError):
            return None
    return moment.astimezone(UTC)
