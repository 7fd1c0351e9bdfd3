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

-- name: insert_batch
-- Missing ancestors, then the instances, their headers and the resources' new due times, in one statement; returns the keys of all that it touched.
WITH placed_patients AS (
    INSERT INTO patients (id, patient_id, tags, last_update, signature, sequences)
    SELECT id, patient_id, tags, now(), $37::smallint, sequences
    FROM unnest($1::bytea[], $2::text[], $3::jsonb[], $40::jsonb[])
        AS new (id, patient_id, tags, sequences)
    ORDER BY id
    ON CONFLICT (id) DO UPDATE SET last_update = excluded.last_update
    RETURNING patient_key, id, xmax = 0 AS created
), placed_studies AS (
    INSERT INTO studies (
        id, patient_key, study_uid, tags, patient_tags, last_update, signature, sequences
    )
    SELECT new.id, patient_key, study_uid, tags, patient_tags, now(), $37, sequences
    FROM unnest($4::bytea[], $5::bytea[], $6::text[], $7::jsonb[], $8::jsonb[], $41::jsonb[])
        AS new (id, parent, study_uid, tags, patient_tags, sequences)
    JOIN placed_patients ON placed_patients.id = parent
    ORDER BY new.id
    ON CONFLICT (id) DO UPDATE SET last_update = excluded.last_update
    RETURNING study_key, id, xmax = 0 AS created
), placed_series AS (
    INSERT INTO series (
        id, study_key, series_uid, tags, remote_aet, expected_instances, instances, last_update,
        signature, sequences
    )
    SELECT
        new.id, study_key, series_uid, tags, remote_aet, expected, arrived, now(), $37, sequences
    FROM unnest(
        $9::bytea[], $10::bytea[], $11::text[], $12::jsonb[], $13::text[], $14::int[], $15::int[],
        $38::jsonb[]
    ) AS new (id, parent, series_uid, tags, remote_aet, expected, arrived, sequences)
    JOIN placed_studies ON placed_studies.id = parent
    ORDER BY new.id
    ON CONFLICT (id) DO UPDATE
        SET instances = series.instances + excluded.instances, last_update = excluded.last_update
    RETURNING series_key, id, xmax = 0 AS created, expected_instances, instances, completed
), placed_instances AS (
    INSERT INTO instances (
        id, series_key, sop_instance_uid, sop_class_uid, transfer_syntax, tags, index_in_series,
        received_at, origin, object_key, size, stored_size, compression, checksum, pixel_offset,
        pixel_length, pixel_vr, odd_pixel_vr, signature, sequences
    )
    SELECT
        new.id, series_key, sop_instance_uid, sop_class_uid, transfer_syntax, tags, index_in_series,
        received_at, origin, object_key, size, stored_size, compression, checksum, pixel_offset,
        pixel_length, nullif(pixel_vr, ''), odd_pixel_vr, $37, sequences
    FROM unnest(
        $16::bytea[], $17::bytea[], $18::text[], $19::text[], $20::text[], $21::jsonb[], $22::int[],
        $23::timestamptz[], $24::jsonb[], $25::uuid[], $26::bigint[], $27::bigint[], $28::text[],
        $29::bytea[], $30::bigint[], $31::bigint[], $32::text[], $39::boolean[],
        $42::jsonb[]
    ) WITH ORDINALITY AS new (
        id, parent, sop_instance_uid, sop_class_uid, transfer_syntax, tags, index_in_series,
        received_at, origin, object_key, size, stored_size, compression, checksum, pixel_offset,
        pixel_length, pixel_vr, odd_pixel_vr, sequences, place
    )
    JOIN placed_series ON placed_series.id = parent
    ORDER BY place
    ON CONFLICT (id) DO NOTHING
    RETURNING instance_key, id
), placed_headers AS (
    INSERT INTO headers (instance_key, header, header_key, meta)
    SELECT instance_key, header, header_key, meta
    FROM unnest($16::bytea[], $33::bytea[], $34::uuid[], $35::bytea[])
        AS new (id, header, header_key, meta)
    JOIN placed_instances USING (id)
    ORDER BY instance_key
), touched AS (
    SELECT 0::smallint AS level, patient_key AS resource_key, id, created,
        NULL::int AS expected, NULL::int AS instances
    FROM placed_patients
    UNION ALL
    SELECT 1, study_key, id, created, NULL, NULL FROM placed_studies
    UNION ALL
    SELECT 2, series_key, id, created, CASE WHEN NOT completed THEN expected_instances END, instances
    FROM placed_series
), awaited AS (
    INSERT INTO unstable (resource_key, level, resource_id, due)
    SELECT resource_key, level, id, statement_timestamp() + $36::interval
    FROM touched
    ORDER BY resource_key
    ON CONFLICT (resource_key) DO UPDATE SET due = excluded.due
)
SELECT level, resource_key, id, created, expected, instances FROM touched
UNION ALL
SELECT 3, instance_key, id, true, NULL, NULL FROM placed_instances;

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

-- name: read_places
-- The instances' places in a series that has just as many as it expects.
SELECT id, index_in_series FROM instances WHERE series_key = $1;

-- name: complete_series
-- Remember that these series' completion is in the change log.
UPDATE series SET completed = true WHERE series_key = ANY ($1::bigint[]);

-- name: log_changes
-- The last statement of every transaction that writes: count, then number the changes; tells how full the store is now, and whether one of the objects has become garbage meanwhile.
WITH numbered AS (
    UPDATE totals
    SET patients = patients + $1, studies = studies + $2, series = series + $3,
        instances = instances + $4, size = size + $5, stored_size = stored_size + $6,
        last_change = last_change + cardinality($7::smallint[])
    RETURNING last_change - cardinality($7::smallint[]) AS before, stored_size, patients
), logged AS (
    INSERT INTO changes (seq, change_type, level, resource_key, resource_id, date)
    SELECT before + line, change_type, level, resource_key, resource_id, clock_timestamp()
    FROM numbered, unnest($7::smallint[], $8::smallint[], $9::bigint[], $10::bytea[])
        WITH ORDINALITY AS new (change_type, level, resource_key, resource_id, line)
)
SELECT
    EXISTS (SELECT FROM garbage WHERE object_key = ANY ($11::uuid[])) AS garbage,
    stored_size, patients
FROM numbered;

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
