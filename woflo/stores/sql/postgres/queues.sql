-- Queues for which something is set, and schedules that are paused.

-- name: lock_queue
-- What is set for a queue. Whoever claims from it comes one after the other.
SELECT name, max_concurrency, max_per_key, rate_limit, is_paused, starts, next_at
FROM woflo.queues
WHERE name = %(name)s
FOR UPDATE;

-- name: under_way
-- How many of its runs workers have, by their keys. They are found by who has them: those are few.
SELECT limit_key, count(*) FROM woflo.runs WHERE worker IS NOT NULL AND queue = %(queue)s GROUP BY limit_key;

-- name: ready_in_limited_queue
-- Behind one that was found before, and without those of keys for which there is no place.
SELECT priority, id, limit_key
FROM woflo.runs
WHERE queue = %(queue)s
    AND state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL
    AND task = ANY(ARRAY(SELECT json_array_elements_text(%(tasks)s::json)))
    AND (limit_key IS NULL OR limit_key <> ALL(ARRAY(SELECT json_array_elements_text(%(full)s::json))))
    AND priority <= %(priority)s::bigint AND (priority < %(priority)s::bigint OR id > %(id)s)
ORDER BY priority DESC, id
LIMIT %(limit)s
FOR UPDATE SKIP LOCKED;

-- name: queue_started
UPDATE woflo.queues SET starts = %(starts)s, next_at = %(next_at)s::double precision WHERE name = %(name)s;

-- name: limit_queue
-- What began stays counted as long as there is a rate.
INSERT INTO woflo.queues VALUES (%(name)s, %(max_concurrency)s, %(max_per_key)s, %(rate_limit)s, false, '[]', NULL)
ON CONFLICT (name) DO UPDATE SET
    max_concurrency = excluded.max_concurrency, max_per_key = excluded.max_per_key, rate_limit = excluded.rate_limit,
    starts = CASE WHEN excluded.rate_limit IS NULL THEN '[]' ELSE queues.starts END,
    next_at = NULL;

-- name: pause_queue
INSERT INTO woflo.queues VALUES (%(name)s, NULL, NULL, NULL, %(is_paused)s, '[]', NULL)
ON CONFLICT (name) DO UPDATE SET is_paused = excluded.is_paused;

-- name: forget_queue
-- Where nothing is set for it any more.
DELETE FROM woflo.queues
WHERE name = %(name)s
    AND max_concurrency IS NULL AND max_per_key IS NULL AND rate_limit IS NULL AND is_paused = false;

-- name: all_queues
SELECT name, max_concurrency, max_per_key, rate_limit, is_paused, starts, next_at FROM woflo.queues ORDER BY name;

-- name: pause_schedule
INSERT INTO woflo.paused_schedules VALUES (%(task)s) ON CONFLICT DO NOTHING;

-- name: resume_schedule
DELETE FROM woflo.paused_schedules WHERE task = %(task)s;

-- name: paused_schedules
SELECT task FROM woflo.paused_schedules ORDER BY task;
