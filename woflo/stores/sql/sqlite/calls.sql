-- Runs that are new, and runs that are claimed.

-- name: add_run
-- Nothing where its id, or its task and key, are there already.
INSERT INTO runs VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
) ON CONFLICT DO NOTHING;

-- name: wake_due
-- All whose time has come.
UPDATE runs
SET state = CASE state WHEN 'WAITING' THEN 'PENDING' ELSE state END, run_after = NULL, waits_for = '[]', reason = NULL
WHERE run_after <= :now
    AND state NOT IN ('SUCCEEDED', 'FAILED', 'STOPPED', 'SKIPPED', 'UPSTREAM_FAILED');

-- name: ready_in_queue
-- The index must be used, whatever the planner thinks of it: the rest of the table may have millions of rows.
-- Of a queue for which something is set, only its name.
SELECT priority, id
FROM (
    SELECT priority, id
    FROM runs INDEXED BY runs_ready
    WHERE queue = :queue
        AND state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL
        AND task IN (SELECT value FROM json_each(:tasks))
        AND NOT EXISTS (SELECT 1 FROM queues WHERE name = :queue)
    ORDER BY priority DESC, id
    LIMIT :limit
)
UNION ALL
SELECT NULL, name FROM queues WHERE name = :queue;

-- name: ready_among
SELECT priority, id
FROM runs
WHERE id IN (SELECT value FROM json_each(:ids))
    AND state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL
    AND task IN (SELECT value FROM json_each(:tasks))
ORDER BY priority DESC, id
LIMIT :limit;

-- name: claim_in_queue
-- The first of those that are ready, in any order; nothing from a queue for which something is set.
UPDATE runs
SET state = 'RUNNING', worker = :worker, fence = fence + 1, attempt = attempt + 1, reason = NULL,
    started_at = coalesce(started_at, :now)
WHERE id IN (
    SELECT id
    FROM runs INDEXED BY runs_ready
    WHERE queue = :queue
        AND state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL
        AND task IN (SELECT value FROM json_each(:tasks))
        AND NOT EXISTS (SELECT 1 FROM queues WHERE name = :queue)
    ORDER BY priority DESC, id
    LIMIT :limit
)
RETURNING *;

-- name: is_limited
SELECT 1 FROM queues WHERE name = :queue;

-- name: claim
-- Those that were found ready, in any order.
UPDATE runs
SET state = 'RUNNING', worker = :worker, fence = fence + 1, attempt = attempt + 1, reason = NULL,
    started_at = coalesce(started_at, :now)
WHERE id IN (SELECT value FROM json_each(:ids))
RETURNING *;
