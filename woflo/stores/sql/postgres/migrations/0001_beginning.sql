-- The first version. The tables are described in schema.sql.

CREATE TABLE woflo.runs (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    task TEXT COLLATE "C" NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'PENDING', 'RUNNING', 'RETRYING', 'WAITING', 'SUCCEEDED', 'FAILED', 'STOPPED', 'SKIPPED', 'UPSTREAM_FAILED'
    )),
    queue TEXT COLLATE "C",
    parent_id TEXT COLLATE "C",
    scope TEXT NOT NULL,
    position BIGINT,
    key TEXT COLLATE "C",
    priority BIGINT NOT NULL,
    reason TEXT,
    args TEXT NOT NULL,
    digest TEXT NOT NULL,
    result TEXT,
    error TEXT,
    attempt INTEGER NOT NULL,
    deaths INTEGER NOT NULL,
    run_after DOUBLE PRECISION,
    waits_for TEXT NOT NULL CHECK (jsonb_typeof(waits_for::jsonb) = 'array'),
    stop_requested BOOLEAN NOT NULL,
    worker TEXT COLLATE "C" CHECK (worker IS NULL OR state = 'RUNNING'),
    fence BIGINT NOT NULL,
    continues TEXT,
    created_at DOUBLE PRECISION NOT NULL,
    started_at DOUBLE PRECISION,
    finished_at DOUBLE PRECISION
);

CREATE INDEX runs_ready ON woflo.runs (queue, priority DESC, id, task)
WHERE state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL;

CREATE INDEX runs_due ON woflo.runs (run_after) WHERE run_after IS NOT NULL;

CREATE UNIQUE INDEX runs_key ON woflo.runs (task, key) WHERE key IS NOT NULL;

CREATE INDEX runs_parent ON woflo.runs (parent_id, id) WHERE parent_id IS NOT NULL;

CREATE INDEX runs_outermost ON woflo.runs (id) WHERE parent_id IS NULL;

CREATE INDEX runs_worker ON woflo.runs (worker) WHERE worker IS NOT NULL;

CREATE TABLE woflo.signals (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    run_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    sent_at DOUBLE PRECISION NOT NULL,
    taken_by TEXT
);

CREATE INDEX signals_new ON woflo.signals (run_id, name, number) WHERE taken_by IS NULL;

CREATE TABLE woflo.workers (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    lease_until DOUBLE PRECISION NOT NULL
);

CREATE TABLE woflo.published (
    run_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
);

CREATE TABLE woflo.writers (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    transactions BIGINT NOT NULL,
    written_at TIMESTAMPTZ NOT NULL,
    lent_to TEXT COLLATE "C" REFERENCES woflo.writers (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE woflo.version (number INTEGER NOT NULL);
