-- How targets were made last.

-- name: keep_success
INSERT INTO woflo.successes VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (target) DO UPDATE SET
    task = excluded.task, run_id = excluded.run_id, made_at = excluded.made_at, record = excluded.record;

-- name: forget_successes
DELETE FROM woflo.successes WHERE target = ANY(ARRAY(SELECT json_array_elements_text(%(targets)s::json)));

-- name: successes
SELECT target, task, run_id, made_at, record
FROM woflo.successes
WHERE target = ANY(ARRAY(SELECT json_array_elements_text(%(targets)s::json)))
ORDER BY target;

-- name: all_successes
SELECT target, task, run_id, made_at, record FROM woflo.successes ORDER BY target;
