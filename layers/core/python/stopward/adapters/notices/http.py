"""POST a notice once: bounded in time and size, never redirected, every answer an outcome."""

from math import isfinite

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError, LocationValueError

from stopward.adapters.notices.address import Target, resolve
from stopward.adapters.notices.formats import Message
from stopward.domain.notices import Dead, Delivered, Failed, Outcome, PutBack
from stopward.errors import InvalidInput, Unavailable

CONNECT_SECONDS = 3.0
READ_SECONDS = 7.0
ANSWER_BYTES = 2048
ANSWER_CHARACTERS = 200
REST_SECONDS = 30.0
"""How long a channel rests whose other side is silent, or busy without saying how long."""
LONGEST_WAIT_SECONDS = 3600.0
TOO_MANY, UNAVAILABLE = 429, 503
TRY_AGAIN = frozenset({408, 425, 500, 502, 504})


class HttpNotices:
    """Posts messages. may_be_loopback: local mode, where the reader runs on this machine."""

    def __init__(
        self, *, may_be_loopback: bool = False, read_seconds: float = READ_SECONDS
    ) -> None:
        self._may_be_loopback = may_be_loopback
        self._timeout = Timeout(connect=CONNECT_SECONDS, read=read_seconds)

    def post(self, message: Message) -> Outcome:
        """Send a message once and return what came of it; no reason repeats its address."""
        try:
            target = resolve(message.url, may_be_loopback=self._may_be_loopback)
        except InvalidInput as error:
            return Dead(reason=str(error))
        except Unavailable as error:
            return Failed(reason=str(error), hold_seconds=REST_SECONDS)
        pool = _pool(target, self._timeout)
        try:
            answer = pool.urlopen(
                "POST",
                target.path,
                body=message.body,
                headers={**message.headers, "host": _authority(target)},
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
            with answer:
                return _outcome(answer, target.host)
        except (HTTPError, LocationValueError) as error:
            # Its text may repeat the path, and the path may be the key to a chat.
            reason = f"{target.host}: {type(error).__name__}"
            return Failed(reason=reason, hold_seconds=REST_SECONDS)
        finally:
            pool.close()


def _pool(target: Target, timeout: Timeout) -> HTTPConnectionPool:
    if target.scheme == "http":
        return HTTPConnectionPool(target.ip, target.port, timeout=timeout, maxsize=1)
    return HTTPSConnectionPool(
        target.ip,
        target.port,
        timeout=timeout,
        maxsize=1,
        server_hostname=target.host,
        assert_hostname=target.host,
    )


def _authority(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port in (80, 443) else f"{host}:{target.port}"


def _outcome(answer: BaseHTTPResponse, host: str) -> Outcome:
    status = answer.status
    if 200 <= status < 300:
        return Delivered()
    reason = f"{host} answered {status}"
    wait = _wait(answer)
    if status == TOO_MANY or (status == UNAVAILABLE and wait is not None):
        rest = REST_SECONDS if wait is None else wait
        return PutBack(reason=reason, retry_after_seconds=rest, hold_seconds=rest)
    if status in TRY_AGAIN or status >= 500:
        return Failed(reason=reason, retry_after_seconds=wait or 0.0)
    said = _said(answer)
    return Dead(reason=f"{reason}: {said}" if said else reason)


def _wait(answer: BaseHTTPResponse) -> float | None:
    # Seconds; a date is left alone, for it needs a clock, and no channel of ours sends one.
    text = answer.headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        return None
    return min(max(seconds, 1.0), LONGEST_WAIT_SECONDS) if isfinite(seconds) else None


def _said(answer: BaseHTTPResponse) -> str:
    try:
        # One read of what is there: a body that drips would hold us up.
        body = answer.read1(ANSWER_BYTES) or b""
    except HTTPError:
        return ""
    text = body.decode("utf-8", "replace")
    printable = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(printable.split())[:ANSWER_CHARACTERS]
