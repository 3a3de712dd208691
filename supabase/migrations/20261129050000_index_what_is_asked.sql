-- Why: tests/volume runs every query of the product over a million decisions; these read an account's whole history
--      for a few rows. Each index here is written seldom or costs a tick little; benchmarks/results/database.json says.
-- Lock: share on decisions, trades, position_exits, predictions and instruments while an index is built, ten seconds
--       for a million decisions: in a database in use, between sessions. Phase: before deploy.

-- Ticks do not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

-- `stopward why SYMBOL`: what was decided for a symbol, and which symbols there are. One entry a decision.
create index decisions_symbol_idx on stopward.decisions (account_id, symbol, tick_at);
-- What was done, newest first, under the many holds. One entry a decision that is none.
create index decisions_acts_idx on stopward.decisions (account_id, tick_at) where kind <> 'hold';
-- The trades of a symbol. One entry a trade.
create index trades_symbol_idx on stopward.trades (account_id, symbol, closed_at);
-- Exits that may be off, which are few.
create index position_exits_doubtful_idx on stopward.position_exits (account_id, at) where doubt is not null;
-- Exits of a rule that cost the most; written once a day, when they are attributed. What a rule did a day is in rule_days.
create index position_exits_cost_idx
on stopward.position_exits (account_id, rule, (saved_r::double precision)) where saved_r::double precision < 0;
-- What the nightly function has to complete: of a position, and not done.
create index predictions_unresolved_idx
on stopward.predictions (account_id, position_id) where resolved_at is null and position_id is not null;
-- Trades that a model kept one from.
create index predictions_blocked_idx on stopward.predictions (account_id, at) where blocked;
-- Every tick reads the instruments that trade unlike any US equity; they are few among all that are known.
create index instruments_unusual_idx on stopward.instruments (symbol) where tick is not null or not fractionable;

-- A connection that lives calls these for every account, and from the sixth call on has one plan for all of them: the
-- one for a middling account, which reads every order or position that a large one ever had.
alter function stopward.write_journal(text, timestamptz, jsonb, jsonb) set plan_cache_mode = 'force_custom_plan';
alter function stopward.write_positions(text, jsonb, jsonb) set plan_cache_mode = 'force_custom_plan';
alter function stopward.write_trades(text, timestamptz, jsonb) set plan_cache_mode = 'force_custom_plan';
alter function stopward.write_intents(text, timestamptz, bigint, jsonb) set plan_cache_mode = 'force_custom_plan';
alter function stopward.settle_orders(text, timestamptz, timestamptz, bigint, jsonb)
set plan_cache_mode = 'force_custom_plan';
