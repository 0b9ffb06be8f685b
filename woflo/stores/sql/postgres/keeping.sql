-- What is found again, taken away, and moved to another store.

-- name: add_tag
INSERT INTO woflo.tags VALUES (%s, %s, %s) ON CONFLICT (run_id, name) DO UPDATE SET value = excluded.value;

-- name: trees
-- These runs and all below them: which run each belongs to, and how deep it is there.
WITH RECURSIVE below (root, id, depth) AS (
    SELECT id, id, 0 FROM woflo.runs WHERE id = ANY(ARRAY(SELECT json_array_elements_text(%(ids)s::json)))
    UNION ALL
    SELECT below.root, runs.id, below.depth + 1 FROM woflo.runs JOIN below ON runs.parent_id = below.id
)
SELECT below.root, below.depth, runs.*
FROM below JOIN woflo.runs ON runs.id = below.id
ORDER BY below.root, below.depth, runs.id
FOR UPDATE OF runs;

-- name: drop_runs
DELETE FROM woflo.runs WHERE id = ANY(ARRAY(SELECT json_array_elements_text(%(ids)s::json)));

-- name: drop_signals
DELETE FROM woflo.signals WHERE run_id = ANY(ARRAY(SELECT json_array_elements_text(%(ids)s::json)));

-- name: drop_published
DELETE FROM woflo.published WHERE run_id = ANY(ARRAY(SELECT json_array_elements_text(%(ids)s::json)));

-- name: drop_tags
DELETE FROM woflo.tags WHERE run_id = ANY(ARRAY(SELECT json_array_elements_text(%(ids)s::json)));

-- name: add_signal
INSERT INTO woflo.signals (id, run_id, name, value, sent_at, taken_by) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO NOTHING;
