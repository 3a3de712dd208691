"""HTTP to Alpaca: time-outs on every call, reads repeated with patience, writes sent once."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import urllib3

from stopward.adapters.alpaca.connections import connections
from stopward.adapters.alpaca.keys import Keys
from stopward.adapters.alpaca.rate import RateWindow, read_window
from stopward.errors import (
    BrokerRejected,
    BrokerUnavailable,
    InvalidInput,
    InvalidState,
    RateLimited,
)
from stopward.ports import Clock

Read = TypeVar("Read")

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TOO_MANY = 429
NO_TELLING = frozenset({408, 425})
"""Statuses below 500 that say nothing about whether a request had an effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait. total_seconds: from a read's first failure to its last attempt's start.

    attempts counts the first one too. backoff_seconds doubles with each repetition, up to
    backoff_limit_seconds.
    """

    connect_seconds: float = 2.0
    read_seconds: float = 5.0
    total_seconds: float = 15.0
    attempts: int = 4
    backoff_seconds: float = 0.25
    backoff_limit_seconds: float = 2.0

    def pause_seconds(self, attempt: int) -> float:
        """Return the pause after an attempt, counted from 1."""
        return min(self.backoff_seconds * 2.0 ** (attempt - 1), self.backoff_limit_seconds)


class NotSent(BrokerUnavailable):
    """No connection: the broker never saw the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the broker sent back, whatever its status."""

    what: str
    status: int
    body: bytes
    window: RateWindow

    @property
    def is_success(self) -> bool:
        """Whether the broker did as asked."""
        return 200 <= self.status < 300

    @property
    def is_inconclusive(self) -> bool:
        """Whether the effect of a write stays unknown."""
        return self.status >= 500 or self.status in NO_TELLING

    def json(self) -> Any:
        """Return the body, fractions as Decimal; raise BrokerUnavailable when it is no JSON."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_refuse_constant)
        except ValueError as error:
            raise BrokerUnavailable(
                f"{self.what}: the answer of {len(self.body)} bytes was cut short or is no JSON"
            ) from error


