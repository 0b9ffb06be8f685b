-- What a database of woflo holds, in its present version. It is made by the files in `migrations`, one after the
-- other; a test proves that they lead here. Read it with any tool; change it through woflo, because workers count
-- on what stands in these tables.
--
-- Times are seconds since the epoch. Values (args, result, error, a signal's and a published value) are JSON texts.

-- Everything that was called: workflows, their steps, queued calls.
CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    task TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'PENDING', 'RUNNING', 'RETRYING', 'WAITING', 'SUCCEEDED', 'FAILED', 'STOPPED', 'SKIPPED', 'UPSTREAM_FAILED'
    )),
    -- Whose workers may claim it; null for what only its parent executes.
    queue TEXT,
    -- The run that called it, the branch of the parent in which that was, and its place among the calls there.
    parent_id TEXT,
    scope TEXT NOT NULL,
    position INTEGER,
    -- Unique for the task.
    key TEXT,
    -- Higher is claimed first, equal ones in the order of their ids.
    priority INTEGER NOT NULL,
    -- Why it waits, or was given back.
    reason TEXT,
    args TEXT NOT NULL,
    -- Of the arguments.
    digest TEXT NOT NULL,
    result TEXT,
    error TEXT,
    -- The attempt under way, or the last one; and how many workers died while it was under way.
    attempt INTEGER NOT NULL,
    deaths INTEGER NOT NULL,
    -- Not before this time; null for at once.
    run_after REAL,
    -- A JSON array of what wakes it while it is WAITING: 'signal:NAME', 'run:ID'.
    waits_for TEXT NOT NULL,
    stop_requested INTEGER NOT NULL CHECK (stop_requested IN (0, 1)),
    -- Who executes it, and how often it was claimed: each write of a worker carries both.
    worker TEXT CHECK (worker IS NULL OR state = 'RUNNING'),
    fence INTEGER NOT NULL,
    -- The run whose successor it is.
    continues TEXT,
    created_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    -- A JSON object of the options that were given with the call, for whoever executes it.
    options TEXT,
    -- What it counts for where its queue limits how many runs of one key are under way.
    limit_key TEXT
);

-- What workers may claim, in their order: as quick with a million of them as with one.
CREATE INDEX runs_ready ON runs (queue, priority DESC, id, task, limit_key)
WHERE state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL;

-- What waits for its time.
CREATE INDEX runs_due ON runs (run_after) WHERE run_after IS NOT NULL;

CREATE UNIQUE INDEX runs_key ON runs (task, key) WHERE key IS NOT NULL;

-- The steps of a run; and, without a parent, what was called from outside.
CREATE INDEX runs_parent ON runs (parent_id, id);

-- What a worker holds.
CREATE INDEX runs_worker ON runs (worker) WHERE worker IS NOT NULL;

-- Values sent to runs from outside, in the order of `number`. `taken_by` is the step that received it.
CREATE TABLE signals (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    sent_at REAL NOT NULL,
    taken_by TEXT
);

-- Those that nobody took.
CREATE INDEX signals_new ON signals (run_id, name, number) WHERE taken_by IS NULL;

-- All that was sent to a run.
CREATE INDEX signals_of ON signals (run_id);

-- What runs are found by besides task and key. Those that have none have no row here.
CREATE TABLE tags (
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
) WITHOUT ROWID;

-- The runs of a tag.
CREATE INDEX tags_found ON tags (name, value, run_id);

-- The processes that execute runs, and until when what they hold is theirs without another sign of life.
CREATE TABLE workers (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    lease_until REAL NOT NULL
);

-- What runs show of themselves while they are under way: the last value of each name.
CREATE TABLE published (
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
) WITHOUT ROWID;

-- Values over a megabyte: a row has their names, `blob:DIGEST:CHARACTERS`, in their place. When each was kept last.
CREATE TABLE blobs (
    name TEXT NOT NULL PRIMARY KEY,
    kept_at REAL NOT NULL
);

-- What they are, in parts that are numbered from 0.
CREATE TABLE chunks (
    name TEXT NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (name, number)
);

-- What is set for queues, for all their workers. One that is not here has neither limits nor a pause.
CREATE TABLE queues (
    name TEXT NOT NULL PRIMARY KEY,
    -- How many of its runs are under way at the same time, and how many of those with one `limit_key`.
    max_concurrency INTEGER CHECK (max_concurrency > 0),
    max_per_key INTEGER CHECK (max_per_key > 0),
    -- How many may begin in a period, as '10/s'.
    rate_limit TEXT,
    is_paused INTEGER NOT NULL CHECK (is_paused IN (0, 1)),
    -- A JSON array of times and how many began then, as far as the rate counts them; and when the next may begin.
    starts TEXT NOT NULL,
    next_at REAL
);

-- The tasks whose schedules make no calls at the moment.
CREATE TABLE paused_schedules (task TEXT NOT NULL PRIMARY KEY);

-- How files, and what else scripts and tasks make, were made last: whoever is to make them again can tell whether
-- they are up to date. `record` is a JSON object: the command, what it read and what it wrote.
CREATE TABLE successes (
    target TEXT NOT NULL PRIMARY KEY,
    task TEXT NOT NULL,
    run_id TEXT NOT NULL,
    made_at REAL NOT NULL,
    record TEXT NOT NULL
);
