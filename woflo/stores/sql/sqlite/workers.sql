-- Workers, and what becomes of their runs when they are gone. A run that was asked to stop ends with the claim.

-- name: worker_there
INSERT INTO workers VALUES (:id, :host, :pid, :lease_until)
ON CONFLICT (id) DO UPDATE SET host = excluded.host, pid = excluded.pid, lease_until = excluded.lease_until;

-- name: worker_lives
-- Nothing where it is not known.
UPDATE workers SET host = :host, pid = :pid, lease_until = :lease_until WHERE id = :id;

-- name: worker_gone
DELETE FROM workers WHERE id = :id;

-- name: workers_dead
DELETE FROM workers WHERE lease_until < :now OR id IN (SELECT value FROM json_each(:dead));

-- name: give_back_all
UPDATE runs
SET state = CASE stop_requested WHEN 1 THEN 'STOPPED' ELSE 'PENDING' END,
    worker = NULL,
    attempt = attempt - 1,
    run_after = CASE stop_requested WHEN 1 THEN NULL ELSE run_after END,
    waits_for = CASE stop_requested WHEN 1 THEN '[]' ELSE waits_for END,
    finished_at = CASE stop_requested WHEN 1 THEN :now ELSE finished_at END
WHERE worker = :worker
RETURNING id, parent_id, state;

-- name: lost
-- The claims that nobody holds who is known to live.
SELECT id, worker, fence FROM runs WHERE worker IS NOT NULL AND worker NOT IN (SELECT id FROM workers);

-- name: free_lost
-- Those that were found lost. One at whose death too many workers died waits for a decision.
UPDATE runs
SET state = CASE
        WHEN stop_requested = 1 THEN 'STOPPED'
        WHEN deaths + :death >= :suspect_deaths THEN 'WAITING'
        ELSE 'PENDING'
    END,
    reason = CASE WHEN deaths + :death >= :suspect_deaths THEN :suspect ELSE :lost END,
    deaths = deaths + :death,
    worker = NULL,
    attempt = attempt - 1,
    run_after = CASE stop_requested WHEN 1 THEN NULL ELSE run_after END,
    waits_for = CASE stop_requested WHEN 1 THEN '[]' ELSE waits_for END,
    finished_at = CASE stop_requested WHEN 1 THEN :now ELSE finished_at END
WHERE id IN (SELECT value FROM json_each(:ids))
RETURNING id, parent_id, state;
