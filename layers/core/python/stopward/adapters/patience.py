"""How long AWS is waited for; botocore loads only when this is asked."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.config import Config


def patience(*, connect_seconds: float, read_seconds: float, attempts: int = 1) -> "Config":
    """Return the configuration of a client that asks so often, and waits so long each time."""
    from botocore.config import Config

    return Config(
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        retries={"total_max_attempts": attempts, "mode": "standard"},
    )
