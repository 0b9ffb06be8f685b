-- Runs are found by tags, and taken away with all that is kept beside them.

CREATE TABLE tags (
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
) WITHOUT ROWID;

CREATE INDEX tags_found ON tags (name, value, run_id);

CREATE INDEX signals_of ON signals (run_id);
