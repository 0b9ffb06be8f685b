-- The first version. The tables are described in schema.sql.

CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    task TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'PENDING', 'RUNNING', 'RETRYING', 'WAITING', 'SUCCEEDED', 'FAILED', 'STOPPED', 'SKIPPED', 'UPSTREAM_FAILED'
    )),
    queue TEXT,
    parent_id TEXT,
    scope TEXT NOT NULL,
    position INTEGER,
    key TEXT,
    priority INTEGER NOT NULL,
    reason TEXT,
    args TEXT NOT NULL,
    digest TEXT NOT NULL,
    result TEXT,
    error TEXT,
    attempt INTEGER NOT NULL,
    deaths INTEGER NOT NULL,
    run_after REAL,
    waits_for TEXT NOT NULL,
    stop_requested INTEGER NOT NULL CHECK (stop_requested IN (0, 1)),
    worker TEXT CHECK (worker IS NULL OR state = 'RUNNING'),
    fence INTEGER NOT NULL,
    continues TEXT,
    created_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL
);

CREATE INDEX runs_ready ON runs (queue, priority DESC, id, task)
WHERE state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL;

CREATE INDEX runs_due ON runs (run_after) WHERE run_after IS NOT NULL;

CREATE UNIQUE INDEX runs_key ON runs (task, key) WHERE key IS NOT NULL;

CREATE INDEX runs_parent ON runs (parent_id, id);

CREATE INDEX runs_worker ON runs (worker) WHERE worker IS NOT NULL;

CREATE TABLE signals (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    sent_at REAL NOT NULL,
    taken_by TEXT
);

CREATE INDEX signals_new ON signals (run_id, name, number) WHERE taken_by IS NULL;

CREATE TABLE workers (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    lease_until REAL NOT NULL
);

CREATE TABLE published (
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
) WITHOUT ROWID;
