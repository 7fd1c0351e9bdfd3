-- What the store did in the last week, of which the index keeps points.

-- name: history
-- Steps of $1 that are over, of the last $2, oldest first; those that nobody looked at have no seconds.
WITH known AS (
    SELECT date_bin($1::interval, at, 'epoch'::timestamptz) AS begins, sum(seconds)::integer AS seconds,
           sum(received)::bigint AS received, sum(received_bytes)::bigint AS received_bytes,
           (array_agg(studies ORDER BY at DESC))[1] AS studies,
           (array_agg(instances ORDER BY at DESC))[1] AS instances,
           (array_agg(stored_size ORDER BY at DESC))[1] AS stored_size,
           (array_agg(free ORDER BY at DESC))[1] AS free, max(queue) AS queue, max(lag) AS lag,
           max(jobs_waiting) AS jobs_waiting, max(jobs_failed) AS jobs_failed
      FROM history
     WHERE make_interval(secs => step) <= $1 AND at <= now()
       AND at >= date_bin($1, now() - $2::interval, 'epoch'::timestamptz)
     GROUP BY begins
)
SELECT extract(epoch FROM begins)::bigint AS at, known.*
  FROM generate_series(date_bin($1, now() - $2, 'epoch'::timestamptz),
                       date_bin($1, now(), 'epoch'::timestamptz) - $1, $1) AS begins
  LEFT JOIN known USING (begins)
 ORDER BY at
