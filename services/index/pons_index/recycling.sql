-- What may be thrown away when the store is full, and what may not.

-- name: protect_patient
-- Take a patient out of the queue of those to recycle, or put it at the end.
UPDATE patients
SET protected = $2,
    unprotected_at = CASE WHEN protected AND NOT $2 THEN clock_timestamp() ELSE unprotected_at END
WHERE id = $1
RETURNING patient_key;
