-- The words of a study in lines, so that a search of one field reads nothing but them.

-- A line for each: name, description, PatientID, accession number, and the first two spelled out.
CREATE OR REPLACE FUNCTION words_of(tags jsonb, patient_tags jsonb) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
    texts text := ' ' || translate(coalesce(patient_tags ->> '00100010', ''), E'\n', ' ') || E' \n '
        || translate(coalesce(tags ->> '00081030', ''), E'\n', ' ') || E' \n ';
BEGIN
    RETURN folded(
        texts || translate(coalesce(patient_tags ->> '00100020', ''), E'\n', ' ') || E' \n '
        || translate(coalesce(tags ->> '00080050', ''), E'\n', ' ') || E' \n'
    ) || folded(spelled_out(texts));
END
$$;

UPDATE study_words SET words = words_of(tags, patient_tags)
FROM studies WHERE studies.study_key = study_words.study_key;
