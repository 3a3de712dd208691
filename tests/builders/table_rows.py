"""A row for every table of schema stopward, so that access can be tested on rows, not on emptiness.

A tick's record and what it triggers fill most tables. A table that stays empty after it needs a
statement in ROWS: plain SQL, run as the owner, that inserts one row for `%(account)s`; the account
has an open position `%(open)s` (AAPL) and a closed one `%(closed)s` (MSFT), and order `%(order)s`.
Statements run in the order written, so that a row finds the rows that it refers to.
"""

from collections.abc import Mapping

ROWS: Mapping[str, str] = {
    "members": """
        insert into stopward.members (account_id, user_id)
        values (%(account)s, gen_random_uuid())
        """,
    "usual_volumes": """
        insert into stopward.usual_volumes (symbol, minute, volume) values ('AAPL', 0, 1000)
        on conflict on constraint usual_volumes_pkey do nothing
        """,
    "instruments": """
        insert into stopward.instruments (symbol) values ('AAPL')
        on conflict on constraint instruments_pkey do nothing
        """,
    "channels": """
        insert into stopward.channels (account_id, name, kind, deliverer)
        values (%(account)s, 'desk', 'webhook', 'lambda')
        """,
    "channel_addresses": """
        insert into stopward.channel_addresses (account_id, channel, address, secret)
        values (%(account)s, 'desk', 'https://example.com/hook', 'secret')
        """,
    "notifications": """
        select stopward.tell(%(account)s, 'alarm', 'k', 'critical', 'An alarm', '{}')
        """,
    "outbox": """
        insert into stopward.outbox (id, account_id, channel, notification_id)
        select gen_random_uuid(), n.account_id, 'desk', n.id from stopward.notifications as n
        where n.account_id = %(account)s limit 1
        """,
    "edge_webhook": """
        insert into stopward.edge_webhook (url, secret)
        values ('https://example.com/functions/v1/notify', repeat('s', 24))
        on conflict on constraint edge_webhook_pkey do nothing
        """,
    "session_disagreements": """
        insert into stopward.session_disagreements (exchange, day, said)
        values ('XNYS', '2026-11-27', '{"claims": {}, "counted": null}')
        on conflict (exchange, day) where cleared_at is null do nothing
        """,
    "archives": """
        insert into stopward.archives (
            table_name, month, digest, location, row_count, byte_count, sha256, object_format,
            format_version
        )
        values (
            'decisions', '2024-01-01', repeat('0', 64), 's3://bucket/key', 1, 1, repeat('0', 64),
            'ndjson.gz', 1
        )
        """,
    "feature_schemas": """
        insert into stopward.feature_schemas (schema_hash, names) values ('access', '{one,two}')
        on conflict on constraint feature_schemas_pkey do nothing
        """,
    "trade_features": """
        insert into stopward.trade_features (
            account_id, position_id, kind, schema_hash, at, vector
        )
        values (%(account)s, %(open)s, 'entry', 'access', now(), '{1,null}')
        """,
}

SHARED: Mapping[str, str] = {
    "feature_schemas": "how features are named is the same for everybody",
    "archives": "a month of the journal holds the rows of all accounts; this tells where, not what",
    "instruments": "how a symbol trades is the same for everybody",
    "market_sessions": "the hours of an exchange are public",
    "session_claims": "the hours of an exchange are public",
    "session_disagreements": "the hours of an exchange are public",
    "usual_volumes": "a mean of public volumes",
    "edge_webhook": "one edge function serves all accounts; nobody reads its row",
}
"""Tables without a column account_id, and why everybody may read them."""

OWN_RULE: Mapping[str, str] = {
    "members": "a person sees only his own membership, not who else is a member",
}
"""Tables with an account whose members do not see all of its rows, and why."""

UNREAD: Mapping[str, str] = {
    "channel_addresses": "an address of a channel is a secret: its deliverer gets it from a claim",
    "edge_webhook": "it holds the secret that the edge function knows us by",
}
"""Tables that nobody may read at all, and why."""

HOW_TO_ADD = (
    "add an insert to ROWS in tests/builders/table_rows.py, or a reason to SHARED"
    " when the table has no account"
)
