"""The front desk: keys, rate limit, faults and the request log around the endpoints; no sockets."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stopward.local.simulator.advance import advance, settle
from stopward.local.simulator.daily import Daily
from stopward.local.simulator.faults import Fault, FaultScript, Handled, Request
from stopward.local.simulator.routes import Answer, serve
from stopward.local.simulator.state import State

WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """Requests allowed in each minute. seconds: a source of time, None for the simulated clock."""

    per_minute: int = 200
    seconds: Callable[[], float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer with its headers; `fault` is what spoils its delivery, None for nothing."""

    answer: Answer
    headers: Mapping[str, str]
    fault: Fault | None


@dataclass(slots=True, kw_only=True)
class Desk:
    """Takes requests one at a time; the caller holds the lock."""

    state: State
    daily: Daily
    key: str
    secret: str
    rate_limit: RateLimit | None = None
    faults: FaultScript = field(default_factory=FaultScript)
    log: list[Handled] = field(default_factory=list)
    _window: int = -1
    _used: int = 0

    def handle(self, request: Request, headers: Mapping[str, str]) -> Reply:
        """Serve one request and log it. A rate-limited or unauthorised one changes nothing."""
        refused = self._refuse_keys(headers)
        if refused is not None:
            return self._logged(request, refused, {}, None, 0)
        limit_headers, over = self._count()
        if over:
            answer = Answer(status=429, body={"code": 42910000, "message": "rate limit exceeded."})
            return self._logged(request, answer, limit_headers, None, 0)
        fault = self.faults.pick(request)
        before = len(self.state.ledger.events)
        answer = self._served(request, fault)
        return self._logged(
            request, answer, limit_headers, fault, len(self.state.ledger.events) - before
        )

    def _served(self, request: Request, fault: Fault | None) -> Answer:
        kind = None if fault is None else fault.kind
        match kind:
            case "rate_limited":
                return Answer(
                    status=429, body={"code": 42910000, "message": "rate limit exceeded."}
                )
            case "server_error":
                return Answer(
                    status=500, body={"code": 50010000, "message": "internal server error"}
                )
            case "timeout_before":
                return Answer(status=504, body={"message": "gateway timeout"})
            case "slow" if fault is not None:
                advance(self.state, self.state.after(fault.seconds))
            case "duplicate_request":
                self._once(request, fault)
            case _:
                pass
        answer = self._once(request, fault)
        if kind == "timeout_after":
            return Answer(status=504, body={"message": "gateway timeout"})
        if kind == "empty_list":
            return Answer(status=answer.status, body=_emptied(answer.body))
        return answer

    def _once(self, request: Request, fault: Fault | None) -> Answer:
        settle(self.state, self.state.queue.count_call(), at=self.state.now)
        return serve(self.state, self.daily, request, fault)

    def _refuse_keys(self, headers: Mapping[str, str]) -> Answer | None:
        key, secret = headers.get("apca-api-key-id"), headers.get("apca-api-secret-key")
        if key is None or secret is None:
            return Answer(
                status=401, body={"code": 40110000, "message": "request is not authorized"}
            )
        if (key, secret) != (self.key, self.secret):
            return Answer(status=403, body={"message": "forbidden."})
        return None

    def _count(self) -> tuple[dict[str, str], bool]:
        if self.rate_limit is None:
            return {}, False
        source = self.rate_limit.seconds
        seconds = self.state.now.timestamp() if source is None else source()
        window = math.floor(seconds / WINDOW_SECONDS)
        if window != self._window:
            self._window, self._used = window, 0
        self._used += 1
        left = self.rate_limit.per_minute - self._used
        headers = {
            "X-RateLimit-Limit": str(self.rate_limit.per_minute),
            "X-RateLimit-Remaining": str(max(left, 0)),
            "X-RateLimit-Reset": str((window + 1) * WINDOW_SECONDS),
        }
        return headers, left < 0

    def _logged(
        self,
        request: Request,
        answer: Answer,
        headers: Mapping[str, str],
        fault: Fault | None,
        changes: int,
    ) -> Reply:
        events = self.state.ledger.events
        handled = Handled(
            number=len(self.log) + 1,
            at=self.state.now,
            request=request,
            status=answer.status,
            fault=None if fault is None else fault.kind,
            events=tuple(events[len(events) - changes :]) if changes else (),
        )
        self.log.append(handled)
        return Reply(answer=answer, headers=headers, fault=fault)


def _emptied(body: object | None) -> object | None:
    if isinstance(body, list):
        return []
    if isinstance(body, dict):
        return {
            key: type(value)() if isinstance(value, dict | list) else value
            for key, value in body.items()
        }
    return body
