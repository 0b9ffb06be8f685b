-- Runs that are new, and runs that are claimed.

-- name: add_run
-- Nothing where its id, or its task and key, are there already.
INSERT INTO woflo.runs VALUES (
    %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
    %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s
) ON CONFLICT DO NOTHING;

-- name: add_run_together
-- Many, one after the other, as objects whose names are those of the columns.
INSERT INTO woflo.runs
SELECT * FROM json_populate_recordset(NULL::woflo.runs, %s::json)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: wake_due
-- All whose time has come, but those that somebody else is waking or writing about.
UPDATE woflo.runs
SET state = CASE state WHEN 'WAITING' THEN 'PENDING' ELSE state END, run_after = NULL, waits_for = '[]', reason = NULL
WHERE id = ANY(ARRAY(
    SELECT id
    FROM woflo.runs
    WHERE run_after <= %(now)s
        AND state NOT IN ('SUCCEEDED', 'FAILED', 'STOPPED', 'SKIPPED', 'UPSTREAM_FAILED')
    FOR UPDATE SKIP LOCKED
));

-- name: ready_in_queue
-- What others are claiming is passed over, not waited for. Of a queue for which something is set, only its name.
WITH found AS (
    SELECT priority, id
    FROM woflo.runs
    WHERE queue = %(queue)s
        AND state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL
        AND task = ANY(ARRAY(SELECT json_array_elements_text(%(tasks)s::json)))
        AND NOT EXISTS (SELECT 1 FROM woflo.queues WHERE name = %(queue)s)
    ORDER BY priority DESC, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
SELECT priority, id FROM found
UNION ALL
SELECT NULL, name FROM woflo.queues WHERE name = %(queue)s;

-- name: ready_among
SELECT priority, id
FROM woflo.runs
WHERE id = ANY(ARRAY(SELECT json_array_elements_text(%(ids)s::json)))
    AND state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL
    AND task = ANY(ARRAY(SELECT json_array_elements_text(%(tasks)s::json)))
ORDER BY priority DESC, id
LIMIT %(limit)s
FOR UPDATE SKIP LOCKED;

-- name: claim_in_queue
-- The first of those that are ready, in any order; nothing from a queue for which something is set.
UPDATE woflo.runs
SET state = 'RUNNING', worker = %(worker)s, fence = fence + 1, attempt = attempt + 1, reason = NULL,
    started_at = coalesce(started_at, %(now)s)
WHERE id = ANY(ARRAY(
    SELECT id
    FROM woflo.runs
    WHERE queue = %(queue)s
        AND state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL
        AND task = ANY(ARRAY(SELECT json_array_elements_text(%(tasks)s::json)))
        AND NOT EXISTS (SELECT 1 FROM woflo.queues WHERE name = %(queue)s)
    ORDER BY priority DESC, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
))
RETURNING *;

-- name: is_limited
SELECT 1 FROM woflo.queues WHERE name = %(queue)s;

-- name: claim
-- Those that were found ready, in any order.
UPDATE woflo.runs
SET state = 'RUNNING', worker = %(worker)s, fence = fence + 1, attempt = attempt + 1, reason = NULL,
    started_at = coalesce(started_at, %(now)s)
WHERE id = ANY(ARRAY(SELECT json_array_elements_text(%(ids)s::json)))
RETURNING *;
