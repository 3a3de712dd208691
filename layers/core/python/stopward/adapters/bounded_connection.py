"""A connection of psycopg that gives up on a server, or a pooler before it, that stays silent.

`statement_timeout` is the server's to keep, and TCP notices only a peer that does not even
acknowledge: one that takes the question and never answers would hold a tick for ever.
"""

from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import Ready

Row = TypeVar("Row")
Value = TypeVar("Value")

INTERVAL_SECONDS = 0.1
"""How long one wait for the socket lasts; psycopg's own default."""


class BoundedConnection(psycopg.Connection[Row]):
    """A connection that closes itself once nothing came for `silence_seconds`.

    It then raises OperationalError, whose words say that it timed out. None waits for ever.
    """

    silence_seconds: float | None = None

    def wait(
        self,
        gen: PQGen[Value],
        interval: float = INTERVAL_SECONDS,
        timeout: float | None = None,
    ) -> Value:
        """Consume a generator, as psycopg does it, up to the bound."""
        if self.silence_seconds is not None:
            gen = self._listen(gen, intervals=1 + int(self.silence_seconds / interval))
        return super().wait(gen, interval, timeout)

    def _listen(self, gen: PQGen[Value], *, intervals: int) -> PQGen[Value]:
        # Intervals are counted, so that no clock is read: each ends with a Ready.NONE.
        silent = 0
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                silent = silent + 1 if ready == Ready.NONE else 0
                if silent > intervals:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(
                        f"timed out: the server said nothing for {self.silence_seconds:g} s"
                    )
                wanted = gen.send(ready)
        except StopIteration as end:
            value: Value = end.value
            return value
