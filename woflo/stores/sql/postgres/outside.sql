-- Writes of those who do not hold the run.

-- name: signal_is_there
SELECT 1 FROM woflo.signals WHERE id = %(id)s;

-- name: send_signal
INSERT INTO woflo.signals (id, run_id, name, value, sent_at)
VALUES (%(id)s, %(run_id)s, %(name)s, %(value)s, %(now)s);

-- name: run_and_all_below
-- From the deepest on: who is stopped first may wake the one that called it.
WITH RECURSIVE below (id, depth) AS (
    SELECT id, 0 FROM woflo.runs WHERE id = %(id)s
    UNION ALL
    SELECT runs.id, below.depth + 1 FROM woflo.runs JOIN below ON runs.parent_id = below.id
)
SELECT runs.id, runs.state, runs.queue, runs.parent_id
FROM below JOIN woflo.runs ON runs.id = below.id
ORDER BY below.depth DESC, below.id
FOR UPDATE OF runs;

-- name: ask_to_stop
UPDATE woflo.runs SET stop_requested = TRUE WHERE id = %(id)s;

-- name: stop_run
UPDATE woflo.runs
SET state = 'STOPPED', error = %(error)s, stop_requested = TRUE,
    worker = NULL, run_after = NULL, waits_for = '[]', finished_at = %(now)s
WHERE id = %(id)s;

-- name: wake
UPDATE woflo.runs
SET state = 'PENDING', waits_for = '[]', run_after = NULL, reason = NULL, deaths = 0
WHERE id = %(id)s AND state = 'WAITING';

-- name: hand_over
-- Another run takes the key of this one, which has ended.
UPDATE woflo.runs SET key = NULL, reason = %(reason)s WHERE id = %(id)s;
