"""The guard: look, decide, record, act; one tick at a time."""

from stopward.services.guard.minute import run_minute
from stopward.services.guard.settings import GuardSettings
from stopward.services.guard.summary import Summary
from stopward.services.guard.tick import Guard

__all__ = ["Guard", "GuardSettings", "Summary", "run_minute"]
