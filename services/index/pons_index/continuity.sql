-- Whether database and streams are those of before (see continuity.py).

-- name: begin_continuity
-- The one row, if it is not there yet.
INSERT INTO continuity DEFAULT VALUES ON CONFLICT DO NOTHING;

-- name: read_continuity
-- What was seen last; no beats: nothing yet.
SELECT beats, stream_created, stream_last, safe_at, comparing FROM continuity;

-- name: set_continuity
-- What is there now is what later beats compare with.
UPDATE continuity
SET beats = greatest(beats, $1), stream_created = $2, stream_last = $3,
    comparing = CASE WHEN $4 = '' THEN comparing ELSE $4 END, suspected = suspected + 1;

-- name: suspect
-- What was announced last may be lost.
UPDATE continuity SET suspected = suspected + 1;

-- name: read_suspicions
-- How often that was so, and after how many of them objects have been compared.
SELECT suspected, compared FROM continuity;

-- name: end_suspicions
-- Objects have been compared with the index after so many of them.
UPDATE continuity SET compared = greatest(compared, $1);

-- name: beat
-- One beat more, if this still is the database that this process saw. Nothing is safe that was not so before, as long as announcements may be lost: whoever looks for them, perhaps after another died at it, looks from there on.
UPDATE continuity
SET beats = beats + 1, stream_last = greatest(stream_last, $2),
    safe_at = CASE WHEN compared < suspected THEN safe_at ELSE coalesce($3, safe_at) END,
    beaten_at = clock_timestamp()
WHERE beats >= $1
RETURNING beats, compared < suspected AS suspicious;

-- name: end_comparison
-- All objects have been compared with the index.
UPDATE continuity SET comparing = '';

-- name: read_last_change
-- The last number of the change log.
SELECT last_change FROM totals;

-- name: raise_last_change
-- The numbers of the change log go on after the last one that was ever given.
UPDATE totals SET last_change = $1 WHERE last_change < $1;
