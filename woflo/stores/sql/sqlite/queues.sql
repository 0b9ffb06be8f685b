-- Queues for which something is set, and schedules that are paused.

-- name: lock_queue
-- What is set for a queue. Whoever claims from it comes one after the other.
SELECT name, max_concurrency, max_per_key, rate_limit, is_paused, starts, next_at
FROM queues
WHERE name = :name;

-- name: under_way
-- How many of its runs workers have, by their keys. They are found by who has them: those are few.
SELECT limit_key, count(*) FROM runs WHERE worker IS NOT NULL AND queue = :queue GROUP BY limit_key;

-- name: ready_in_limited_queue
-- Behind one that was found before, and without those of keys for which there is no place.
SELECT priority, id, limit_key
FROM runs INDEXED BY runs_ready
WHERE queue = :queue
    AND state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL
    AND task IN (SELECT value FROM json_each(:tasks))
    AND (limit_key IS NULL OR limit_key NOT IN (SELECT value FROM json_each(:full)))
    AND priority <= :priority AND (priority < :priority OR id > :id)
ORDER BY priority DESC, id
LIMIT :limit;

-- name: queue_started
UPDATE queues SET starts = :starts, next_at = :next_at WHERE name = :name;

-- name: limit_queue
-- What began stays counted as long as there is a rate.
INSERT INTO queues VALUES (:name, :max_concurrency, :max_per_key, :rate_limit, 0, '[]', NULL)
ON CONFLICT (name) DO UPDATE SET
    max_concurrency = excluded.max_concurrency, max_per_key = excluded.max_per_key, rate_limit = excluded.rate_limit,
    starts = CASE WHEN excluded.rate_limit IS NULL THEN '[]' ELSE queues.starts END,
    next_at = NULL;

-- name: pause_queue
INSERT INTO queues VALUES (:name, NULL, NULL, NULL, :is_paused, '[]', NULL)
ON CONFLICT (name) DO UPDATE SET is_paused = excluded.is_paused;

-- name: forget_queue
-- Where nothing is set for it any more.
DELETE FROM queues
WHERE name = :name
    AND max_concurrency IS NULL AND max_per_key IS NULL AND rate_limit IS NULL AND is_paused = 0;

-- name: all_queues
SELECT name, max_concurrency, max_per_key, rate_limit, is_paused, starts, next_at FROM queues ORDER BY name;

-- name: pause_schedule
INSERT INTO paused_schedules VALUES (:task) ON CONFLICT DO NOTHING;

-- name: resume_schedule
DELETE FROM paused_schedules WHERE task = :task;

-- name: paused_schedules
SELECT task FROM paused_schedules ORDER BY task;
