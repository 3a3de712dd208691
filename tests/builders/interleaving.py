"""Random interleavings of guards and a person over one account, by a seed, call by call.

Each actor has a session of its own. A call is committed at once, or held open while others go on
(who then wait for its locks, as the server tells), and ends by a commit, or by the death of its
session. Answers are lost, calls repeated, leases run out. What must hold of what is stored is in
`interleaving_check`; what an answer may not say is kept in `Mix.wrong`.
"""

import json
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from random import Random
from typing import Any

import psycopg

from stopward.adapters import rows
from stopward.adapters.rows import JsonValue
from stopward.domain.identity import AccountId, OrderId
from stopward.domain.snapshot import Snapshot
from tests.builders.interleaving_actor import (
    Actor,
    Answer,
    Call,
    Then,
    ask,
    ask_too_much,
    by_hand,
    written,
)  # fmt: skip
from tests.builders.interleaving_check import BREACHES
from tests.builders.interleaving_payload import SYMBOLS, Belief
from tests.builders.store import a_position, pulse

STEPS = 16
SOURCES = {"monitor": "monitor", "second": "monitor", "breakeven": "breakeven"}
"""Guards and their functions: the second is the first one, started twice."""
BLOCKED = "select count(*) from unnest(%s::int[]) as p (id) where pg_blocking_pids(p.id) <> '{}'"
EXPIRE = "update stopward.leases set until = now() - interval '1 s' where account_id = %s"


