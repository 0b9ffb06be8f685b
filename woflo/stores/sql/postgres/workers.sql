-- Workers, and what becomes of their runs when they are gone. A run that was asked to stop ends with the claim.

-- name: worker_there
INSERT INTO woflo.workers VALUES (%(id)s, %(host)s, %(pid)s, %(lease_until)s)
ON CONFLICT (id) DO UPDATE SET host = excluded.host, pid = excluded.pid, lease_until = excluded.lease_until;

-- name: worker_lives
-- Nothing where it is not known.
UPDATE woflo.workers SET host = %(host)s, pid = %(pid)s, lease_until = %(lease_until)s WHERE id = %(id)s;

-- name: worker_gone
DELETE FROM woflo.workers WHERE id = %(id)s;

-- name: workers_dead
DELETE FROM woflo.workers
WHERE lease_until < %(now)s OR id = ANY(ARRAY(SELECT json_array_elements_text(%(dead)s::json)));

-- name: give_back_all
UPDATE woflo.runs
SET state = CASE WHEN stop_requested THEN 'STOPPED' ELSE 'PENDING' END,
    worker = NULL,
    attempt = attempt - 1,
    run_after = CASE WHEN stop_requested THEN NULL ELSE run_after END,
    waits_for = CASE WHEN stop_requested THEN '[]' ELSE waits_for END,
    finished_at = CASE WHEN stop_requested THEN %(now)s ELSE finished_at END
WHERE worker = %(worker)s
RETURNING id, parent_id, state;

-- name: lost
-- The claims that nobody holds who is known to live. What somebody writes about at the moment is left to the next look.
SELECT id, worker, fence
FROM woflo.runs
WHERE worker IS NOT NULL AND worker NOT IN (SELECT id FROM woflo.workers)
ORDER BY id
FOR UPDATE SKIP LOCKED;

-- name: free_lost
-- Those that were found lost, unless a worker got one that began only while they were looked for. One at whose death
-- too many workers died waits for a decision.
UPDATE woflo.runs
SET state = CASE
        WHEN stop_requested THEN 'STOPPED'
        WHEN deaths + %(death)s::int >= %(suspect_deaths)s THEN 'WAITING'
        ELSE 'PENDING'
    END,
    reason = CASE WHEN deaths + %(death)s::int >= %(suspect_deaths)s THEN %(suspect)s ELSE %(lost)s::text END,
    deaths = deaths + %(death)s::int,
    worker = NULL,
    attempt = attempt - 1,
    run_after = CASE WHEN stop_requested THEN NULL ELSE run_after END,
    waits_for = CASE WHEN stop_requested THEN '[]' ELSE waits_for END,
    finished_at = CASE WHEN stop_requested THEN %(now)s ELSE finished_at END
WHERE id = ANY(ARRAY(SELECT json_array_elements_text(%(ids)s::json)))
    AND worker NOT IN (SELECT id FROM woflo.workers)
RETURNING id, parent_id, state;
