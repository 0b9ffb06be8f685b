-- What is looked up.

-- name: run_by_id
SELECT * FROM runs WHERE id = :id;

-- name: changed_among
-- Those of many that are in another state than is known, or wait; without a row of its own where it is gone.
SELECT known.key, runs.*
FROM json_each(:known) AS known
LEFT JOIN runs ON runs.id = known.key
WHERE runs.id IS NULL OR runs.state <> known.value OR runs.state = 'WAITING';

-- name: run_by_key
SELECT * FROM runs WHERE task = :task AND key = :key;

-- name: steps
SELECT * FROM runs INDEXED BY runs_parent WHERE parent_id = :parent_id ORDER BY id;

-- name: select_runs
-- Those that nobody called from inside; null stands for all states, tasks, keys and times.
SELECT *
FROM runs INDEXED BY runs_parent
WHERE parent_id IS NULL
    AND id > :after
    AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
    AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)))
    AND (:key IS NULL OR key = :key)
    AND (:created_since IS NULL OR created_at >= :created_since)
    AND (:created_until IS NULL OR created_at < :created_until)
    AND (:ended_since IS NULL OR finished_at >= :ended_since)
    AND (:ended_until IS NULL OR finished_at < :ended_until)
ORDER BY id
LIMIT :limit;

-- name: select_tagged
-- Those with all tags, the first of which leads to them.
SELECT runs.*
FROM (SELECT run_id FROM tags INDEXED BY tags_found WHERE name = :tag AND value = :value) AS found
JOIN runs ON runs.id = found.run_id
WHERE NOT EXISTS (
        SELECT 1
        FROM json_each(:tags) AS wanted
        WHERE NOT EXISTS (
            SELECT 1 FROM tags WHERE run_id = runs.id AND name = wanted.key AND value = wanted.value
        )
    )
    AND id > :after
    AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
    AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)))
    AND (:key IS NULL OR key = :key)
    AND (:created_since IS NULL OR created_at >= :created_since)
    AND (:created_until IS NULL OR created_at < :created_until)
    AND (:ended_since IS NULL OR finished_at >= :ended_since)
    AND (:ended_until IS NULL OR finished_at < :ended_until)
ORDER BY id
LIMIT :limit;

-- name: tags
SELECT name, value FROM tags WHERE run_id = :run_id;

-- name: signals
SELECT id, run_id, name, value, sent_at, taken_by FROM signals WHERE run_id = :run_id ORDER BY number;

-- name: all_tags
SELECT run_id, name, value FROM tags;

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
