-- The usual order of lists of patients: by name, as people sort it. And how many studies a patient has
-- and when the newest was, without reading the studies: some archives have a patient for all that is
-- anonymous.
-- oldest: 0014
CREATE INDEX patients_by_folded_name ON patients (
    (left(folded(coalesce(tags ->> '00100010', '')), 200) COLLATE "C"), patient_key
);
CREATE INDEX studies_of_patient_by_date ON studies (
    patient_key, (left(tags ->> '00080020', 200) COLLATE "C")
);
ANALYZE patients;
ANALYZE studies;
