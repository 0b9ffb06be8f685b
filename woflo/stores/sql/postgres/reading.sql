-- What is looked up.

-- name: run_by_id
SELECT * FROM woflo.runs WHERE id = %(id)s;

-- name: run_by_key
SELECT * FROM woflo.runs WHERE task = %(task)s AND key = %(key)s;

-- name: steps
SELECT * FROM woflo.runs WHERE parent_id = %(parent_id)s ORDER BY id;

-- name: select_runs
-- Those that nobody called from inside; null stands for all states, or all tasks.
SELECT *
FROM woflo.runs
WHERE parent_id IS NULL
    AND id > %(after)s
    AND (%(states)s::text IS NULL OR state = ANY(ARRAY(SELECT json_array_elements_text(%(states)s::json))))
    AND (%(tasks)s::text IS NULL OR task = ANY(ARRAY(SELECT json_array_elements_text(%(tasks)s::json))))
ORDER BY id
LIMIT %(limit)s;

-- name: next_time
SELECT min(due)
FROM (
    SELECT min(run_after) AS due FROM woflo.runs WHERE run_after IS NOT NULL
    UNION ALL
    SELECT min(next_at) FROM woflo.queues WHERE name = ANY(ARRAY(SELECT json_array_elements_text(%(queues)s::json))) AND next_at > %(after)s::double precision
) AS times;

-- name: published
SELECT name, value FROM woflo.published WHERE run_id = %(run_id)s;

-- name: all_runs
SELECT * FROM woflo.runs ORDER BY id;

-- name: all_signals
SELECT id, run_id, name, value, sent_at, taken_by FROM woflo.signals ORDER BY id;

-- name: all_workers
SELECT id, host, pid, lease_until FROM woflo.workers ORDER BY id;

-- name: all_published
SELECT run_id, name, value FROM woflo.published;

-- name: asked_to_stop
SELECT id FROM woflo.runs WHERE worker = %(worker)s AND stop_requested ORDER BY id;
