"""Send each claim the way of its kind, its address looked up first where it is a secret's ARN."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from stopward.adapters.notices.formats import compose
from stopward.adapters.notices.http import HttpNotices
from stopward.adapters.notices.sns import SnsNotices
from stopward.domain.notices import Claim, Dead, Failed, Outcome
from stopward.errors import InvalidInput, Unavailable

REST_SECONDS = 30.0

ReadSecret = Callable[[str], Mapping[str, str]]
"""Return the fields of a secret by its ARN; raises InvalidInput and Unavailable."""


class Notices:
    """The Notifier of all kinds.

    read_secret: a secret is read once for each process; its fields are `address` and, where the
    channel has one, `secret`.
    """

    def __init__(
        self,
        *,
        read_secret: ReadSecret,
        http: HttpNotices | None = None,
        sns: SnsNotices | None = None,
    ) -> None:
        self._read_secret = read_secret
        self._http = HttpNotices() if http is None else http
        self._sns = SnsNotices() if sns is None else sns
        self._secrets: dict[str, Mapping[str, str]] = {}

    def send(self, claim: Claim) -> Outcome:
        """Send one notice once."""
        arn = claim.address if _is_secret(claim.address) else None
        try:
            ready = claim if arn is None else self._looked_up(claim)
            outcome = (
                self._sns.publish(ready) if ready.kind == "sns" else self._http.post(compose(ready))
            )
        except InvalidInput as error:
            outcome = Dead(reason=str(error))
        except Unavailable as error:
            outcome = Failed(reason=str(error), hold_seconds=REST_SECONDS)
        if arn is not None and isinstance(outcome, Dead):
            # It may have been rotated under a process that lives on.
            self._secrets.pop(arn, None)
        return outcome

    def _looked_up(self, claim: Claim) -> Claim:
        fields = self._secrets.get(claim.address)
        if fields is None:
            fields = self._secrets[claim.address] = self._read_secret(claim.address)
        if not fields.get("address"):
            raise InvalidInput(f"secret {claim.address}: has no address")
        return replace(
            claim, address=fields["address"], secret=fields.get("secret") or claim.secret
        )


def _is_secret(address: str) -> bool:
    return address.startswith("arn:") and ":secretsmanager:" in address
