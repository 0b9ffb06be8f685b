-- What is looked up.

-- name: run_by_id
SELECT * FROM woflo.runs WHERE id = %(id)s;

-- name: changed_among
-- Those of many that are in another state than is known, or wait; without a row of its own where it is gone.
SELECT known.key, runs.*
FROM json_each_text(%(known)s::json) AS known
LEFT JOIN woflo.runs ON runs.id = known.key
WHERE runs.id IS NULL OR runs.state <> known.value OR runs.state = 'WAITING';

-- name: run_by_key
SELECT * FROM woflo.runs WHERE task = %(task)s AND key = %(key)s;

-- name: steps
SELECT * FROM woflo.runs WHERE parent_id = %(parent_id)s ORDER BY id;

-- name: select_runs
-- Those that nobody called from inside; null stands for all states, tasks, keys and times.
SELECT *
FROM woflo.runs
WHERE parent_id IS NULL
    AND id > %(after)s
    AND (%(states)s::text IS NULL OR state = ANY(ARRAY(SELECT json_array_elements_text(%(states)s::json))))
    AND (%(tasks)s::text IS NULL OR task = ANY(ARRAY(SELECT json_array_elements_text(%(tasks)s::json))))
    AND (%(key)s::text IS NULL OR key = %(key)s)
    AND (%(created_since)s::float8 IS NULL OR created_at >= %(created_since)s::float8)
    AND (%(created_until)s::float8 IS NULL OR created_at < %(created_until)s::float8)
    AND (%(ended_since)s::float8 IS NULL OR finished_at >= %(ended_since)s::float8)
    AND (%(ended_until)s::float8 IS NULL OR finished_at < %(ended_until)s::float8)
ORDER BY id
LIMIT %(limit)s;

-- name: select_tagged
-- Those with all tags, the first of which leads to them.
SELECT runs.*
FROM (SELECT run_id FROM woflo.tags WHERE name = %(tag)s AND value = %(value)s) AS found
JOIN woflo.runs ON runs.id = found.run_id
WHERE NOT EXISTS (
        SELECT 1
        FROM json_each_text(%(tags)s::json) AS wanted
        WHERE NOT EXISTS (
            SELECT 1
            FROM woflo.tags
            WHERE run_id = runs.id AND name = wanted.key AND tags.value = wanted.value
        )
    )
    AND id > %(after)s
    AND (%(states)s::text IS NULL OR state = ANY(ARRAY(SELECT json_array_elements_text(%(states)s::json))))
    AND (%(tasks)s::text IS NULL OR task = ANY(ARRAY(SELECT json_array_elements_text(%(tasks)s::json))))
    AND (%(key)s::text IS NULL OR key = %(key)s)
    AND (%(created_since)s::float8 IS NULL OR created_at >= %(created_since)s::float8)
    AND (%(created_until)s::float8 IS NULL OR created_at < %(created_until)s::float8)
    AND (%(ended_since)s::float8 IS NULL OR finished_at >= %(ended_since)s::float8)
    AND (%(ended_until)s::float8 IS NULL OR finished_at < %(ended_until)s::float8)
ORDER BY id
LIMIT %(limit)s;

-- name: tags
SELECT name, value FROM woflo.tags WHERE run_id = %(run_id)s;

-- name: signals
SELECT id, run_id, name, value, sent_at, taken_by FROM woflo.signals WHERE run_id = %(run_id)s ORDER BY number;

-- name: all_tags
SELECT run_id, name, value FROM woflo.tags;

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
