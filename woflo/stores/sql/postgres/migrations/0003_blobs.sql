-- Large values stand beside the rows, each once.

CREATE TABLE woflo.blobs (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kept_at DOUBLE PRECISION NOT NULL
);

CREATE TABLE woflo.chunks (
    name TEXT COLLATE "C" NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (name, number)
);
