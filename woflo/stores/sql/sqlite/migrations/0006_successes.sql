-- How targets of scripts and tasks were made last.

CREATE TABLE successes (
    target TEXT NOT NULL PRIMARY KEY,
    task TEXT NOT NULL,
    run_id TEXT NOT NULL,
    made_at REAL NOT NULL,
    record TEXT NOT NULL
);
