-- Why: a number without its unit, and a time without its zone, is read wrongly sooner or later; some had none.
-- Lock: share update exclusive on each table, a moment; nobody reads or writes less for it. Phase: before deploy.

comment on column stopward.accounts.created_at is 'Start of the transaction that opened it, by the clock of the database (UTC).';
comment on column stopward.accounts.flatten_at is 'When a person asked to close everything (UTC); null otherwise.';
comment on column stopward.archives.format_version is 'Version of that format, from 1.';
comment on column stopward.channels.created_at is 'Start of the transaction that made it, by the clock of the database (UTC).';
comment on column stopward.day_results.last_loss_at is 'When the last losing trade closed (UTC); null before one.';
comment on column stopward.equity_days.last_closed_at is 'When the last of the trades closed (UTC).';
comment on column stopward.equity_days.trades is 'Trades that closed.';
comment on column stopward.feature_schemas.created_at is
'Start of the transaction that put it, by the clock of the database (UTC).';
comment on column stopward.feature_schemas.names is 'Names of the features, in the order of a vector.';
comment on column stopward.leases.until is 'End of the lease, by the clock of the database (UTC); in the past once it was given back.';
comment on column stopward.members.created_at is
'Start of the transaction that added the person, by the clock of the database (UTC).';
comment on column stopward.models.registered_at is
'Start of the transaction that registered it, by the clock of the database (UTC).';
comment on column stopward.observations.recorded_at is
'Start of the transaction that wrote it, by the clock of the database (UTC): the pass for what it explains.';
comment on column stopward.observations.tick_at is 'Pulse instant on its grid (UTC) of the tick that saw it.';
comment on column stopward.order_events.tick_at is 'Pulse instant on its grid (UTC) of the tick that told it.';
comment on column stopward.orders.attempt is 'Number of the plan of its tick that it belongs to: 0, then 1 to 3.';
comment on column stopward.outbox.created_at is 'Start of the transaction that queued it, by the clock of the database (UTC).';
comment on column stopward.position_exits.fills is 'Number of orders, or of observed reductions, that this row sums up.';
comment on column stopward.positions.adopted_at is 'Our clock when the guard took it on (UTC).';
comment on column stopward.positions.bar_at is
'Start of the last closed bar that moved the marks (UTC); null before the first.';
comment on column stopward.positions.closed_at is 'Time of the fill that closed it (UTC); null while it is open.';
comment on column stopward.positions.fill_ids is
'Ids, at the broker, of the fills of the time fills_at; what is told again of them is known.';
comment on column stopward.positions.fills_at is
'Time of the last fill folded in (UTC); fill_ids are the fills of that very time.';
comment on column stopward.positions.flags is
'Facts to show of it, such as risk_estimated, rebased or split.';
comment on column stopward.positions.opened_at is
'When it was opened at the broker (UTC); our clock where its entry is not known.';
comment on column stopward.positions.tags is 'Tags of its symbol when it was adopted.';
comment on column stopward.predictions.probability is 'Probability of a win, a result over zero after costs; 0 to 1.';
comment on column stopward.protection_gaps.tick_at is 'Pulse instant on its grid (UTC) of the tick that counted them.';
comment on column stopward.rule_days.fills is 'Number of orders, or of observed reductions, that its exits sum up.';
comment on column stopward.settings_versions.created_at is
'Start of the transaction that put it first, by the clock of the database (UTC).';
comment on column stopward.symbol_states.bar_at is 'Start of the last bar folded in (UTC); null before the first.';
comment on column stopward.symbol_states.since is 'Start of the first bar folded in (UTC); null before it.';
comment on column stopward.symbol_tags.created_at is
'Start of the transaction that tagged it, by the clock of the database (UTC).';
comment on column stopward.trade_features.recorded_at is
'Start of the transaction that wrote it, by the clock of the database (UTC).';
comment on column stopward.trades.closed_at is 'Time of the last fill, or our clock where none is known (UTC).';
comment on column stopward.trades.opened_at is
'When the position was opened at the broker (UTC); our clock where its entry is not known.';
comment on column stopward.training_requests.requested_at is
'Start of the transaction that asked, by the clock of the database (UTC).';