class Mix:
    """Sessions of guards and a person, for many accounts one after the other."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}?options=-c%20role%3Dstopward_worker"
        self._eyes = psycopg.connect(url, autocommit=True)
        self._pool = ThreadPoolExecutor(len(SOURCES) + 1)
        self._all = [Actor(name, self._connect()) for name in (*SOURCES, "person")]
        self._told: set[tuple[object, ...]] = set()
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()

    def close(self) -> None:
        """End every session."""
        for actor in self._all:
            actor.connection.close()
        self._pool.shutdown()
        self._eyes.close()

    def run(self, seed: int) -> None:
        """Play one schedule on an account of its own."""
        self._rng = Random(seed)  # noqa: S311
        self._account = f"mix-{seed}"
        self._pulse, self._newest, self._live, self._last = 0, 0, "", ""
        self._stale: list[int] = []
        guards = self._rng.randint(2, len(SOURCES))
        self._actors = [*self._all[:guards], self._all[-1]]
        for actor in self._actors:
            actor.forget()
            actor.holder, actor.tick = "", 0
        self._eyes.execute(
            "select api.open_account(%s)",
            (json.dumps({"account_id": self._account, "name": "Mix", "mode": "guard"}),),
        )
        account = AccountId(self._account)
        held = [rows.write(a_position(symbol, account_id=account)) for symbol in SYMBOLS]
        put = {"account_id": account, "positions": held}
        self._eyes.execute("select api.put_positions(%s)", (json.dumps(put),))
        for _ in range(STEPS):
            self._step()
        while self._busy():
            for actor in self._actors:
                if actor.uncommitted is not None:
                    self._commit(actor)
            self._settle()
        self.counts["schedules"] += 1

    def breaches(self) -> list[str]:
        """Return what is wrong, with the account that names the seed."""
        with self._eyes.cursor().copy("copy watched.told from stdin") as copy:
            for each in self._told:
                copy.write_row(each)
        self._told.clear()
        found = self._eyes.execute(BREACHES.encode()).fetchall()
        return self.wrong + [f"{account}: {breach}" for account, breach in found]

    def _step(self) -> None:
        rng = self._rng
        if rng.random() < 0.12 and not self._busy():
            self._eyes.execute(EXPIRE, (self._account,))
            self._live = ""
            self.counts["expired"] += 1
        ready = [each for each in self._actors if each.waiting is None]
        # Who is in a tick is likelier to go on than another is to begin one, in vain.
        actor = rng.choices(ready, [1 if each.belief is None else 5 for each in ready])[0]
        if actor.uncommitted is not None:
            if rng.random() < 0.7:
                self._commit(actor)
            else:
                self._die(actor)
        elif actor.name == "person":
            self._interfere(actor)
        elif actor.belief is None:
            self._begin(actor)
        elif rng.random() < 0.08:
            self.counts["died between calls"] += 1
            actor.forget()
        elif actor.new is None:
            self._record(actor, actor.belief)
        else:
            self._acknowledge(actor, actor.belief, actor.new)

    def _begin(self, actor: Actor) -> None:
        rng, was_last = self._rng, actor.holder == self._last
        actor.is_retry = bool(actor.tick) and rng.random() < (0.5 if was_last else 0.15)
        if not actor.is_retry:
            self._pulse += 1
            actor.tick = self._pulse
        if not (actor.is_retry and was_last):
            # Else its process just begins again; or the schedule fired twice for this pulse.
            actor.holder = f"{self._account}/{actor.name}/{actor.tick}/{rng.random()}"

        def begun(answer: Answer) -> None:
            if "fence" in answer:
                actor.belief = Belief.of(
                    rows.read(Snapshot, answer), tick=actor.tick, source=SOURCES[actor.name]
                )

        request: dict[str, JsonValue] = {
            "account_id": self._account,
            "tick_at": pulse(actor.tick).isoformat(),
            "holder": actor.holder,
            "lease_seconds": 1000,
        }
        self._send(actor, "begin_tick", request, begun)

    def _record(self, actor: Actor, belief: Belief) -> None:
        if actor.record is None:
            if belief.snapshot.positions and not self._busy() and self._rng.random() < 0.1:
                self.counts["asked for too much"] += 1
                if wrong := ask_too_much(actor.connection, belief):
                    self._say(wrong)
            actor.record = belief.record(self._rng)
        intents = {order.id for order in actor.record.orders}
        repeats, retries = actor.was_recorded, actor.is_retry
        is_lost = self._rng.random() < 0.2

        def recorded(answer: Answer) -> None:
            new = frozenset(OrderId(each) for each in answer["new"])
            actor.was_recorded = True
            if new != (frozenset() if repeats else intents) and not retries:
                self._say(f"new were {sorted(new)} of {sorted(intents)}, repeated: {repeats}")
            if is_lost:
                self.counts["answers lost"] += 1
            else:
                actor.new = new

        self._send(actor, "record_tick", written(actor.record), recorded)

    def _acknowledge(self, actor: Actor, belief: Belief, new: frozenset[OrderId]) -> None:
        if actor.told is None:
            actor.told = belief.acknowledge(new, self._rng)
        is_lost = self._rng.random() < 0.2

        def acknowledged(_: Answer) -> None:
            if is_lost:
                self.counts["answers lost"] += 1
            else:
                actor.forget()

        self._send(actor, "acknowledge", written(actor.told), acknowledged)

    def _interfere(self, person: Actor) -> None:
        function, request = by_hand(self._rng)
        self._send(person, function, {"account_id": self._account, **request}, lambda _: None)

    def _send(
        self, actor: Actor, function: str, value: Mapping[str, JsonValue], then: Then
    ) -> None:
        alone = not self._busy()
        hold = self._rng.random() < 0.3
        actor.connection.autocommit = not hold
        asking = partial(ask, actor.connection, function, value)
        future: Future[Answer] = Future()
        if alone:
            try:
                future.set_result(asking())
            except psycopg.Error as error:
                future.set_exception(error)
        else:
            future = self._pool.submit(asking)
        actor.waiting = Call(function, value, future, hold, self._newest, alone, then)
        self._settle()

    def _settle(self) -> None:
        # Until each call is answered, or waits for a transaction that is open.
        while calls := [each for each in self._actors if each.waiting is not None]:
            done = [each for each in calls if each.waiting and each.waiting.future.done()]
            for actor in done:
                self._answered(actor)
            if done:
                continue
            pids = [each.connection.info.backend_pid for each in calls]
            row = self._eyes.execute(BLOCKED, (pids,)).fetchone()
            futures = [each.waiting.future for each in calls if each.waiting]
            if row is not None and row[0] == len(calls) and not any(f.done() for f in futures):
                self.counts["waits"] += 1
                break
            wait(futures, timeout=0.001)
        # Whoever passed them has committed: they were refused behind its lock.
        self.wrong += [
            f"{self._account}: {f} was refused" for f in self._stale if f == self._newest
        ]
        self._stale.clear()

    def _answered(self, actor: Actor) -> None:
        call, actor.waiting = actor.waiting, None
        assert call is not None
        try:
            call.future.result()
        except psycopg.Error as error:
            actor.connection.rollback()
            if error.diag.constraint_name == "stale_fence":
                self.counts["stale words refused"] += 1
                self._stale.append(int(str(call.value["fence"])))
            else:
                self._say(f"{call.function} was refused: {error.diag.message_primary}")
            actor.forget()
            return
        if call.hold:
            actor.uncommitted = call
        else:
            self._apply(actor, call)

    def _commit(self, actor: Actor) -> None:
        call, actor.uncommitted = actor.uncommitted, None
        assert call is not None
        try:
            actor.connection.commit()
        except psycopg.Error as error:
            self._say(f"commit of {call.function} was refused: {error}")
            actor.forget()
        else:
            self._apply(actor, call)
        self._settle()

    def _die(self, actor: Actor) -> None:
        # Its session ends; what it asked is asked again, or its process is gone too.
        actor.uncommitted = None
        self.counts["died in a call"] += 1
        if self._rng.random() < 0.2:
            actor.connection.close()
            actor.connection = self._connect()
        else:
            actor.connection.rollback()
        if self._rng.random() < 0.5:
            actor.forget()
        self._settle()

    def _apply(self, actor: Actor, call: Call) -> None:
        # The transaction is committed: what it says is so.
        answer = call.future.result()
        self.counts[call.function] += 1
        if call.function == "begin_tick":
            self._judge_begin(actor, call, answer)
        elif call.function in ("record_tick", "acknowledge"):
            fence = int(str(call.value["fence"]))
            if fence < call.newest:
                self._say(f"{call.function} under fence {fence} came after {call.newest} was given")
            if call.value["release"] and self._live == actor.holder:
                self._live = ""
            if actor.record is not None and call.function == "record_tick":
                self._told |= {
                    (self._account, each.position_id, each.source, each.tick_at)
                    for each in actor.record.decisions
                }
        call.then(answer)

    def _judge_begin(self, actor: Actor, call: Call, answer: Answer) -> None:
        if "busy" in answer:
            self.counts["busy"] += 1
            if call.alone and not self._live:
                self._say(f"{actor.holder} found it busy, and it was free")
            return
        if call.alone and self._live not in ("", actor.holder):
            self._say(f"{actor.holder} holds the lease, and so does {self._live}")
        fence = answer["fence"]
        if fence != self._newest + (self._last != actor.holder):
            self._say(f"{actor.holder} got fence {fence} after {self._newest} of {self._last}")
        self._newest = fence
        self._live = self._last = actor.holder

    def _busy(self) -> bool:
        return any(each.waiting or each.uncommitted for each in self._actors)

    def _say(self, words: str) -> None:
        self.wrong.append(f"{self._account}: {words}")

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._url)
