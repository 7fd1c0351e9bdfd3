-- Whose turn it is (see turns.py).

-- name: try_turn
-- The turn of one index, until its transaction ends; the others pass.
SELECT pg_try_advisory_xact_lock($1);
