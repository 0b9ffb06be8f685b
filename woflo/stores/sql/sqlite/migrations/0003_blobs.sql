-- Large values stand beside the rows, each once.

CREATE TABLE blobs (
    name TEXT NOT NULL PRIMARY KEY,
    kept_at REAL NOT NULL
);

CREATE TABLE chunks (
    name TEXT NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (name, number)
);
