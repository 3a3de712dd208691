"""Who runs now: several invocations in threads of their own, one at a time, by seed and by time.

An actor runs until it reaches a point where the world could take over, and hands its turn back
there. Whose turn is next is drawn from the seed, so that a run is the same every time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from threading import Semaphore, Thread, current_thread

STAYS = 0.7
"""How often whoever runs goes on, where somebody else could."""
STUCK_SECONDS = 60.0
"""Real time after which an actor that hands nothing back is stuck: a defect of the harness."""


@dataclass(slots=True, eq=False)
class Actor:
    """One invocation. wakes_at: when it wants to go on; error: what ended it, if not its end."""

    name: str
    wakes_at: datetime
    run: Callable[[], None]
    error: BaseException | None = None
    is_done: bool = False
    _go: Semaphore = field(default_factory=lambda: Semaphore(0))
    _thread: Thread | None = None


@dataclass(slots=True)
class Turns:
    """Runs actors by turns; `pass_to` moves simulated time when nobody wants to run before."""

    rng: Random
    now: Callable[[], datetime]
    pass_to: Callable[[datetime], None]
    actors: list[Actor] = field(default_factory=list)
    switches: int = 0
    _running: Actor | None = None
    _back: Semaphore = field(default_factory=lambda: Semaphore(0))

    @property
    def running(self) -> Actor:
        """The actor whose turn it is."""
        assert self._running is not None
        return self._running

    @property
    def is_acting(self) -> bool:
        """Whether an actor runs, and not the world around it."""
        return self._running is not None

    def add(self, actor: Actor) -> None:
        """Let an actor begin when its time comes."""
        self.actors.append(actor)

    def point(self) -> None:
        """Let others run here, perhaps; an actor calls it between two lines that matter."""
        me = self.running
        others = [a for a in self.actors if a is not me and a.wakes_at <= self.now()]
        if others and self.rng.random() > STAYS:
            self.switches += 1
            self._hand_back(me)

    def sleep_until(self, moment: datetime) -> None:
        """Hand the turn back until then."""
        me = self.running
        me.wakes_at = max(moment, self.now())
        self._hand_back(me)

    def run(self, *, until: datetime | None = None) -> None:
        """Run until every actor is done, or none wants to run before `until`."""
        while self.actors:
            ready = [a for a in self.actors if a.wakes_at <= self.now()]
            if not ready:
                following = min(a.wakes_at for a in self.actors)
                if until is not None and following > until:
                    return
                self.pass_to(following)
                continue
            self._give(self.rng.choice(ready))

    def _give(self, actor: Actor) -> None:
        self._running = actor
        if actor._thread is None:
            actor._thread = Thread(target=self._act, args=(actor,), name=actor.name, daemon=True)
            actor._thread.start()
        actor._go.release()
        if not self._back.acquire(timeout=STUCK_SECONDS):
            raise TimeoutError(f"{actor.name} did not hand its turn back")
        self._running = None
        if actor.is_done:
            actor._thread.join()
            self.actors.remove(actor)
            if actor.error is not None:
                raise actor.error

    def _act(self, actor: Actor) -> None:
        actor._go.acquire()
        try:
            actor.run()
        except BaseException as error:
            actor.error = error
        actor.is_done = True
        self._back.release()

    def _hand_back(self, me: Actor) -> None:
        assert me._thread is current_thread(), "only who runs may hand back"
        self._back.release()
        me._go.acquire()


def later(moment: datetime, seconds: float) -> datetime:
    """Return the moment so many seconds after."""
    return moment + timedelta(seconds=seconds)
