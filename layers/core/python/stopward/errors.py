"""Every error Stopward raises, split by what the caller does about it.

StopwardError
├── Unavailable            try again later: nothing is known to have happened
│   ├── BrokerUnavailable
│   │   └── RateLimited    carries when to come back
│   ├── DatabaseUnavailable
│   └── ArchiveUnavailable
├── Rejected               the other side said no: do not repeat it as it was
│   ├── BrokerRejected     carries the broker's code
│   ├── DatabaseRejected   carries the constraint or SQLSTATE
│   └── ArchiveRejected
├── InvalidInput           what a person wrote is wrong: file, place, what was read, what is allowed
│   └── OtherAccount       the broker's keys open another account than the one that was named
└── InvalidState           the code or the stored state is wrong: fix it
"""


class StopwardError(Exception):
    """Base of every error raised on purpose."""


class Unavailable(StopwardError):
    """No usable answer; whether the call had an effect is unknown."""


class BrokerUnavailable(Unavailable):
    """The broker gave no usable answer."""


class RateLimited(BrokerUnavailable):
    """The broker asked us to slow down; nothing happened."""

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class DatabaseUnavailable(Unavailable):
    """The database gave no usable answer."""


class ArchiveUnavailable(Unavailable):
    """The archive gave no usable answer, or has no room."""


class Rejected(StopwardError):
    """The other side refused; the same request will be refused again."""


class BrokerRejected(Rejected):
    """The broker refused a request.

    status: the HTTP status; code: the broker's own number (0 when it gave none).
    """

    def __init__(self, message: str, *, status: int, code: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class DatabaseRejected(Rejected):
    """The database refused a write; `rule` is the constraint's name, else the SQLSTATE."""

    def __init__(self, message: str, *, rule: str) -> None:
        super().__init__(message)
        self.rule = rule


class ArchiveRejected(Rejected):
    """The archive refused, or what lies there is not what was written."""


class InvalidInput(StopwardError):
    """What a person wrote cannot be used; the message says where, and what is allowed."""


class OtherAccount(InvalidInput):
    """The broker's keys open another account than the one that was named."""


class InvalidState(StopwardError):
    """Stored state or an argument breaks an invariant."""
