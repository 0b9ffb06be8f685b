-- Writes of those who do not hold the run.

-- name: signal_is_there
SELECT 1 FROM signals WHERE id = :id;

-- name: send_signal
INSERT INTO signals (id, run_id, name, value, sent_at) VALUES (:id, :run_id, :name, :value, :now);

-- name: run_and_all_below
-- From the deepest on: who is stopped first may wake the one that called it.
WITH RECURSIVE below (id, depth) AS (
    SELECT id, 0 FROM runs WHERE id = :id
    UNION ALL
    SELECT runs.id, below.depth + 1 FROM runs JOIN below ON runs.parent_id = below.id
)
SELECT runs.id, runs.state, runs.queue, runs.parent_id
FROM below JOIN runs ON runs.id = below.id
ORDER BY below.depth DESC, below.id;

-- name: ask_to_stop
UPDATE runs SET stop_requested = 1 WHERE id = :id;

-- name: stop_run
UPDATE runs
SET state = 'STOPPED', error = :error, stop_requested = 1,
    worker = NULL, run_after = NULL, waits_for = '[]', finished_at = :now
WHERE id = :id;

-- name: wake
UPDATE runs
SET state = 'PENDING', waits_for = '[]', run_after = NULL, reason = NULL, deaths = 0
WHERE id = :id AND state = 'WAITING';

-- name: hand_over
-- Another run takes the key of this one, which has ended.
UPDATE runs SET key = NULL, reason = :reason WHERE id = :id;
