-- What is found again, taken away, and moved to another store.

-- name: add_tag
INSERT INTO tags VALUES (?, ?, ?) ON CONFLICT (run_id, name) DO UPDATE SET value = excluded.value;

-- name: trees
-- These runs and all below them: which run each belongs to, and how deep it is there.
WITH RECURSIVE below (root, id, depth) AS (
    SELECT id, id, 0 FROM runs WHERE id IN (SELECT value FROM json_each(:ids))
    UNION ALL
    SELECT below.root, runs.id, below.depth + 1 FROM runs JOIN below ON runs.parent_id = below.id
)
SELECT below.root, below.depth, runs.*
FROM below JOIN runs ON runs.id = below.id
ORDER BY below.root, below.depth, runs.id;

-- name: drop_runs
DELETE FROM runs WHERE id IN (SELECT value FROM json_each(:ids));

-- name: drop_signals
DELETE FROM signals WHERE run_id IN (SELECT value FROM json_each(:ids));

-- name: drop_published
DELETE FROM published WHERE run_id IN (SELECT value FROM json_each(:ids));

-- name: drop_tags
DELETE FROM tags WHERE run_id IN (SELECT value FROM json_each(:ids));

-- name: add_signal
INSERT INTO signals (id, run_id, name, value, sent_at, taken_by) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING;
