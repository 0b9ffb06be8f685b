-- What is looked up.

-- name: run_by_id
SELECT * FROM runs WHERE id = :id;

-- name: run_by_key
SELECT * FROM runs WHERE task = :task AND key = :key;

-- name: steps
SELECT * FROM runs INDEXED BY runs_parent WHERE parent_id = :parent_id ORDER BY id;

-- name: select_runs
-- Those that nobody called from inside; null stands for all states, or all tasks.
SELECT *
FROM runs INDEXED BY runs_parent
WHERE parent_id IS NULL
    AND id > :after
    AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
    AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)))
ORDER BY id
LIMIT :limit;

-- name: next_time
SELECT min(due)
FROM (
    SELECT min(run_after) AS due FROM runs WHERE run_after IS NOT NULL
    UNION ALL
    SELECT min(next_at) FROM queues WHERE name IN (SELECT value FROM json_each(:queues)) AND next_at > :after
) AS times;

-- name: published
SELECT name, value FROM published WHERE run_id = :run_id;

-- name: all_runs
SELECT * FROM runs ORDER BY id;

-- name: all_signals
SELECT id, run_id, name, value, sent_at, taken_by FROM signals ORDER BY id;

-- name: all_workers
SELECT id, host, pid, lease_until FROM workers ORDER BY id;

-- name: all_published
SELECT run_id, name, value FROM published;

-- name: asked_to_stop
SELECT id FROM runs WHERE worker = :worker AND stop_requested ORDER BY id;
