-- Texts of any length. A btree refuses an entry of more than 2,700 bytes, and with it the instance
-- that has it; so the indexes of texts that a file may make as long as it likes have their first 200
-- characters only (800 bytes). Searches compare those, and the whole where it can be longer
-- (pons.catalog.prefix). UIDs are bounded by the scan and stay as they are.
-- A version from before finds the same with these indexes, only slower: it compares the whole.

CREATE INDEX patients_by_id_start ON patients (left(upper(patient_id), 200) text_pattern_ops);
CREATE INDEX patients_by_name_start ON patients
    (left(upper(tags ->> '00100010'), 200) text_pattern_ops);
CREATE INDEX patients_by_birth_start ON patients ((left(tags ->> '00100030', 200)) COLLATE "C");

CREATE INDEX studies_by_date_start ON studies ((left(tags ->> '00080020', 200)) COLLATE "C");
CREATE INDEX studies_newest_start_first ON studies
    ((left(tags ->> '00080020', 200) COLLATE "C") DESC NULLS LAST, study_key);
CREATE INDEX studies_by_accession_start ON studies
    (left(upper(tags ->> '00080050'), 200) text_pattern_ops);
CREATE INDEX studies_by_patient_id_start ON studies
    (left(upper(patient_tags ->> '00100020'), 200) text_pattern_ops);
CREATE INDEX studies_by_name_start ON studies
    (left(upper(patient_tags ->> '00100010'), 200) text_pattern_ops);
CREATE INDEX studies_by_birth_start ON studies
    ((left(patient_tags ->> '00100030', 200)) COLLATE "C");

CREATE INDEX series_by_modality_start ON series
    (left(upper(tags ->> '00080060'), 200) text_pattern_ops);

DROP INDEX patients_by_id, patients_by_name, patients_by_birth, studies_by_date,
    studies_newest_first, studies_by_accession, studies_by_patient_id, studies_by_name,
    studies_by_birth, series_by_modality;

-- What is not indexed is listed over REST and announced again when somebody asks for it.
ALTER TABLE refused
    ADD COLUMN announcement bytea,              -- msgpack, as it came; null: refused by 0001 or 0002
    ADD COLUMN tried timestamptz,               -- when it was last announced again
    ADD COLUMN dismissed timestamptz;           -- somebody has looked at it and let it be
-- The same unreadable message may come again.
CREATE UNIQUE INDEX refused_unreadable ON refused (sha256(announcement)) WHERE object_key IS NULL;
