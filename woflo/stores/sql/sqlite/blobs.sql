-- Large values.

-- name: add_blob
-- Nothing where it is there already.
INSERT INTO blobs VALUES (:name, :now) ON CONFLICT DO NOTHING;

-- name: touch_blob
UPDATE blobs SET kept_at = max(kept_at, :now) WHERE name = :name;

-- name: add_chunk
INSERT INTO chunks VALUES (:name, :number, :text);

-- name: blob_chunks
SELECT text FROM chunks WHERE name = :blob ORDER BY number;

-- name: all_blobs
SELECT name, kept_at FROM blobs;

-- name: old_blobs
SELECT 1 FROM blobs WHERE kept_at < :before LIMIT 1;

-- name: sweep_blobs
-- Those that nothing names. It looks at every run, and is asked only where there are old ones.
DELETE FROM blobs
WHERE kept_at < :before AND name NOT IN (
    SELECT args FROM runs WHERE substr(args, 1, 5) = 'blob:'
    UNION ALL SELECT result FROM runs WHERE substr(result, 1, 5) = 'blob:'
    UNION ALL SELECT error FROM runs WHERE substr(error, 1, 5) = 'blob:'
    UNION ALL SELECT value FROM signals WHERE substr(value, 1, 5) = 'blob:'
    UNION ALL SELECT value FROM published WHERE substr(value, 1, 5) = 'blob:'
)
RETURNING name;

-- name: sweep_chunks
DELETE FROM chunks WHERE name NOT IN (SELECT name FROM blobs);
