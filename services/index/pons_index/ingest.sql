-- Writing a batch of instances. Every transaction that adds to or takes from a patient's tree first
-- holds the patient's row: that lock stands for the whole tree.

-- name: look_up
-- What is known of a batch before anything is written: instances with these ids, and which of these objects are garbage.
SELECT id, instance_key, object_key, size, stored_size, checksum, NULL AS reason
FROM instances
WHERE id = ANY ($1::bytea[])
UNION ALL
SELECT NULL, NULL, object_key, NULL, NULL, NULL, reason
FROM garbage
WHERE object_key = ANY ($2::uuid[]);

-- name: lock_patients
-- Hold the trees of patients that exist, before instances in them are replaced.
SELECT patient_key
FROM patients
WHERE id = ANY ($1::bytea[])
ORDER BY id
FOR UPDATE;

-- name: write_batch
-- Write a batch, and end the transaction if $3 says so (migrations/0009_last_update.sql).
SELECT * FROM write_batch(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
    $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34,
    $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51,
    $52
);

-- name: find_signature
-- The number of this list of main tags, if it was ever in force.
SELECT signature FROM signatures WHERE tags = $1;

-- name: lock_signatures
-- One replica at a time gives numbers.
LOCK TABLE signatures IN SHARE ROW EXCLUSIVE MODE;

-- name: add_signature
-- The next number for a list of main tags; 0 is the one built in.
INSERT INTO signatures (signature, tags)
SELECT coalesce(max(signature), 0) + 1, $1 FROM signatures
RETURNING signature;

-- name: log_changes
-- The last statement of every transaction that writes (migrations/0007_write_batch.sql).
SELECT stored, patients_now FROM log_changes($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: discard
-- Objects that nothing will refer to.
INSERT INTO garbage (object_key, reason)
SELECT object_key, $2 FROM unnest($1::uuid[]) AS new (object_key)
ON CONFLICT (object_key) DO NOTHING;

-- name: restore_lost
-- The file of an instance whose object was lost lies in another now, if nobody else has seen to it.
UPDATE instances SET object_key = $3, stored_size = $4, compression = $5
WHERE instance_key = $1 AND object_key = $2
RETURNING instance_key;
