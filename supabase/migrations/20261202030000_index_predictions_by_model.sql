-- Why: each night the predictions of a model are read, newest first and page by page, to judge it; the log's index would
--      read those of every model of the account. None of its columns changes when a prediction resolves.
-- Lock: share on predictions while the index is built, a second for 100,000: in a database in use, between sessions.
-- Phase: before deploy.

-- Whoever writes predictions does not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

create index predictions_model_idx on stopward.predictions (account_id, model_id, at, signal_id);
