"""The processes around the functions: AWS's stand-in, and a broker for every account."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from threading import RLock
from typing import Any, Final

from benchmarks.load.clock import SlowClock
from benchmarks.load.market import QUANTITY, Size, brokers
from stopward.domain.identity import is_ours
from stopward.local.simulator import Simulator
from stopward.local.simulator.order import is_stop_kind
from tests.builders.many_brokers import serve_many

MOST_DUE: Final = 20
"""Messages that a look at a queue finds; it hands out ten at most."""


@dataclass(slots=True, kw_only=True)
class BrokerReport:
    """What the brokers saw of a run.

    requests: by method. faults: a line each for an order that was sent twice or refused, for more
    shares than were held, and for shares without a stop, or with too many. shares, stopped: held at
    the end, and of those under a resting stop. orders: that the guard sent; sells: of those.
    """

    requests: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    shares: Decimal = Decimal(0)
    stopped: Decimal = Decimal(0)
    orders: int = 0
    sells: int = 0

    def add(self, name: str, simulator: Simulator) -> None:
        """Look at the broker of one account."""
        ours: Counter[str] = Counter()
        for handled in simulator.log:
            request = handled.request
            self.requests[request.method] += 1
            if request.method in {"POST", "PATCH"}:
                said = (request.body or {}).get("client_order_id")
                ours[str(said)] += 1
                if handled.status >= 400:
                    self.faults.append(f"{name}: {request.method} of {said}: {handled.status}")
        self.orders += sum(ours.values())
        self.faults += [f"{name}: {order} was sent {n} times" for order, n in ours.items() if n > 1]
        self.sells += sum(
            is_ours(each.client_order_id) and each.kind == "market" for each in simulator.book.all()
        )
        for holding in simulator.positions():
            orders = simulator.open_orders(holding.symbol)
            resting = sum(each.open_quantity for each in orders if is_stop_kind(each.kind))
            self.shares += holding.shares
            self.stopped += min(resting, holding.shares)
            if resting != holding.shares:
                self.faults.append(f"{name}: {holding.symbol}: {holding.shares}, stops {resting}")
            if not 0 < holding.shares <= QUANTITY:
                self.faults.append(f"{name}: {holding.symbol}: {holding.shares} shares are held")


def serve_brokers(size: Size, clock: SlowClock, pipe: Connection) -> None:
    """Serve all brokers at one address until the pipe is told so; then report and end."""
    simulators = brokers(size)
    with serve_many(simulators, now=clock.now) as url:
        pipe.send(url)
        while pipe.recv() == "count":
            pipe.send(sum(len(each.log) for each in simulators))
    report = BrokerReport()
    for name, simulator in zip(size.names(), simulators, strict=True):
        report.add(name, simulator)
    pipe.send(report)


def serve_aws(clock: SlowClock, pipe: Connection) -> None:
    """Serve moto, whose queues live in the run's time, until the pipe is told to end."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    make_quick(clock)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    pipe.send(f"http://{host}:{port}")
    pipe.recv()
    server.stop()


def make_quick(clock: SlowClock) -> None:
    """Let moto's queues live in the run's time, and find what is due without walking all there is.

    moto walks all messages of a queue for each one sent, received or deleted: with six thousand of
    them it would be most of the run. What is handed out, when, and how often, stays moto's.
    """
    from moto.sqs import models

    def due(queue: Any) -> list[Any]:
        here = (each for each in queue._messages if each.visible and not each.delayed)
        return list(islice(here, MOST_DUE))

    def settle(queue: Any, receipt_handle: str) -> None:
        if receipt_handle in queue.deleted_messages:
            return
        for place, message in enumerate(queue._messages):
            if message.had_receipt_handle(receipt_handle):
                queue.pending_messages.discard(message)
                queue.deleted_messages.update(message.all_receipt_handles)
                del queue._messages[place]
                return
        raise models.ReceiptHandleIsInvalid

    # Its threads change the same lists without a lock.
    one_at_a_time = RLock()
    for name in ("receive_message", "send_message_batch", "send_message", "delete_message_batch"):
        setattr(models.SQSBackend, name, locked(getattr(models.SQSBackend, name), one_at_a_time))
    models.unix_time = lambda *_: clock.seconds()
    models.unix_time_millis = lambda *_: clock.seconds() * 1000
    models.Queue.messages = property(due)  # type: ignore[assignment, method-assign]
    models.Queue.delete_message = settle  # type: ignore[method-assign]
    for name, count in (("", len), ("_delayed", none), ("_not_visible", none)):
        counted: Any = property(lambda queue, count=count: count(queue._messages))
        setattr(models.Queue, f"approximate_number_of_messages{name}", counted)


def locked(call: Callable[..., Any], lock: Any) -> Callable[..., Any]:
    """Return a call that is made under a lock."""

    def made(*given: Any, **named: Any) -> Any:
        with lock:
            return call(*given, **named)

    return made


def none(_: object) -> int:
    """Return 0: all messages are counted under one name."""
    return 0


@contextmanager
def running(context: SpawnContext, serve: Any, *given: Any) -> Iterator[tuple[Any, Any]]:
    """Run a server in a process of its own; yield its address, and the pipe that ends it."""
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(*given, there), daemon=True)
    process.start()
    try:
        yield here.recv(), here
    finally:
        if process.is_alive():
            here.send("end")
        process.join(30)
        process.kill()
