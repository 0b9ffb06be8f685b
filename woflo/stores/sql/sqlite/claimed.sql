-- Writes by the one that holds a run, and how runs end and are woken.

-- name: held
-- The run of a claim (run, worker, fence), where it still holds.
SELECT parent_id, stop_requested FROM runs WHERE id = ? AND worker = ? AND fence = ?;

-- name: held_among
-- The same of many: whoever has them now.
SELECT id, worker, fence, parent_id, stop_requested FROM runs WHERE id IN (SELECT value FROM json_each(:ids));

-- name: keep_step
-- A new step, or the end of one whose intent is there. Nothing where it has ended already, or is another run.
INSERT INTO runs VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
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
    AND runs.parent_id IS excluded.parent_id
    AND runs.queue IS NULL
    AND runs.worker IS NULL;

-- name: end_run
UPDATE runs
SET state = ?, result = ?, error = ?, reason = ?, finished_at = ?,
    worker = NULL, run_after = NULL, waits_for = '[]'
WHERE id = ?;

-- name: forget_run
DELETE FROM runs WHERE id = :id RETURNING args;

-- name: wake_for
-- One that waits for that.
UPDATE runs
SET state = 'PENDING', waits_for = '[]', run_after = NULL, reason = NULL
WHERE id = :id
    AND state = 'WAITING'
    AND EXISTS (SELECT 1 FROM json_each(waits_for) WHERE value = :token);

-- name: park
UPDATE runs
SET state = 'WAITING', worker = NULL, attempt = attempt - 1,
    reason = :reason, waits_for = :waits_for, run_after = :run_after,
    deaths = CASE WHEN :comes_further THEN 0 ELSE deaths END
WHERE id = :id;

-- name: forget_deaths
UPDATE runs SET deaths = 0 WHERE id = :id;

-- name: release
-- An attempt that failed counts. A run that was asked to stop ends.
UPDATE runs
SET state = CASE WHEN stop_requested = 1 THEN 'STOPPED' WHEN :failed THEN 'RETRYING' ELSE 'PENDING' END,
    worker = NULL,
    attempt = CASE WHEN :failed THEN attempt ELSE attempt - 1 END,
    reason = :reason,
    error = CASE WHEN :failed THEN :error ELSE error END,
    run_after = CASE stop_requested WHEN 1 THEN NULL ELSE :run_after END,
    waits_for = CASE stop_requested WHEN 1 THEN '[]' ELSE waits_for END,
    finished_at = CASE stop_requested WHEN 1 THEN :now ELSE finished_at END
WHERE id = :id
RETURNING id, parent_id, state;

-- name: publish
INSERT INTO published VALUES (:run_id, :name, :value)
ON CONFLICT (run_id, name) DO UPDATE SET value = excluded.value;

-- name: first_signal
-- The oldest that nobody took.
SELECT id, value
FROM signals
WHERE run_id = :run_id AND name = :name AND taken_by IS NULL
ORDER BY number
LIMIT 1;

-- name: take_signal
UPDATE signals SET taken_by = :step WHERE id = :id;
