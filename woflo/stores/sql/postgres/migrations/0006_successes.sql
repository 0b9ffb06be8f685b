-- How targets of scripts and tasks were made last.

CREATE TABLE woflo.successes (
    target TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    task TEXT COLLATE "C" NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    made_at DOUBLE PRECISION NOT NULL,
    record TEXT NOT NULL
);
