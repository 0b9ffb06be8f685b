-- Limits and pauses of queues that hold across workers, and pauses of schedules.

ALTER TABLE woflo.runs ADD COLUMN limit_key TEXT;

DROP INDEX woflo.runs_ready;

CREATE INDEX runs_ready ON woflo.runs (queue, priority DESC, id, task, limit_key)
WHERE state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL;

CREATE TABLE woflo.queues (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    max_concurrency INTEGER CHECK (max_concurrency > 0),
    max_per_key INTEGER CHECK (max_per_key > 0),
    rate_limit TEXT,
    is_paused BOOLEAN NOT NULL,
    starts TEXT NOT NULL,
    next_at DOUBLE PRECISION
);

CREATE TABLE woflo.paused_schedules (task TEXT COLLATE "C" NOT NULL PRIMARY KEY);
