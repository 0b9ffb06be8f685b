-- Large values.

-- name: add_blob
-- Nothing where it is there already.
INSERT INTO woflo.blobs VALUES (%(name)s, %(now)s) ON CONFLICT DO NOTHING;

-- name: touch_blob
UPDATE woflo.blobs SET kept_at = greatest(kept_at, %(now)s) WHERE name = %(name)s;

-- name: add_chunk
INSERT INTO woflo.chunks VALUES (%(name)s, %(number)s, %(text)s);

-- name: blob_chunks
SELECT text FROM woflo.chunks WHERE name = %(blob)s ORDER BY number;

-- name: all_blobs
SELECT name, kept_at FROM woflo.blobs;

-- name: old_blobs
SELECT 1 FROM woflo.blobs WHERE kept_at < %(before)s LIMIT 1;

-- name: sweep_blobs
-- Those that nothing names. It looks at every run, and is asked only where there are old ones.
DELETE FROM woflo.blobs
WHERE kept_at < %(before)s AND name NOT IN (
    SELECT args FROM woflo.runs WHERE substr(args, 1, 5) = 'blob:'
    UNION ALL SELECT result FROM woflo.runs WHERE substr(result, 1, 5) = 'blob:'
    UNION ALL SELECT error FROM woflo.runs WHERE substr(error, 1, 5) = 'blob:'
    UNION ALL SELECT value FROM woflo.signals WHERE substr(value, 1, 5) = 'blob:'
    UNION ALL SELECT value FROM woflo.published WHERE substr(value, 1, 5) = 'blob:'
)
RETURNING name;

-- name: sweep_chunks
DELETE FROM woflo.chunks WHERE name NOT IN (SELECT name FROM woflo.blobs);
