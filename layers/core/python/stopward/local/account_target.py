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
    """One account in one database; `now` is the time that its guard lives in.

    account_id: empty for a command that is about all accounts.
    run: the local run that was chosen for want of a database URL. is_over: it runs no more, so
    nobody acts on what is asked for.
    """

    url: str
    account_id: AccountId
    now: datetime
    run: RunRecord | None = None
    is_over: bool = False

    @property
    def words(self) -> str:
        """Which account it is, so that a demo is never taken for the account that trades."""
        if self.run is None:
            return f"account {self.account_id}"
        over = " (over: nobody acts on it)" if self.is_over else ""
        return f"account {self.account_id} of the local run {self.run.name}{over}"


@contextmanager
def target_of(
    home: Home,
    *,
    database_url: str | None,
    account: str | None,
    clock: Clock,
    needs_account: bool = True,
) -> Iterator[Target]:
    """Reach the account that was said; without a URL in the newest run's database under `home`.

    Raises InvalidInput for a URL without an account, and without a URL when no run is recorded.
    """
    if database_url:
        if needs_account and not account:
            raise InvalidInput("--database-url needs --account too (or STOPWARD_ACCOUNT_ID)")
        yield Target(url=database_url, account_id=AccountId(account or ""), now=clock.now())
        return
    run = home.last_run()
    with opened_again(home, run) as database:
        yield Target(
            url=database.owner_url,
            account_id=AccountId(account or run.account_id),
            now=_simulated_now(home, run) or clock.now(),
            run=run,
            is_over=not home.is_alive(run.name),
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
