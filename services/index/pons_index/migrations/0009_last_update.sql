-- Resources are dated by what they hold (0007 dated them by when it was written).

-- The last update of a resource to which something came, dated by it. It never stays what it was; what
-- this transaction replaces dates nothing.
CREATE FUNCTION next_update(before timestamptz, newest timestamptz) RETURNS timestamptz
STABLE LANGUAGE sql RETURN
    CASE
        WHEN before = now() THEN newest
        ELSE greatest(newest, before + interval '1 microsecond')
    END;

-- Missing ancestors, then the instances, their headers and the resources' new due times; the series
-- that are complete with them; and, unless a limited store has to make room first, the end of the
-- transaction. Tells what there is to count and to log.
-- The arrays of a level have one element for each resource: those of instances in the order of the
-- batch, those of ancestors in the order of their ids, in which their rows are locked. Places are
-- those of their first instances in the batch.
-- Ancestors were updated last when the newest of these instances was received, as an index that is
-- made again from the objects says too; by this clock where it and the receiver's do not agree. It is
-- later than before in any case, so that whoever read it sees that something came.
-- PN001: one of the instances came in meanwhile.
CREATE OR REPLACE FUNCTION write_batch(
    due_after interval, signature_now smallint, ending boolean,
    patient_ids bytea[], patient_places integer[], patient_texts text[], tags_of_patients jsonb[],
    patient_sequences jsonb[],
    study_ids bytea[], study_places integer[], study_parents bytea[], study_uids text[],
    tags_of_studies jsonb[], study_patient_tags jsonb[], study_sequences jsonb[],
    series_ids bytea[], series_places integer[], series_parents bytea[], series_uids text[],
    tags_of_series jsonb[], series_aets text[], series_expected integer[],
    series_arrived integer[], series_sequences jsonb[],
    instance_ids bytea[], instance_parents bytea[], sop_instance_uids text[], sop_class_uids text[],
    transfer_syntaxes text[], tags_of_instances jsonb[], indexes_in_series integer[],
    times_received timestamptz[], origins jsonb[], object_keys uuid[], sizes bigint[],
    stored_sizes bigint[], compressions text[], checksums bytea[], pixel_offsets bigint[],
    pixel_lengths bigint[], pixel_vrs text[], odd_pixel_vrs boolean[], instance_sequences jsonb[],
    packed_headers bytea[], header_keys uuid[], metas bytea[],
    INOUT more_patients bigint, INOUT more_studies bigint, INOUT more_series bigint,
    more_instances bigint, more_bytes bigint, more_stored bigint,
    OUT change_types smallint[], OUT change_levels smallint[], OUT change_keys bigint[],
    OUT change_ids bytea[]
) LANGUAGE plpgsql AS $$
DECLARE
    patient_dates timestamptz[];
    study_dates timestamptz[];
    series_dates timestamptz[];
    patient_keys bigint[];
    patients_created boolean[];
    study_keys bigint[];
    studies_created boolean[];
    series_keys bigint[];
    series_created boolean[];
    series_instances integer[];
    instance_keys bigint[];
    series_completed integer[] := '{}';     -- by their places in the arrays, and
    completed_places integer[] := '{}';     -- the places of the instances that completed them
    newcomers bytea[];
    missing integer;
