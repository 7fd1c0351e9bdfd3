-- What may be thrown away when the store is full, and what may not.

-- name: protect_patient
-- Take a patient out of the queue of those to recycle, or put it at the end.
UPDATE patients
SET protected = $2,
    unprotected_at = CASE WHEN protected AND NOT $2 THEN clock_timestamp() ELSE unprotected_at END
WHERE id = $1
RETURNING patient_key;

-- name: read_filling
-- How full the store is, as far as others have committed.
SELECT stored_size, patients FROM totals;

-- name: take_oldest
-- The tree of the patient that was updated or released longest ago, held; none of $1, none that is protected, none that another transaction writes.
SELECT patient_key, id
FROM patients
WHERE NOT protected AND id <> ALL ($1::bytea[])
ORDER BY greatest(last_update, unprotected_at)
LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: instances_of_patient
-- Every instance of a tree that is held.
SELECT instance_key
FROM studies JOIN series USING (study_key) JOIN instances USING (series_key)
WHERE patient_key = $1;

-- name: read_patient_id
-- The identifier of a patient whose tree is held.
SELECT id FROM patients WHERE patient_key = $1;

-- name: is_referred
-- Whether an instance has one of these objects.
SELECT EXISTS (SELECT FROM instances WHERE object_key = ANY ($1::uuid[]));
