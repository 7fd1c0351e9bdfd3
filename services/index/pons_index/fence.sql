-- Which database works on the objects (see fence.py).

-- name: begin_fence
-- The one row, if it is not there yet.
INSERT INTO fence DEFAULT VALUES ON CONFLICT DO NOTHING;

-- name: hold_fence
-- The row, held, so that replicas read and write the note one after the other.
SELECT token, before, disputed_at IS NOT NULL AS disputed, rival FROM fence FOR UPDATE;

-- name: read_fence
-- The row as it is.
SELECT token, before, disputed_at IS NOT NULL AS disputed, rival FROM fence;

-- name: raise_fence
-- A new token, in place of what the note says now; $3: that was another's.
UPDATE fence
SET token = $1, before = $2, disputed_at = CASE WHEN $3 THEN now() ELSE disputed_at END, rival = $4;

-- name: stand_fence
-- The note says what it should; a dispute that has rested for so long is over. Clocks may be set back.
UPDATE fence
SET disputed_at = CASE
        WHEN disputed_at < now() - $1::interval THEN NULL ELSE least(disputed_at, now())
    END,
    rival = CASE WHEN disputed_at < now() - $1::interval THEN '' ELSE rival END
RETURNING rival;
