-- Writes by the one that holds a run, and how runs end and are woken.

-- name: held
-- The run of a claim (run, worker, fence), where it still holds. It is to be found by its id: by its worker, which an
-- index has as well, all that the worker holds or has held lately would be looked at, and this form keeps the planner
-- from that.
SELECT parent_id, stop_requested FROM woflo.runs WHERE id = %s AND worker IS NOT DISTINCT FROM %s AND fence = %s;

-- name: held_together
SELECT id, parent_id, stop_requested
FROM jsonb_array_elements(%s::jsonb) AS claim (has)
JOIN woflo.runs
    ON id = claim.has ->> 0 AND worker IS NOT DISTINCT FROM claim.has ->> 1 AND fence = (claim.has ->> 2)::bigint;

-- name: keep_step
-- A new step, or the end of one whose intent is there. Nothing where it has ended already, or is another run.
INSERT INTO woflo.runs VALUES (
    %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
    %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s
) ON CONFLICT (id) DO UPDATE SET
    task = excluded.task, state = excluded.state, queue = excluded.queue, parent_id =
    excluded.parent_id, scope = excluded.scope, position = excluded.position, key = excluded.key,
    priority = excluded.priority, reason = excluded.reason, args = excluded.args, digest =
    excluded.digest, result = excluded.result, error = excluded.error, attempt = excluded.attempt,
    deaths = excluded.deaths, run_after = excluded.run_after, waits_for = excluded.waits_for,
    stop_requested = excluded.stop_requested, worker = excluded.worker, fence = excluded.fence,
    continues = excluded.continues, created_at = excluded.created_at, started_at =
    excluded.started_at, finished_at = excluded.finished_at,
    options = excluded.options, limit_key = excluded.limit_key
WHERE runs.state NOT IN ('SUCCEEDED', 'FAILED', 'STOPPED', 'SKIPPED', 'UPSTREAM_FAILED')
    AND runs.parent_id IS NOT DISTINCT FROM excluded.parent_id
    AND runs.queue IS NULL
    AND runs.worker IS NULL;

-- name: keep_step_together
-- Many, as objects whose names are those of the columns.
INSERT INTO woflo.runs
SELECT * FROM json_populate_recordset(NULL::woflo.runs, %s::json)
ON CONFLICT (id) DO UPDATE SET
    task = excluded.task, state = excluded.state, queue = excluded.queue, parent_id =
    excluded.parent_id, scope = excluded.scope, position = excluded.position, key = excluded.key,
    priority = excluded.priority, reason = excluded.reason, args = excluded.args, digest =
    excluded.digest, result = excluded.result, error = excluded.error, attempt = excluded.attempt,
    deaths = excluded.deaths, run_after = excluded.run_after, waits_for = excluded.waits_for,
    stop_requested = excluded.stop_requested, worker = excluded.worker, fence = excluded.fence,
    continues = excluded.continues, created_at = excluded.created_at, started_at =
    excluded.started_at, finished_at = excluded.finished_at,
    options = excluded.options, limit_key = excluded.limit_key
WHERE runs.state NOT IN ('SUCCEEDED', 'FAILED', 'STOPPED', 'SKIPPED', 'UPSTREAM_FAILED')
    AND runs.parent_id IS NOT DISTINCT FROM excluded.parent_id
    AND runs.queue IS NULL
    AND runs.worker IS NULL
RETURNING id;

-- name: end_run
UPDATE woflo.runs
SET state = %s, result = %s, error = %s, reason = %s, finished_at = %s,
    worker = NULL, run_after = NULL, waits_for = '[]'
WHERE id = %s;

-- name: end_run_together
UPDATE woflo.runs
SET state = ended.has ->> 0, result = ended.has ->> 1, error = ended.has ->> 2, reason = ended.has ->> 3,
    finished_at = (ended.has ->> 4)::float8, worker = NULL, run_after = NULL, waits_for = '[]'
FROM jsonb_array_elements(%s::jsonb) AS ended (has)
WHERE id = ended.has ->> 5
RETURNING id;

-- name: forget_run
DELETE FROM woflo.runs WHERE id = %(id)s RETURNING args;

-- name: wake_for
-- One that waits for that.
UPDATE woflo.runs
SET state = 'PENDING', waits_for = '[]', run_after = NULL, reason = NULL
WHERE id = %(id)s
    AND state = 'WAITING'
    AND waits_for::jsonb ? %(token)s;

-- name: park
UPDATE woflo.runs
SET state = 'WAITING', worker = NULL, attempt = attempt - 1,
    reason = %(reason)s, waits_for = %(waits_for)s, run_after = %(run_after)s,
    deaths = CASE WHEN %(comes_further)s THEN 0 ELSE deaths END
WHERE id = %(id)s;

-- name: forget_deaths
UPDATE woflo.runs SET deaths = 0 WHERE id = %(id)s;

-- name: release
-- An attempt that failed counts. A run that was asked to stop ends.
UPDATE woflo.runs
SET state = CASE WHEN stop_requested THEN 'STOPPED' WHEN %(failed)s THEN 'RETRYING' ELSE 'PENDING' END,
    worker = NULL,
    attempt = CASE WHEN %(failed)s THEN attempt ELSE attempt - 1 END,
    reason = %(reason)s,
    error = CASE WHEN %(failed)s THEN %(error)s ELSE error END,
    run_after = CASE WHEN stop_requested THEN NULL ELSE %(run_after)s::float8 END,
    waits_for = CASE WHEN stop_requested THEN '[]' ELSE waits_for END,
    finished_at = CASE WHEN stop_requested THEN %(now)s ELSE finished_at END
WHERE id = %(id)s
RETURNING id, parent_id, state;

-- name: publish
INSERT INTO woflo.published VALUES (%(run_id)s, %(name)s, %(value)s)
ON CONFLICT (run_id, name) DO UPDATE SET value = excluded.value;

-- name: first_signal
-- The oldest that nobody took.
SELECT id, value
FROM woflo.signals
WHERE run_id = %(run_id)s AND name = %(name)s AND taken_by IS NULL
ORDER BY number
LIMIT 1;

-- name: take_signal
UPDATE woflo.signals SET taken_by = %(step)s WHERE id = %(id)s;
