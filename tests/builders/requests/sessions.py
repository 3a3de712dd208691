"""Requests about exchanges: their sessions, instruments and usual volumes."""

from tests.builders.requests.stage import Maker, Request, Stage, as_is


def put_sessions(_stage: Stage) -> Request:
    day = {
        "exchange": "XACC",
        "day": "2026-11-23",
        "opens_at": "2026-11-23T14:30:00Z",
        "closes_at": "2026-11-23T21:00:00Z",
    }
    return {"sessions": [day], "source": "person"}


def forget_sessions(stage: Stage) -> Request:
    stage.ask("put_sessions", put_sessions(stage))
    return {"exchange": "XACC", "days": ["2026-11-23"]}


SESSIONS: dict[str, Maker] = {
    "forget_sessions": forget_sessions,
    "put_instruments": as_is(
        instruments=[{"symbol": "AAPL", "tick": "0.01", "fractionable": True}]
    ),
    "put_sessions": put_sessions,
    "put_usual_volumes": as_is(symbol="AAPL", volumes=[1000.5, None, 900]),
}
