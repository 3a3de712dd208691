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
    "imported_executions": """
        insert into stopward.imported_executions (
            account_id, source, id, symbol, side, quantity, price, at, fees
        )
        values (%(account)s, 'tradervue', 'e1', 'AAPL', 'buy', 100, 10, '2024-01-03 15:00+00', 1)
        """,
    "imported_trades": """
        insert into stopward.imported_trades (
            account_id, source, opened_by, symbol, side, quantity, average_entry, average_exit,
            opened_at, closed_at, fees, result, initial_stop, risk, entries, exits
        )
        values (
            %(account)s, 'tradervue', 'e1', 'AAPL', 'long', 100, 10, 11, '2024-01-03 15:00+00',
            '2024-01-03 16:00+00', 2, 98, 9.5, 0.5, '[{}]', '[{}]'
        )
        """,
    "rule_sets": """
        insert into stopward.rule_sets (account_id, digest, numbers)
        values (%(account)s, repeat('a', 16), '{"session_flat": [10]}')
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
    "month_comparisons": """
        insert into stopward.month_comparisons (table_name, month, relation, location)
        values ('decisions', '2024-01-01', 0, 's3://bucket/key')
        on conflict on constraint month_comparisons_pkey do nothing
        """,
    "feature_schemas": """
        insert into stopward.feature_schemas (schema_hash, names) values ('access', '{one,two}')
        on conflict on constraint feature_schemas_pkey do nothing
        """,
    "imported_features": """
        insert into stopward.imported_features (
            account_id, source, opened_by, schema_hash, at, vector
        )
        values (%(account)s, 'tradervue', 'e1', 'access', '2024-01-03 15:00+00', '{1,2}')
        """,
    "trade_features": """
        insert into stopward.trade_features (
            account_id, position_id, kind, schema_hash, at, vector
        )
        values (%(account)s, %(open)s, 'entry', 'access', now(), '{1,null}')
        """,
    "models": """
        insert into stopward.models (
            account_id, id, kind, verdict, created_at, expires_at, sha256, schema_hash, location,
            manifest, trades, effective_n, trained_from, trained_to, threshold, log_loss,
            base_log_loss, brier_skill, auc, auc_low, auc_high
        )
        values (
            %(account)s, 'm1', 'entry', 'published', now(), now() + interval '30 days',
            repeat('0', 64), 'access', 'models/m1/model.onnx', '{}', 200, 100, now(), now(), 0.5,
            0.6, 0.7, 0.1, 0.6, 0.55, 0.65
        )
        """,
    "model_aliases": """
        insert into stopward.model_aliases (account_id, kind, alias, model_id, changed_at, because)
        values (%(account)s, 'entry', 'champion', 'm1', now(), 'access')
        """,
    "model_performance": """
        insert into stopward.model_performance (
            account_id, model_id, session_day, arm, resolved, bin_n
        )
        values (%(account)s, 'm1', '2026-11-20', 'shadow', 1, '{1,0,0,0,0,0,0,0,0,0}')
        """,
    "predictions": """
        insert into stopward.predictions (
            account_id, model_id, signal_id, position_id, symbol, at, session_day, probability,
            threshold, decision, arm, weight, u, schema_hash, latency_ms
        )
        values (
            %(account)s, 'm1', 's1', %(open)s, 'AAPL', now(), current_date, 0.6, 0.5, 'take',
            'shadow', 0, 0.5, 'access', 1
        )
        """,
    "position_scores": """
        insert into stopward.position_scores (
            account_id, position_id, model_id, at, probability, threshold, binds
        )
        values (%(account)s, %(open)s, 'm1', '2026-01-02 15:00+00', 0.6, 0.5, false)
        """,
    "model_statistics": """
        insert into stopward.model_statistics (
            account_id, model_id, session_day, n, psi, more, put_at
        )
        values (%(account)s, 'm1', current_date, 1, '{}', '{}', now())
        """,
    "daily_reports": """
        insert into stopward.daily_reports (
            account_id, session_day, version, status, facts, patterns, recommendations,
            commentary, commentary_source, html, digest
        )
        values (
            %(account)s, current_date, 1, 'ready', '{}', '[]', '[]', '', 'template', '<p>', 'd'
        )
        """,
    "training_requests": """
        insert into stopward.training_requests (account_id, id, because, trades)
        values (%(account)s, 'training-0', 'by_hand', 1)
        """,
}

SHARED: Mapping[str, str] = {
    "feature_schemas": "how features are named is the same for everybody",
    "archives": "a month of the journal holds the rows of all accounts; operators alone read it",
    "month_comparisons": "a month of the journal holds the rows of all accounts; nobody reads it",
    "instruments": "how a symbol trades is the same for everybody",
    "market_sessions": "the hours of an exchange are public",
    "session_claims": "the hours of an exchange are public",
    "session_disagreements": "the hours of an exchange are public",
    "usual_volumes": "a mean of public volumes",
    "edge_webhook": "one edge function serves all accounts; nobody reads its row",
}
"""Tables without a column account_id, and why none is needed."""

OWN_RULE: Mapping[str, str] = {
    "members": "a person sees only his own membership, not who else is a member",
}
"""Tables with an account whose members do not see all of its rows, and why."""

UNREAD: Mapping[str, str] = {
    "channel_addresses": "an address of a channel is a secret: its deliverer gets it from a claim",
    "edge_webhook": "it holds the secret that the edge function knows us by",
    "month_comparisons": "how far two calls of one function have come is nobody's business",
}
"""Tables that nobody may read at all, and why."""

FOR_OPERATORS: Mapping[str, str] = {
    "archives": "it names the buckets and folders where months of all accounts lie",
    "journal_months": "it shows what archives holds",
}
"""Tables and views that the guard reads and a person who signed in does not, and why."""

HOW_TO_ADD = (
    "add an insert to ROWS in tests/builders/table_rows.py, or a reason to SHARED"
    " when the table has no account"
)
