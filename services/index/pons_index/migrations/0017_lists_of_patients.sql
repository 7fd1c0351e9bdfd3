-- The usual order of lists of patients: by name, as people sort it.
-- oldest: 0014
CREATE INDEX patients_by_folded_name ON patients (
    (left(folded(coalesce(tags ->> '00100010', '')), 200) COLLATE "C"), patient_key
);
ANALYZE patients;
