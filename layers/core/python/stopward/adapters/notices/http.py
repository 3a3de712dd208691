"""POST a notice once: bounded in time and size, never redirected, every answer an outcome."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from math import isfinite
from threading import Lock

from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from stopward.adapters.notices.address import Target, resolve
from stopward.adapters.notices.formats import Message
from stopward.domain.notices import REST_SECONDS, Dead, Delivered, Failed, Outcome, PutBack
from stopward.errors import InvalidInput, Unavailable

CONNECT_SECONDS = 3.0
POST_SECONDS = 10.0
"""The longest that a post may take, from the look-up of the name to the last byte read."""
ANSWER_BYTES = 2048
ANSWER_CHARACTERS = 200
LONGEST_WAIT_SECONDS = 3600.0
TOO_MANY, UNAVAILABLE = 429, 503
TRY_AGAIN = frozenset({408, 425, 500, 502, 504})


class Line:
    """The connection of one post, which another thread may cut."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_cut = False
        self._socket: socket.socket | None = None

    def hold(self, connected: socket.socket | None) -> None:
        """Note what to cut; raises TimeoutError when it is too late to send anything."""
        with self._lock:
            if self._is_cut:
                raise TimeoutError
            self._socket = connected

    def cut(self) -> None:
        """End it, now and for whatever comes."""
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                with suppress(OSError):  # the other side was quicker
                    # Not TLS' own way of ending, which waits for the other side.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class HttpNotices:
    """Posts messages. may_be_loopback: local mode, where the reader runs on this machine."""

    def __init__(
        self, *, may_be_loopback: bool = False, post_seconds: float = POST_SECONDS
    ) -> None:
        self._may_be_loopback = may_be_loopback
        self._post_seconds = post_seconds

    def post(self, message: Message) -> Outcome:
        """Send a message once and return what came of it; no reason repeats its address.

        It ends within post_seconds: time-outs of a socket count from byte to byte, and a server may
        drip them.
        """
        line = Line()
        hands = ThreadPoolExecutor(1)
        posting = hands.submit(self._post, message, line)
        try:
            return posting.result(timeout=self._post_seconds)
        except TimeoutError:
            line.cut()
            reason = f"no answer within {self._post_seconds:g} s"
            return Failed(reason=reason, hold_seconds=REST_SECONDS)
        finally:
            hands.shutdown(wait=False)

    def _post(self, message: Message, line: Line) -> Outcome:
        try:
            target = resolve(message.url, may_be_loopback=self._may_be_loopback)
        except InvalidInput as error:
            return Dead(reason=str(error))
        except Unavailable as error:
            return Failed(reason=str(error), hold_seconds=REST_SECONDS)
        connection = _connection(target)
        try:
            connection.connect()
            line.hold(connection.sock)
            connection.timeout = None  # the line is cut in time
            connection.request(
                "POST",
                target.path,
                body=message.body,
                headers={**message.headers, "host": _authority(target)},
                preload_content=False,
                decode_content=False,
            )
            with connection.getresponse() as answer:
                return _outcome(answer, target.host)
        except (HTTPError, HTTPException, OSError) as error:
            # Its text may repeat the path, and the path may be the key to a chat.
            reason = f"{target.host}: {type(error).__name__}"
            return Failed(reason=reason, hold_seconds=REST_SECONDS)
        finally:
            connection.close()


def _connection(target: Target) -> HTTPConnection:
    if target.scheme == "http":
        return HTTPConnection(target.ip, target.port, timeout=CONNECT_SECONDS)
    return HTTPSConnection(
        target.ip,
        target.port,
        timeout=CONNECT_SECONDS,
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
    except (HTTPError, HTTPException, OSError):
        return ""
    text = body.decode("utf-8", "replace")
    printable = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(printable.split())[:ANSWER_CHARACTERS]
