"""What breaks the rules of channels, notices and their delivery."""

from tests.builders.rules.case import Cases, asks, copied

CASES: Cases = {
    "channels_sns_by_lambda": copied("channels", name="'fresh'", kind="'sns'", deliverer="'edge'"),
    "claim_outbox claim_outbox_request": asks("claim_outbox", deliverer="pigeon"),
    "claim_outbox claim_outbox_bounds": asks("claim_outbox", limit=0),
    "mark_read mark_read_request": asks("mark_read", ids=...),
    "nudge_edge nudge_edge_request": asks("nudge_edge", limit=0),
    "put_edge_webhook edge_webhook_url_is_safe": asks("put_edge_webhook", url="http://x.example"),
    "put_edge_webhook edge_webhook_secret_is_long": asks("put_edge_webhook", secret="short"),
    "require_channel channels_name_is_word": asks("put_channel", name="No Word"),
    "require_channel channels_kind_known": asks("put_channel", kind="pigeon"),
    "require_channel channels_one_deliverer": asks("put_channel", deliverer="pigeon"),
    "require_channel channel_addresses_needed": asks("put_channel", address=None),
    "require_channel channel_addresses_address_is_safe": asks(
        "put_channel", address="http://x.example"
    ),
    "require_channel put_channel_topics": asks("put_channel", topics="x"),
    "require_channel channels_severity_known": asks("put_channel", least_severity="x"),
    "require_channel channels_attempts_bounded": asks("put_channel", attempts_limit=0),
    "settle_delivery settle_delivery_request": asks("settle_delivery", outcome="lost"),
    "trim_notices trim_notices_bounds": asks("trim_notices", limit=0),
    "try_channel unknown_channel": asks("try_channel", name="nothing"),
}
