-- Limits and pauses of queues that hold across workers, and pauses of schedules.

ALTER TABLE runs ADD COLUMN limit_key TEXT;

DROP INDEX runs_ready;

CREATE INDEX runs_ready ON runs (queue, priority DESC, id, task, limit_key)
WHERE state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL;

CREATE TABLE queues (
    name TEXT NOT NULL PRIMARY KEY,
    max_concurrency INTEGER CHECK (max_concurrency > 0),
    max_per_key INTEGER CHECK (max_per_key > 0),
    rate_limit TEXT,
    is_paused INTEGER NOT NULL CHECK (is_paused IN (0, 1)),
    starts TEXT NOT NULL,
    next_at REAL
);

CREATE TABLE paused_schedules (task TEXT NOT NULL PRIMARY KEY);
