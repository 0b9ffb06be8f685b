-- How targets were made last.

-- name: keep_success
INSERT INTO successes VALUES (?, ?, ?, ?, ?)
ON CONFLICT (target) DO UPDATE SET
    task = excluded.task, run_id = excluded.run_id, made_at = excluded.made_at, record = excluded.record;

-- name: forget_successes
DELETE FROM successes WHERE target IN (SELECT value FROM json_each(:targets));

-- name: successes
SELECT target, task, run_id, made_at, record
FROM successes
WHERE target IN (SELECT value FROM json_each(:targets))
ORDER BY target;

-- name: all_successes
SELECT target, task, run_id, made_at, record FROM successes ORDER BY target;
