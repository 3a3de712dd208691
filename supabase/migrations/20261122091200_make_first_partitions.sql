-- Why: the months from now on, so that nothing of today waits for the first night.
-- Lock: none. Phase: before deploy.

select api.keep_partitions('{"months": 3}');