BEGIN
    series_dates := ARRAY(
        SELECT max(
            CASE
                WHEN received_at BETWEEN now() - interval '1 hour' AND now() + interval '1 hour'
                THEN received_at
                ELSE now()
            END
        )
        FROM unnest(instance_parents, times_received) AS new (parent, received_at)
        GROUP BY parent
        ORDER BY parent
    );
    study_dates := ARRAY(
        SELECT max(date) FROM unnest(series_parents, series_dates) AS new (parent, date)
        GROUP BY parent
        ORDER BY parent
    );
    patient_dates := ARRAY(
        SELECT max(date) FROM unnest(study_parents, study_dates) AS new (parent, date)
        GROUP BY parent
        ORDER BY parent
    );

    WITH placed AS (
        INSERT INTO patients (id, patient_id, tags, last_update, signature, sequences)
        SELECT id, patient_id, tags, date, signature_now, sequences
        FROM unnest(patient_ids, patient_texts, tags_of_patients, patient_dates, patient_sequences)
            AS new (id, patient_id, tags, date, sequences)
        ON CONFLICT (id) DO UPDATE
            SET last_update = next_update(patients.last_update, excluded.last_update)
        RETURNING patient_key, xmax = 0 AS created
    )
    SELECT array_agg(patient_key), array_agg(created) INTO patient_keys, patients_created
    FROM placed;

    WITH placed AS (
        INSERT INTO studies (
            id, patient_key, study_uid, tags, patient_tags, last_update, signature, sequences
        )
        SELECT
            id, patient_keys[array_position(patient_ids, parent)], study_uid, tags, patient_tags,
            date, signature_now, sequences
        FROM unnest(
            study_ids, study_parents, study_uids, tags_of_studies, study_patient_tags,
            study_dates, study_sequences
        ) AS new (id, parent, study_uid, tags, patient_tags, date, sequences)
        ON CONFLICT (id) DO UPDATE
            SET last_update = next_update(studies.last_update, excluded.last_update)
        RETURNING study_key, xmax = 0 AS created
    )
    SELECT array_agg(study_key), array_agg(created) INTO study_keys, studies_created
    FROM placed;

    WITH placed AS (
        INSERT INTO series (
            id, study_key, series_uid, tags, remote_aet, expected_instances, instances, last_update,
            signature, sequences
        )
        SELECT
            id, study_keys[array_position(study_ids, parent)], series_uid, tags, remote_aet,
            expected, arrived, date, signature_now, sequences
        FROM unnest(
            series_ids, series_parents, series_uids, tags_of_series, series_aets, series_expected,
            series_arrived, series_dates, series_sequences
        ) AS new (id, parent, series_uid, tags, remote_aet, expected, arrived, date, sequences)
        ON CONFLICT (id) DO UPDATE
            SET instances = series.instances + excluded.instances,
                last_update = next_update(series.last_update, excluded.last_update)
        RETURNING
            series_key, xmax = 0 AS created, instances,
            CASE WHEN NOT completed THEN expected_instances END AS expected
    )
    SELECT array_agg(series_key), array_agg(created), array_agg(instances), array_agg(expected)
    INTO series_keys, series_created, series_instances, series_expected
    FROM placed;

    WITH placed AS (
        INSERT INTO instances (
            id, series_key, sop_instance_uid, sop_class_uid, transfer_syntax, tags, index_in_series,
            received_at, origin, object_key, size, stored_size, compression, checksum, pixel_offset,
            pixel_length, pixel_vr, odd_pixel_vr, signature, sequences
        )
        SELECT
            id, series_keys[array_position(series_ids, parent)], sop_instance_uid, sop_class_uid,
            transfer_syntax, tags, index_in_series, received_at, origin, object_key, size,
            stored_size, compression, checksum, pixel_offset, pixel_length, nullif(pixel_vr, ''),
            odd_pixel_vr, signature_now, sequences
        FROM unnest(
            instance_ids, instance_parents, sop_instance_uids, sop_class_uids, transfer_syntaxes,
            tags_of_instances, indexes_in_series, times_received, origins, object_keys, sizes,
            stored_sizes, compressions, checksums, pixel_offsets, pixel_lengths, pixel_vrs,
            odd_pixel_vrs, instance_sequences
        ) AS new (
            id, parent, sop_instance_uid, sop_class_uid, transfer_syntax, tags, index_in_series,
            received_at, origin, object_key, size, stored_size, compression, checksum, pixel_offset,
            pixel_length, pixel_vr, odd_pixel_vr, sequences
        )
        ON CONFLICT (id) DO NOTHING
        RETURNING instance_key
    )
    SELECT array_agg(instance_key) INTO instance_keys FROM placed;
    IF cardinality(instance_keys) IS DISTINCT FROM cardinality(instance_ids) THEN
        RAISE EXCEPTION 'an instance came in meanwhile' USING ERRCODE = 'PN001';
    END IF;

    INSERT INTO headers (instance_key, header, header_key, meta)
    SELECT * FROM unnest(instance_keys, packed_headers, header_keys, metas);

    INSERT INTO unstable (resource_key, level, resource_id, due)
    SELECT resource_key, level, id, statement_timestamp() + due_after
    FROM unnest(
        patient_keys || study_keys || series_keys,
        array_fill(0::smallint, ARRAY[cardinality(patient_ids)])
            || array_fill(1::smallint, ARRAY[cardinality(study_ids)])
            || array_fill(2::smallint, ARRAY[cardinality(series_ids)]),
        patient_ids || study_ids || series_ids
    ) AS touched (resource_key, level, id)
    ORDER BY resource_key
    ON CONFLICT (resource_key) DO UPDATE SET due = excluded.due;

    -- A series is complete when it has each of the places 1 to N once. So it can only be with the
    -- instance that makes them N, and places are only read then, not with each batch.
    FOR i IN 1 .. cardinality(series_ids) LOOP
        missing := series_expected[i] - (series_instances[i] - series_arrived[i]);
        IF missing BETWEEN 1 AND series_arrived[i] THEN
            newcomers := ARRAY(
                SELECT id
                FROM unnest(instance_ids, instance_parents)
                    WITH ORDINALITY AS new (id, parent, place)
                WHERE parent = series_ids[i]
                ORDER BY place
            );
            IF (
                SELECT count(DISTINCT index_in_series) = series_expected[i]
                    AND min(index_in_series) = 1 AND max(index_in_series) = series_expected[i]
                FROM instances
                WHERE series_key = series_keys[i] AND id <> ALL (newcomers[missing + 1:])
            ) THEN
                UPDATE series SET completed = true WHERE series_key = series_keys[i];
                series_completed := series_completed || i;
                completed_places :=
                    completed_places || array_position(instance_ids, newcomers[missing]);
            END IF;
        END IF;
    END LOOP;

    -- The changes, as if the instances had been written one by one.
    IF true = ANY (patients_created || studies_created || series_created)
        OR series_completed <> '{}'
    THEN
        SELECT
            array_agg(change_type ORDER BY place, turn), array_agg(level ORDER BY place, turn),
            array_agg(key ORDER BY place, turn), array_agg(id ORDER BY place, turn),
            more_patients + count(*) FILTER (WHERE change_type = 3),
            more_studies + count(*) FILTER (WHERE change_type = 5),
            more_series + count(*) FILTER (WHERE change_type = 4)
        INTO change_types, change_levels, change_keys, change_ids,
            more_patients, more_studies, more_series
        FROM (
            SELECT 2::smallint AS change_type, 3::smallint AS level, key, id, place, 0 AS turn
            FROM unnest(instance_keys, instance_ids) WITH ORDINALITY AS new (key, id, place)
            UNION ALL
            SELECT 4::smallint, 2::smallint, key, id, place, 1
            FROM unnest(series_keys, series_ids, series_places, series_created)
                AS new (key, id, place, created)
            WHERE created
            UNION ALL
            SELECT 5::smallint, 1::smallint, key, id, place, 2
            FROM unnest(study_keys, study_ids, study_places, studies_created)
                AS new (key, id, place, created)
            WHERE created
            UNION ALL
            SELECT 3::smallint, 0::smallint, key, id, place, 3
            FROM unnest(patient_keys, patient_ids, patient_places, patients_created)
                AS new (key, id, place, created)
            WHERE created
            UNION ALL
            SELECT 1::smallint, 2::smallint, series_keys[i], series_ids[i], place, 4
            FROM unnest(series_completed, completed_places) AS complete (i, place)
        ) AS lines (change_type, level, key, id, place, turn);
    ELSE
        change_types := array_fill(2::smallint, ARRAY[cardinality(instance_ids)]);
        change_levels := array_fill(3::smallint, ARRAY[cardinality(instance_ids)]);
        change_keys := instance_keys;
        change_ids := instance_ids;
    END IF;
    IF ending THEN
        PERFORM log_changes(
            more_patients, more_studies, more_series, more_instances, more_bytes, more_stored,
            change_types, change_levels, change_keys, change_ids,
            object_keys || array_remove(header_keys, NULL)
        );
    END IF;
END
$$;
