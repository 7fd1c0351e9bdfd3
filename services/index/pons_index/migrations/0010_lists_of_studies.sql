-- What a list of studies is made of and sorted by, so that no page of it counts anything or reads more
-- than itself: the words of a study as people type them, its counts, and its last update with an index.

-- A text in capitals, without accents, with spaces for what parts names: Müller^Eva, MULLER EVA and
-- muller-eva are one.
CREATE FUNCTION folded(text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
    capitals text := translate(upper($1), '^=-,;./''’', '       ');
BEGIN
    IF octet_length(capitals) = char_length(capitals) THEN
        RETURN capitals;
    END IF;
    capitals := regexp_replace(normalize(capitals, NFD), '[\u0300-\u036F]+', '', 'g');
    RETURN replace(replace(replace(replace(
        translate(capitals, 'ØĐÐŁĦŦ', 'ODDLHT'), 'ß', 'SS'), 'ẞ', 'SS'), 'Æ', 'AE'), 'Œ', 'OE');
END
$$;

-- The other way to write umlauts, MUELLER; empty where there are none.
CREATE FUNCTION spelled_out(text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
    capitals text := upper($1);
BEGIN
    IF capitals !~ '[ÄÖÜØÅ]' THEN
        RETURN '';
    END IF;
    RETURN replace(replace(replace(replace(replace(
        capitals, 'Ä', 'AE'), 'Ö', 'OE'), 'Ü', 'UE'), 'Ø', 'OE'), 'Å', 'AA');
END
$$;

-- What people search studies by, beside what the index has already: the name as they sort it, and name,
-- PatientID, accession number and description, each word behind a space. A table of its own, since
-- the studies are written with each batch, and this once.
CREATE TABLE study_words (
    study_key bigint PRIMARY KEY REFERENCES studies ON DELETE CASCADE,
    name      text NOT NULL,                    -- the beginning; empty: there is none
    words     text NOT NULL
);

-- A line for each: name, description, PatientID, accession number, and the first two spelled out.
CREATE FUNCTION words_of(tags jsonb, patient_tags jsonb) RETURNS text
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

CREATE FUNCTION note_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO study_words (study_key, name, words)
    VALUES (
        NEW.study_key, left(folded(coalesce(NEW.patient_tags ->> '00100010', '')), 200),
        words_of(NEW.tags, NEW.patient_tags)
    )
    ON CONFLICT (study_key) DO UPDATE SET name = excluded.name, words = excluded.words;
    RETURN NULL;
END
$$;
CREATE TRIGGER study_words AFTER INSERT OR UPDATE OF tags, patient_tags ON studies
    FOR EACH ROW EXECUTE FUNCTION note_words();
INSERT INTO study_words (study_key, name, words)
SELECT study_key, left(folded(coalesce(patient_tags ->> '00100010', '')), 200),
    words_of(tags, patient_tags)
FROM studies;
CREATE INDEX study_words_by_name ON study_words (name COLLATE "C", study_key);
CREATE INDEX study_words_by_piece ON study_words USING gin (words gin_trgm_ops);

-- The usual order: by date, and on one day by time.
CREATE INDEX studies_by_time ON studies (
    (left(tags ->> '00080020', 200) COLLATE "C"),
    (left(coalesce(tags ->> '00080030', ''), 16) COLLATE "C"),
    study_key
);
CREATE INDEX series_by_remote_aet ON series (left(upper(remote_aet), 200), study_key);
CREATE INDEX patients_protected ON patients (patient_key) WHERE protected;

-- Not in the studies: a column with an index that changes with each instance would have each of their
-- many indexes written with it. Its rows are small, so that an order without an index (that of sizes)
-- reads few pages.
CREATE TABLE study_sums (
    study_key   bigint PRIMARY KEY REFERENCES studies ON DELETE CASCADE,
    series      integer NOT NULL DEFAULT 0,
    instances   bigint NOT NULL DEFAULT 0,
    size        bigint NOT NULL DEFAULT 0,      -- bytes of the DICOM files
    last_update timestamptz NOT NULL            -- as in the study
) WITH (fillfactor = 80);
INSERT INTO study_sums (study_key, series, instances, size, last_update)
SELECT study_key, coalesce(n, 0), coalesce(below, 0), coalesce(bytes, 0), last_update
FROM studies
    LEFT JOIN (
        SELECT study_key, count(*) AS n, sum(instances) AS below FROM series GROUP BY study_key
    ) AS counted USING (study_key)
    LEFT JOIN (
        SELECT study_key, sum(size) AS bytes FROM instances JOIN series USING (series_key)
        GROUP BY study_key
    ) AS weighed USING (study_key);
CREATE INDEX study_sums_by_last_update ON study_sums (last_update, study_key);

-- The sums are kept by triggers, so that they hold whoever writes.
CREATE FUNCTION sum_up_series() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE study_sums SET series = series - 1 WHERE study_key = OLD.study_key;
    ELSE
        INSERT INTO study_sums (study_key, series, last_update)
        VALUES (NEW.study_key, 1, NEW.last_update)
        ON CONFLICT (study_key) DO UPDATE SET series = study_sums.series + 1;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER study_sums AFTER INSERT OR DELETE ON series
    FOR EACH ROW EXECUTE FUNCTION sum_up_series();

-- The study has its last update by then.
CREATE FUNCTION add_instances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE study_sums
    SET instances = study_sums.instances + more.instances, size = study_sums.size + more.size,
        last_update = studies.last_update
    FROM (
        SELECT study_key, count(*) AS instances, sum(added.size) AS size
        FROM added JOIN series USING (series_key)
        GROUP BY study_key
    ) AS more JOIN studies USING (study_key)
    WHERE study_sums.study_key = more.study_key;
    RETURN NULL;
END
$$;
CREATE TRIGGER study_sums_more AFTER INSERT ON instances REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION add_instances();

-- The study, if it stays, is updated by this transaction.
CREATE FUNCTION take_instances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE study_sums
    SET instances = study_sums.instances - less.instances, size = study_sums.size - less.size,
        last_update = now()
    FROM (
        SELECT study_key, count(*) AS instances, sum(gone.size) AS size
        FROM gone JOIN series USING (series_key)
        GROUP BY study_key
    ) AS less
    WHERE study_sums.study_key = less.study_key;
    RETURN NULL;
END
$$;
CREATE TRIGGER study_sums_less AFTER DELETE ON instances REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION take_instances();

-- studies_by_time begins as it did. Last, since nobody reads the studies from here to the end.
DROP INDEX studies_by_date_start;
