-- Rebuilding what files say of themselves.

-- piece: read_again
-- What is read again of an instance, with the keys of what is above it.
SELECT instance_key, object_key, size, stored_size, compression, series_key, study_key, patient_key
FROM instances JOIN series USING (series_key) JOIN studies USING (study_key);

-- name: next_of_store
-- The next instances of the whole store.
{read_again} WHERE instance_key > $1 ORDER BY instance_key LIMIT $2;

-- name: next_of_resource
-- As next_of_store, of a resource at level $1.
{read_again} WHERE instance_key IN ({instances_of_one}) AND instance_key > $3
ORDER BY instance_key
LIMIT $4;

-- name: newest_of_resource
-- The newest instance of a resource at level $1.
{read_again}
WHERE instance_key = (SELECT max(instance_key) FROM ({instances_of_one}) AS below);

-- name: hold_patients
-- Hold these trees, in the order of their ids.
SELECT patient_key FROM patients WHERE patient_key = ANY ($1::bigint[]) ORDER BY id FOR UPDATE;

-- name: rebuild_instances
-- What files say now, for instances that still have the object that was read; objects that are not theirs any more become garbage. Gives those that were there, and what their objects gained.
WITH new AS (
    SELECT *
    FROM unnest(
        $1::bigint[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[],
        $8::jsonb[], $9::int[], $10::bigint[], $11::bigint[], $12::text[], $13::bytea[],
        $14::uuid[], $15::bytea[], $16::boolean[], $17::jsonb[]
    ) AS new (
        instance_key, read_key, object_key, stored_size, compression, sop_class_uid,
        transfer_syntax, tags, index_in_series, pixel_offset, pixel_length, pixel_vr, header,
        header_key, meta, odd_pixel_vr, sequences
    )
), old AS (
    SELECT i.instance_key, i.object_key, i.stored_size, h.header_key
    FROM new JOIN instances i USING (instance_key) JOIN headers h USING (instance_key)
    WHERE i.object_key = new.read_key
), written AS (
    UPDATE instances
    SET object_key = new.object_key, stored_size = new.stored_size,
        compression = new.compression, sop_class_uid = new.sop_class_uid,
        transfer_syntax = new.transfer_syntax, tags = new.tags,
        index_in_series = new.index_in_series, pixel_offset = new.pixel_offset,
        pixel_length = new.pixel_length, pixel_vr = nullif(new.pixel_vr, ''),
        odd_pixel_vr = new.odd_pixel_vr, sequences = new.sequences, signature = $18
    FROM new JOIN old USING (instance_key)
    WHERE instances.instance_key = new.instance_key
), described AS (
    UPDATE headers SET header = new.header, header_key = new.header_key, meta = new.meta
    FROM new JOIN old USING (instance_key)
    WHERE headers.instance_key = new.instance_key
), thrown_away AS (
    INSERT INTO garbage (object_key, reason)
    SELECT old.object_key, 'replaced'
    FROM old JOIN new USING (instance_key)
    WHERE old.object_key <> new.object_key
    UNION ALL
    SELECT old.header_key, 'replaced'
    FROM old JOIN new USING (instance_key)
    WHERE old.header_key <> coalesce(new.header_key, old.object_key)
    ON CONFLICT (object_key) DO NOTHING
)
SELECT instance_key, new.stored_size - old.stored_size AS gained
FROM old JOIN new USING (instance_key);

-- name: rebuild_patients
-- Main tags of patients.
UPDATE patients SET tags = new.tags, sequences = new.sequences, signature = $4
FROM unnest($1::bigint[], $2::jsonb[], $3::jsonb[]) AS new (patient_key, tags, sequences)
WHERE patients.patient_key = new.patient_key;

-- name: rebuild_studies
-- Main tags of studies, and their copies of their patients' tags.
UPDATE studies
SET tags = new.tags, patient_tags = new.patient_tags, sequences = new.sequences, signature = $5
FROM unnest($1::bigint[], $2::jsonb[], $3::jsonb[], $4::jsonb[])
    AS new (study_key, tags, patient_tags, sequences)
WHERE studies.study_key = new.study_key;

-- name: rebuild_series
-- Main tags of series, and how many instances they say they have.
UPDATE series
SET tags = new.tags, sequences = new.sequences, expected_instances = new.expected, signature = $5
FROM unnest($1::bigint[], $2::jsonb[], $3::jsonb[], $4::int[])
    AS new (series_key, tags, sequences, expected)
WHERE series.series_key = new.series_key;
