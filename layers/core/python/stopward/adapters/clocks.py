"""The only readers of the clock: the system's, and local mode's simulated one."""

import json
import time
from datetime import UTC, datetime

import urllib3

from stopward.errors import Unavailable

LONGEST_WAIT_SECONDS = 3_600.0
"""A local host that lets a waiter wait longer than this is gone."""
READ_SECONDS = 5.0
OK = 200


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 (here is where the clock is read)

    def sleep_until(self, moment: datetime) -> None:
        """Return once `moment` has come; at once when it has passed."""
        while (remaining := (moment - self.now()).total_seconds()) > 0:
            time.sleep(remaining)


class RemoteClock:
    """Local mode's simulated time, kept by the local host: GET {url}/time and POST {url}/wait.

    `name` says who waits; the host may know it from the URL instead. Simulated time moves only
    while everybody waits. Raises Unavailable when the host gives no usable answer.
    """

    def __init__(self, url: str, *, name: str = "stopward") -> None:
        self._url = url.rstrip("/")
        self._name = name
        self._pool = urllib3.PoolManager(num_pools=1, retries=False)

    def __repr__(self) -> str:
        return f"RemoteClock({self._url!r}, name={self._name!r})"

    def now(self) -> datetime:
        """Return the simulated present, aware, in UTC."""
        return self._ask("GET", "/time", None, READ_SECONDS)

    def sleep_until(self, moment: datetime) -> None:
        """Return once simulated time has reached `moment`; at once when it has passed."""
        body = {"until": moment.astimezone(UTC).isoformat(), "name": self._name}
        reached = self._ask("POST", "/wait", json.dumps(body), LONGEST_WAIT_SECONDS)
        if reached < moment:
            raise Unavailable(f"{self._url}/wait: ended at {reached}, before {moment}")

    def close(self) -> None:
        """Close every connection."""
        self._pool.clear()

    def _ask(self, method: str, path: str, body: str | None, read_seconds: float) -> datetime:
        url = self._url + path
        try:
            answer = self._pool.request(
                method,
                url,
                body=body,
                headers={"Content-Type": "application/json"},
                timeout=urllib3.Timeout(connect=READ_SECONDS, read=read_seconds),
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{url}: the local host keeps no time any more") from error
        try:
            now = datetime.fromisoformat(json.loads(answer.data)["now"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"{url}: answered with {answer.status} and no time") from error
        if answer.status != OK or now.tzinfo is None:
            raise Unavailable(f"{url}: answered with {answer.status} and the time {now}")
        return now.astimezone(UTC)
