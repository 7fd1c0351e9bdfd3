-- Umlauts whose dots are a character of their own, as some programs write them, are spelled out like others.
-- oldest: 0014
-- Whoever writes words now ends first: it may have spelled them out as before.
LOCK TABLE study_words IN SHARE ROW EXCLUSIVE MODE;
CREATE OR REPLACE FUNCTION spelled_out(text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
    capitals text := upper($1);
BEGIN
    IF octet_length(capitals) = char_length(capitals) THEN
        RETURN '';
    END IF;
    capitals := normalize(capitals, NFC);
    IF capitals !~ '[ÄÖÜØÅ]' THEN
        RETURN '';
    END IF;
    RETURN replace(replace(replace(replace(replace(
        capitals, 'Ä', 'AE'), 'Ö', 'OE'), 'Ü', 'UE'), 'Ø', 'OE'), 'Å', 'AA');
END
$$;
UPDATE study_words w SET words = words_of(s.tags, s.patient_tags)
FROM studies s
WHERE s.study_key = w.study_key
    AND concat(s.patient_tags ->> '00100010', s.tags ->> '00081030') ~ '[\u0300-\u036F]';
