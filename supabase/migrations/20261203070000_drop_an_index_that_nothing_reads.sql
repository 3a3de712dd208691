-- Why: training looks at the vectors of a trade by its key, one trade after the other, so nobody looks for them by kind and outcome
--      any more; each vector that is written would still pay for the index.
-- Lock: access exclusive on trade_features for an instant. Phase: before deploy.

-- Who keeps a vector does not queue behind a migration that waits: it gives up, and is applied again.
set local lock_timeout = '10s';

-- squawk-ignore require-concurrent-index-deletion
drop index stopward.trade_features_training_idx;