class Transport:
    """One base URL, one account. Reads and deletes are repeated; posts and patches never are.

    The clock times pauses and the deadline, and must be the broker's: simulated in local mode.
    pool: connections that several accounts share; None keeps some of its own.
    """

    def __init__(
        self,
        base_url: str,
        *,
        keys: Keys,
        clock: Clock,
        patience: Patience | None = None,
        pool: urllib3.PoolManager | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidInput(f"broker URL: was {base_url!r}, expected https://host")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise InvalidInput(
                f"broker URL: was {base_url!r}; keys travel over https only, except to this machine"
            )
        self._base_url = base_url.rstrip("/")
        self._keys = keys
        self._clock = clock
        self._patience = patience or Patience()
        self._window = RateWindow()
        self._pool = pool or connections()

    def __repr__(self) -> str:
        return f"Transport({self._base_url!r})"

    @property
    def base_url(self) -> str:
        """Where it speaks to."""
        return self._base_url

    @property
    def clock(self) -> Clock:
        """The clock of its pauses."""
        return self._clock

    @property
    def remaining(self) -> int | None:
        """Requests left in the broker's rate window; None before the first answer that said."""
        return self._window.remaining_at(self._clock.now())

    def close(self) -> None:
        """Close every connection."""
        self._pool.clear()

    def get(
        self, path: str, *, query: Mapping[str, str] | None = None, read: Callable[[Answer], Read]
    ) -> Read:
        """Read, repeating on no answer, 429, 5xx and bodies that `read` finds unusable.

        Raises BrokerUnavailable or RateLimited when patience ends, BrokerRejected when refused.
        """
        return self._persist("GET", path, query=query, read=read)

    def delete(self, path: str) -> None:
        """Delete, repeating likewise: deleting twice is deleting once."""
        self._persist("DELETE", path, query=None, read=lambda answer: None)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Answer:
        """Make one request, once, and return the answer whatever its status.

        Raises NotSent when there was no connection, BrokerUnavailable when the answer was lost.
        """
        what = f"{method} {path}"
        headers = self._keys.headers() | {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = self._pool.request(
                method,
                self._url(path, query),
                headers=headers,
                body=None if body is None else json.dumps(body, allow_nan=False).encode(),
                timeout=urllib3.Timeout(
                    connect=self._patience.connect_seconds, read=self._patience.read_seconds
                ),
                redirect=False,
                retries=False,
            )
        except (
            urllib3.exceptions.NewConnectionError,
            urllib3.exceptions.ConnectTimeoutError,
        ) as error:
            raise NotSent(f"{what}: no connection to {self._base_url}") from error
        except urllib3.exceptions.HTTPError as error:
            kind = type(error).__name__
            raise BrokerUnavailable(f"{what}: no answer from {self._base_url} ({kind})") from error
        window = read_window(response.headers)
        if window.remaining is not None:
            self._window = window
        return Answer(what=what, status=response.status, body=response.data, window=window)

    def refusal(self, answer: Answer) -> BrokerRejected:
        """Return the error that a refusing answer means, with the broker's own number and words."""
        code, words = _complaint(answer)
        return BrokerRejected(
            self._keys.scrub(f"{answer.what}: refused with {answer.status}, code {code}: {words}"),
            status=answer.status,
            code=code,
        )

    def rate_limited(self, answer: Answer) -> RateLimited:
        """Return the error of a 429, with the seconds to stay away."""
        wait = answer.window.wait_seconds(self._clock.now())
        seconds = self._patience.backoff_limit_seconds if wait is None else wait
        return RateLimited(
            f"{answer.what}: too many requests; come back in {seconds:.1f} s",
            retry_after_seconds=seconds,
        )

    def _persist(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None,
        read: Callable[[Answer], Read],
    ) -> Read:
        patience = self._patience
        give_up_at: datetime | None = None
        for attempt in range(1, patience.attempts + 1):
            pause = patience.pause_seconds(attempt)
            try:
                answer = self.send(method, path, query=query)
                if answer.is_success:
                    return read(answer)
                failure = self._failure(answer)
            except BrokerUnavailable as error:
                failure = error
            if isinstance(failure, RateLimited):
                pause = max(pause, failure.retry_after_seconds)
            now = self._clock.now()
            give_up_at = give_up_at or now + timedelta(seconds=patience.total_seconds)
            resume_at = now + timedelta(seconds=pause)
            if attempt == patience.attempts or resume_at > give_up_at:
                self._give_up(failure, attempt)
            self._clock.sleep_until(resume_at)
        raise InvalidInput(f"attempts: was {patience.attempts}, expected at least 1")

    def _failure(self, answer: Answer) -> BrokerUnavailable:
        # What may pass with time is returned; a refusal is raised.
        if answer.status == TOO_MANY:
            return self.rate_limited(answer)
        if answer.is_inconclusive:
            return BrokerUnavailable(f"{answer.what}: answered with {answer.status}")
        raise self.refusal(answer)

    @staticmethod
    def _give_up(failure: BrokerUnavailable, attempts: int) -> NoReturn:
        if isinstance(failure, RateLimited):
            raise failure
        raise BrokerUnavailable(f"{failure} ({attempts} attempts)") from failure

    def _url(self, path: str, query: Mapping[str, str] | None) -> str:
        url = self._base_url + quote(path, safe="/:%")  # parts that need it come quoted
        return f"{url}?{urlencode(query, safe=',:')}" if query else url


def segment(text: str) -> str:
    """Return a text as one part of a path, escaped whole, so that it can name no other resource.

    Raises InvalidState for a text that no escaping makes one: empty, `.` and `..`.
    """
    if text in {"", ".", ".."}:
        raise InvalidState(f"part of a path: was {text!r}, expected an id or a symbol")
    return quote(text, safe="")


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _complaint(answer: Answer) -> tuple[int, str]:
    # Alpaca sends {"code": 40310000, "message": "...", "available": "0", ...}; proxies send HTML.
    try:
        body = answer.json()
    except BrokerUnavailable:
        body = None
    if not isinstance(body, dict):
        return 0, answer.body[:200].decode("utf-8", "replace")
    code = body.get("code")
    words = str(body.get("message", ""))[:300]
    held = [f"{name} {body[name]}" for name in ("available", "held_for_orders") if name in body]
    number = code if isinstance(code, int) and not isinstance(code, bool) else 0
    return number, "; ".join([words, *held])
