-- The rows of an archive of many years, as the index writes them, made by the server itself.
-- $1 is how many studies; two of each patient, two series in each, one instance in each series.
-- They came in the order of their dates. Few families have many patients, and many have few.

-- name: patients
-- Names of which a few are frequent.
INSERT INTO patients (id, patient_id, tags, last_update)
SELECT substr(sha256(('p' || n)::bytea), 1, 20), 'ID' || lpad(n::text, 8, '0'),
       jsonb_build_object(
           '00100010', family || '^' || given,
           '00100020', 'ID' || lpad(n::text, 8, '0'),
           '00100030', to_char(date '1930-01-01' + hashint4(n) % 14000 + 14000, 'YYYYMMDD'),
           '00100040', (ARRAY['F', 'M'])[1 + n % 2]),
       now()
  FROM (SELECT n,
               CASE WHEN chance < 0.008 THEN 'SMITH'
                    WHEN chance < 0.012 THEN 'Müller'
                    WHEN chance < 0.014 THEN 'SMYTH'
                    WHEN chance < 0.015 THEN 'GARCÍA LÓPEZ'
                    ELSE (ARRAY['BAR', 'SCHMI', 'KOW', 'PET', 'JOHN', 'LIND', 'ROSS', 'GRU', 'DEL',
                                'NGU', 'TAN', 'WIL'])[1 + floor(12 * chance * chance)::int]
                      || (ARRAY['A', 'EN', 'ER', 'IN', 'OL', 'OV', 'UK', 'ETT', 'ILL', 'ART', 'ESC',
                                'AND'])[1 + (hashint4(n + 7) & 1023) % 12]
                      || (ARRAY['SON', 'SKI', 'MANN', 'I', 'EZ', 'BERG', 'S', 'OV', 'BAUM', 'ET', 'U',
                                'SMITH'])[1 + (hashint4(n + 9) & 1023) % 12]
               END AS family,
               (ARRAY['ANNA', 'BORIS', 'CHRIS', 'DAVID', 'EVA', 'FRANÇOISE', 'GINA', 'HUGO', 'IDA',
                      'JAN', 'KIM', 'LEO', 'MARIA', 'NINA', 'OLGA', 'PAUL'])[1 + (hashint4(n + 3) & 15)]
               AS given
          FROM (SELECT n, (hashint4(n) & 1048575) / 1048576.0 AS chance
                  FROM generate_series(1, $1::int / 2) n) one) named

-- name: studies
-- In the order of their dates, those of ten years.
INSERT INTO studies (id, patient_key, study_uid, tags, patient_tags, last_update)
SELECT substr(sha256(('s' || n)::bytea), 1, 20), p.patient_key,
       '1.2.826.0.1.3680043.10.9999.1.' || n,
       jsonb_build_object(
           '0020000D', '1.2.826.0.1.3680043.10.9999.1.' || n,
           '00080020', to_char(date '2014-01-01' + (n::float8 * 3650 / $1)::int, 'YYYYMMDD'),
           '00080030', lpad((7 + n % 12)::text, 2, '0') || lpad((n % 60)::text, 2, '0') || '00.000',
           '00080050', 'ACC' || lpad(n::text, 8, '0'),
           '00080080', 'General Hospital',
           '00080090', 'Referrer' || n % 400 || '^Dr',
           '00081030', (ARRAY['CT Head', 'MR Knee', 'CT Abdomen', 'Chest PA'])[1 + n % 4],
           '00200010', n::text),
       p.tags, now() - make_interval(secs => ($1::int - n)::float8)
  FROM generate_series(1, $1::int) n
  JOIN patients p
    ON p.id = substr(sha256(('p' || (1 + (hashint4(n) & 2147483647) % ($1::int / 2)))::bytea), 1, 20)
 ORDER BY n

-- name: series
-- One study in a thousand has a modality that is rare.
INSERT INTO series (id, study_key, series_uid, tags, remote_aet, instances, last_update)
SELECT substr(sha256((s.study_uid || place)::bytea), 1, 20), s.study_key,
       s.study_uid || '.' || place,
       jsonb_build_object(
           '0020000E', s.study_uid || '.' || place,
           '00080060', CASE WHEN s.study_key % 1000 = 0 THEN 'XA'
                            ELSE (ARRAY['CT', 'MR', 'CR', 'CT', 'US', 'PT'])[1 + s.study_key % 6] END,
           '0008103E', 'axial ' || place,
           '00200011', place::text),
       'CT1', 1, now()
  FROM studies s CROSS JOIN generate_series(1, 2) place
 ORDER BY s.study_key

-- name: instances
-- One in each series.
INSERT INTO instances (id, series_key, sop_instance_uid, sop_class_uid, transfer_syntax, tags,
    index_in_series, received_at, origin, object_key, size, stored_size, compression, checksum)
SELECT substr(sha256(('i' || r.series_uid)::bytea), 1, 20), r.series_key,
       r.series_uid || '.1', '1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.1.2.1',
       jsonb_build_object('00080018', r.series_uid || '.1', '00200013', '1'),
       1, now(), '{"kind": "DicomProtocol", "remote_aet": "CT1"}',
       lpad(to_hex(r.series_key), 32, '0')::uuid, 500000, 500000, '', ''
  FROM series r
 ORDER BY r.series_key

-- name: headers
-- One header for all: what only a header has is the same everywhere.
INSERT INTO headers (instance_key, header, meta)
SELECT instance_key, $1::bytea, '{}' FROM instances

-- name: labels
-- One study in a thousand waits for something, and a third is done.
INSERT INTO labels (resource_key, label)
SELECT study_key, 'todo' FROM studies WHERE study_key % 1000 = 0
UNION ALL SELECT study_key, 'done' FROM studies WHERE study_key % 3 = 0

-- name: totals
-- As many as there are.
UPDATE totals
   SET patients = (SELECT count(*) FROM patients), studies = (SELECT count(*) FROM studies),
       series = (SELECT count(*) FROM series), instances = (SELECT count(*) FROM instances)

-- name: analyze
-- What autovacuum does after a while.
VACUUM ANALYZE
