"""Send each claim the way of its kind, its address looked up first where it is a secret's ARN."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from stopward.adapters.notices.formats import compose
from stopward.adapters.notices.http import POST_SECONDS, HttpNotices
from stopward.adapters.notices.sns import PUBLISH_SECONDS, SnsNotices
from stopward.adapters.secrets import CHANNEL_SECONDS
from stopward.domain.notices import REST_SECONDS, Claim, Dead, Delivered, Failed, Outcome, PutBack
from stopward.errors import InvalidInput, Unavailable

SEND_SECONDS = CHANNEL_SECONDS + max(POST_SECONDS, PUBLISH_SECONDS)
"""The longest that one notice may take, the reading of its channel's secret included."""

ReadSecret = Callable[[str], Mapping[str, str]]
"""Return the fields of a secret by its ARN; raises InvalidInput and Unavailable."""


class Notices:
    """The Notifier of all kinds.

    read_secret: a secret is kept as long as what is sent by it arrives; its fields are `address`
    and, where the channel has one, `secret`.
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
        was_kept = arn in self._secrets
        outcome = self._sent(claim, arn)
        if arn is None or isinstance(outcome, Delivered):
            return outcome
        # It may have been rotated under a process that lives on: the next one reads it anew.
        self._secrets.pop(arn, None)
        if was_kept and isinstance(outcome, Dead):
            # So does this one, at its next claim, before it is given up.
            return PutBack(reason=outcome.reason)
        return outcome

    def _sent(self, claim: Claim, arn: str | None) -> Outcome:
        try:
            ready = claim if arn is None else self._looked_up(claim)
            if ready.kind == "sns":
                return self._sns.publish(ready)
            return self._http.post(compose(ready))
        except InvalidInput as error:
            return Dead(reason=str(error))
        except Unavailable as error:
            return Failed(reason=str(error), hold_seconds=REST_SECONDS)
        except ValueError as error:
            # What no header, URL or JSON can carry; its text may repeat the secret that it is.
            reason = f"channel {claim.channel}: cannot be sent to ({type(error).__name__})"
            return Dead(reason=reason)

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
