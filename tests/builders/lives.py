"""Processes that end at any of their calls: before one, or after it was done and nobody heard."""

from typing import Any


class Killed(BaseException):
    """The process ends here; nothing of it runs any more."""


class Life:
    """How many calls begin and end until death; None lives on."""

    def __init__(self, moments: int | None = None) -> None:
        self.moments = 0
        self._most = moments

    def one_more(self) -> None:
        if self.moments == self._most:
            raise Killed
        self.moments += 1


class Mortal:
    """Passes calls on, and dies at one of them, before it or after it was done."""

    def __init__(self, within: Any, life: Life) -> None:
        self._within = within
        self._life = life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._within, name)

        def call(*given: Any, **named: Any) -> Any:
            self._life.one_more()
            answer = found(*given, **named)
            self._life.one_more()
            return answer

        return call
