"""Requests of the guard at work: a tick, what came of it, and the positions under guard."""

from dataclasses import replace

from stopward.adapters import rows
from stopward.domain.decision import Exit
from stopward.domain.snapshot import Alarm, DayRow, Observation
from stopward.rules.codes import RULE_VERSION
from tests.builders.requests.stage import Maker, Request, Stage, begin_tick, of_account, written
from tests.builders.store import (
    A_RULE_SET,
    A_SESSION,
    D,
    a_decision,
    a_position,
    a_reason,
    a_record,
    a_symbol_state,
    a_trade,
    a_view,
    an_acknowledgement,
    an_order,
    circumstances,
    pulse,
)


def record_tick(stage: Stage) -> Request:
    position = stage.position
    new, closed = (a_position(s, account_id=position.account_id) for s in ("TSLA", "NVDA"))
    settled = replace(an_order(position), status="working", broker_order_id="b-1")
    record = a_record(
        stage.fence(),
        tick=1,
        account_id=position.account_id,
        positions=(replace(position, stop=D("98.5")), new, closed),
        symbols=(a_symbol_state("TSLA"),),
        decisions=(
            a_decision(position, tick=1, reasons=(a_reason(),), circumstances=circumstances()),
            a_decision(closed, tick=1, decision=Exit(rule="time_stop")),
        ),
        views=(a_view(),),
        rule_sets=(A_RULE_SET,),
        orders=(an_order(new, step="arm", tick=1, part="bare0"),),
        settled=(settled,),
        trades=(a_trade(closed, closed_at=pulse(1)),),
        observations=(
            Observation(position_id=new.id, symbol=new.symbol, kind="adopted", cause="market"),
        ),
        alarms=(Alarm(key="k2", kind="k2", symbol=None, message="m"),),
        cleared=("k",),
        day=DayRow(session_day=A_SESSION.day, realised=D("12.5"), realised_r=0.5),
        unprotected_seconds={new.symbol: 0.5},
        halted_symbols=(new.symbol,),
        lease_seconds=5.0,
    )
    return written(record)


def acknowledge(stage: Stage) -> Request:
    position = stage.position
    done = replace(
        an_order(position),
        status="filled",
        broker_order_id="b-1",
        filled_quantity=D("100"),
        filled_price=D("101"),
    )
    told = an_acknowledgement(
        stage.fence(),
        tick=1,
        account_id=position.account_id,
        orders=(done,),
        positions=(replace(position, quantity=D("0"), closed_quantity=D("100")),),
        trades=(a_trade(position, closed_at=pulse(1)),),
        observations=(
            Observation(position_id=None, symbol=position.symbol, kind="reduced", cause="by_hand"),
        ),
        alarms=(Alarm(key="k3", kind="k3", symbol=None, message="m"),),
        cleared=("k",),
        day=DayRow(session_day=A_SESSION.day, realised=D("25")),
        unprotected_seconds={position.symbol: 0.25},
    )
    return written(told)


def put_positions(stage: Stage) -> Request:
    position = a_position("TSLA", account_id=stage.position.account_id)
    return {"account_id": stage.account_id, "positions": [rows.write(position)]}


TICKS: dict[str, Maker] = {
    "acknowledge": acknowledge,
    "begin_tick": begin_tick,
    "put_positions": put_positions,
    "read_decisions": of_account(rule_version=RULE_VERSION, limit=10),
    "record_tick": record_tick,
}
