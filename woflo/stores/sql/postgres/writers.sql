-- What a transaction needs beside its operations: rows locked in one order, and what tells whether it was kept.

-- name: lock_runs
-- Before anything is written about them, in the order of their ids: then two that write about the same runs do not
-- wait for each other. The end of one of `ending` is told to the run that called it. What `held` finds comes with them.
SELECT id, worker, fence, parent_id, stop_requested
FROM woflo.runs
WHERE id = ANY(ARRAY(
    SELECT json_array_elements_text(%(ids)s::json)
    UNION
    SELECT parent_id
    FROM woflo.runs
    WHERE id = ANY(ARRAY(SELECT json_array_elements_text(%(ending)s::json)))
))
ORDER BY id
FOR UPDATE;

-- name: lock_trees
-- The same for runs with all below them, and the ones that called them.
WITH RECURSIVE below (id, parent_id) AS (
    SELECT id, parent_id FROM woflo.runs WHERE id = ANY(ARRAY(SELECT json_array_elements_text(%(roots)s::json)))
    UNION
    SELECT runs.id, runs.parent_id FROM woflo.runs JOIN below ON runs.parent_id = below.id
)
SELECT id
FROM woflo.runs
WHERE id = ANY(ARRAY(SELECT id FROM below UNION SELECT parent_id FROM below))
ORDER BY id
FOR UPDATE;

-- name: count_transaction
-- The last statement of a transaction. Where the connection is lost before the server says that it was kept, the
-- number tells.
INSERT INTO woflo.writers (id, transactions, written_at) VALUES (%(writer)s, %(number)s, now())
ON CONFLICT (id) DO UPDATE SET transactions = excluded.transactions, written_at = excluded.written_at;

-- name: last_transaction
-- The number of the last one that was kept. One that is still going on is waited for.
INSERT INTO woflo.writers (id, transactions, written_at) VALUES (%(writer)s, 0, now())
ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at
RETURNING transactions;

-- name: lend
-- From here on the transaction cannot be kept, until it is taken back.
INSERT INTO woflo.writers (id, transactions, written_at, lent_to) VALUES (%(writer)s, %(number)s, now(), '')
ON CONFLICT (id) DO UPDATE
SET transactions = excluded.transactions, written_at = excluded.written_at, lent_to = excluded.lent_to;

-- name: plan_as_usual
-- What users ask for need not have an index.
SELECT set_config(name, 'on', true)
FROM (VALUES ('enable_seqscan'), ('enable_hashjoin'), ('enable_mergejoin')) AS settings (name);

-- name: take_back
-- Nothing where the user has ended the transaction.
UPDATE woflo.writers SET lent_to = NULL WHERE id = %(writer)s AND transactions = %(number)s AND lent_to = '';

-- name: notify
-- Those who listen are told when the transaction is kept.
SELECT pg_notify(%(channel)s, '');

-- name: forget_writer
DELETE FROM woflo.writers WHERE id = %(writer)s;

-- name: forget_writers
-- Those of processes that were killed. One that lives is there again with its next transaction.
DELETE FROM woflo.writers
WHERE id = ANY(ARRAY(
    SELECT id FROM woflo.writers WHERE written_at < now() - interval '1 day' FOR UPDATE SKIP LOCKED
));

-- name: own_backend
-- The server's process behind this connection, and when it began.
SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid();

-- name: end_backend
-- The process of a connection that was lost: it may hold rows locked, and be about to commit.
SELECT pg_terminate_backend(pid, %(patience)s)
FROM pg_stat_activity
WHERE pid = %(pid)s::integer AND backend_start = %(start)s::timestamptz;

-- name: save
-- One operation after the other, each taken back by itself where it fails.
SAVEPOINT operation;

-- name: go_back
ROLLBACK TO operation;
