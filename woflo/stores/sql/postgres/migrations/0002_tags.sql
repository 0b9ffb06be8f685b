-- Runs are found by tags, and taken away with all that is kept beside them.

CREATE TABLE woflo.tags (
    run_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (run_id, name)
);

CREATE INDEX tags_found ON woflo.tags (name, value, run_id);

CREATE INDEX signals_of ON woflo.signals (run_id);
