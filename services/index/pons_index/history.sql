-- What the store did, for a week (see history.py).

-- name: history_due
-- The last whole minute of the database's clock, whether it has a point, and seconds to the next.
SELECT minute, EXISTS (SELECT FROM history WHERE step = 60 AND at = minute) AS kept,
    60 - extract(second FROM now())::float8 AS seconds
FROM (SELECT date_trunc('minute', now()) - interval '1 minute' AS minute) AS last;

-- name: forget_history
-- Points that are too old, and those of a clock that ran ahead and was set back.
DELETE FROM history
WHERE at > now()
    OR step = 600 AND at < now() - interval '7 days';

-- name: roll_up_history
-- The minutes of yesterday and before become points of ten minutes.
WITH old AS (
    DELETE FROM history
    WHERE step = 60 AND at < date_bin('10 minutes', now() - interval '1 day', 'epoch'::timestamptz)
    RETURNING *
)
INSERT INTO history (
    step, at, seconds, received, received_bytes, settled, studies, instances, stored_size, free,
    queue, lag, jobs_waiting, jobs_failed
)
SELECT
    600, date_bin('10 minutes', at, 'epoch'::timestamptz) AS begins, sum(seconds), sum(received),
    sum(received_bytes), true, (array_agg(studies ORDER BY at DESC))[1],
    (array_agg(instances ORDER BY at DESC))[1], (array_agg(stored_size ORDER BY at DESC))[1],
    (array_agg(free ORDER BY at DESC))[1], max(queue), max(lag), max(jobs_waiting),
    max(jobs_failed)
FROM old
GROUP BY begins
ON CONFLICT (step, at) DO UPDATE
SET seconds = least(600, history.seconds + excluded.seconds),
    received = history.received + excluded.received,
    received_bytes = history.received_bytes + excluded.received_bytes,
    studies = excluded.studies, instances = excluded.instances,
    stored_size = excluded.stored_size, free = excluded.free,
    queue = greatest(history.queue, excluded.queue), lag = greatest(history.lag, excluded.lag),
    jobs_waiting = greatest(history.jobs_waiting, excluded.jobs_waiting),
    jobs_failed = greatest(history.jobs_failed, excluded.jobs_failed);

-- piece: received
-- Instances whose objects were made from $1 to before $2, which their keys tell, as well as which of them did not come from outside (those are odd).
SELECT count(*) AS instances, coalesce(sum(size), 0)::bigint AS bytes
FROM instances
WHERE object_key >= $1 AND object_key < $2 AND get_byte(uuid_send(object_key), 15) % 2 = 0

-- name: keep_history
-- The point of a minute, unless somebody was faster.
INSERT INTO history
SELECT 60, $3::timestamptz, 60, new.instances, new.bytes, false, totals.studies, totals.instances,
    totals.stored_size, $4::bigint, $5::bigint, $6::real, $7::integer, $8::integer
FROM totals, ({received}) AS new
ON CONFLICT (step, at) DO NOTHING;

-- name: unsettled_history
-- Minutes before $1 for which something may have come late, oldest first.
SELECT at FROM history WHERE step = 60 AND NOT settled AND at < $1 ORDER BY at LIMIT $2;

-- name: settle_history
-- Count the minute $3 again, for good.
UPDATE history SET received = new.instances, received_bytes = new.bytes, settled = true
FROM ({received}) AS new
WHERE step = 60 AND at = $3;
