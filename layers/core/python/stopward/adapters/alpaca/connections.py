"""Connections to the broker: whom to trust is read once a process, not at each of them."""

from functools import cache
from ssl import SSLContext
from typing import Any

import urllib3
from urllib3.util.ssl_ import create_urllib3_context


def connections() -> urllib3.PoolManager:
    """Return a pool for one host, whoever's keys the requests carry."""
    return _Connections(num_pools=1, maxsize=2, retries=False)


class _Connections(urllib3.PoolManager):
    """urllib3 reads the machine's authorities anew for each connection: 16 ms of a processor."""

    def _new_pool(
        self, scheme: str, host: str, port: int, request_context: dict[str, Any] | None = None
    ) -> urllib3.HTTPConnectionPool:
        # This is where urllib3 lets a pool be made otherwise, says its documentation. Here, for a
        # context that it is given at first is read although nothing may ask over TLS.
        if scheme == "https":
            request_context = {
                **(request_context or self.connection_pool_kw),
                "ssl_context": _authorities(),
            }
        return super()._new_pool(scheme, host, port, request_context)


@cache
def _authorities() -> SSLContext:
    context = create_urllib3_context()
    context.load_default_certs()
    return context
