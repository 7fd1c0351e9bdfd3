-- Rows as ingest writes them, but by the server itself and very many: what plans are made for.
-- $1 is how many studies, two of each patient; each has two series of $2 instances.

-- name: patients
-- Two studies each, with names of which a few are frequent.
INSERT INTO patients (id, patient_id, tags, last_update)
SELECT substr(sha256(('p' || n)::bytea), 1, 20), 'ID' || n,
       jsonb_build_object(
           '00100010', 'FAMILY' || n || '^' || (ARRAY['ANNA', 'BORIS', 'CHRIS'])[1 + n % 3],
           '00100020', 'ID' || n,
           '00100030', to_char(date '1930-01-01' + n % 30000, 'YYYYMMDD'),
           '00100040', (ARRAY['F', 'M'])[1 + n % 2]),
       now()
  FROM generate_series(1, $1::int / 2) n

-- name: studies
-- One study for each day of ten years, over and over.
INSERT INTO studies (id, patient_key, study_uid, tags, patient_tags, last_update)
SELECT substr(sha256(('s' || n)::bytea), 1, 20), p.patient_key, '1.2.' || n,
       jsonb_build_object(
           '0020000D', '1.2.' || n,
           '00080020', to_char(date '2014-01-01' + n % 3650, 'YYYYMMDD'),
           '00080030', '101112',
           '00080050', 'ACC' || n,
           '00081030', (ARRAY['CT Head', 'MR Knee', 'CT Abdomen'])[1 + n % 3] || ' plan' || n % 997,
           '00200010', n::text),
       p.tags, now()
  FROM generate_series(1, $1::int) n JOIN patients p ON p.patient_id = 'ID' || (1 + (n - 1) / 2)

-- name: series
-- Two in each study; one study in a thousand has a modality, or a description, that is rare;
-- there are 500 stations.
INSERT INTO series (id, study_key, series_uid, tags, remote_aet, instances, last_update)
SELECT substr(sha256(('r' || n || '.' || place)::bytea), 1, 20), s.study_key,
       '1.2.' || n || '.' || place,
       jsonb_build_object(
           '0020000E', '1.2.' || n || '.' || place,
           '00080060', CASE WHEN n % 1000 = 0 THEN 'XA' ELSE (ARRAY['CT', 'MR', 'PT'])[1 + n % 3] END,
           '0008103E', CASE WHEN n % 1000 = 7 THEN 'CBCT daily' ELSE 'axial ' || place END,
           '00081010', 'CONSOLE' || n % 500,
           '00200011', place::text),
       'CT1', $2::int, now()
  FROM generate_series(1, $1::int) n JOIN studies s ON s.study_uid = '1.2.' || n
 CROSS JOIN generate_series(1, 2) place

-- name: instances
-- The instances of every series.
INSERT INTO instances (id, series_key, sop_instance_uid, sop_class_uid, transfer_syntax, tags,
    index_in_series, received_at, origin, object_key, size, stored_size, compression, checksum)
SELECT substr(sha256((r.series_uid || '.' || place)::bytea), 1, 20), r.series_key,
       r.series_uid || '.' || place, '1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.1.2.1',
       jsonb_build_object('00080018', r.series_uid || '.' || place, '00200013', place::text),
       place, now(), '{"kind": "DicomProtocol", "remote_aet": "CT1"}', gen_random_uuid(),
       500000, 500000, '', ''
  FROM series r CROSS JOIN generate_series(1, $1::int) place

-- name: labels
-- One study in a thousand waits for something.
INSERT INTO labels (resource_key, label)
SELECT study_key, 'todo' FROM studies WHERE study_key % 1000 = 0
UNION ALL SELECT study_key, 'done' FROM studies WHERE study_key % 3 = 0

-- name: metadata
-- One number for every series.
INSERT INTO metadata (resource_key, number, value, text_value)
SELECT series_key, 1234, '', 'plan ' || series_key FROM series

-- name: analyze
-- What autovacuum does after a while.
ANALYZE
