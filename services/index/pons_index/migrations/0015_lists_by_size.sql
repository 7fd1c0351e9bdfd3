-- Orders and searches of lists that read every study, or every series: by size and counts, by the
-- station that made a series, by a piece of its description.
-- oldest: 0014

-- In the order in which whoever writes takes them: the other way round each would wait for the other.
LOCK TABLE series, study_sums IN SHARE MODE;
CREATE INDEX series_by_station ON series (
    left(upper(tags ->> '00081010'), 200) text_pattern_ops, study_key
);
CREATE INDEX series_by_description ON series USING gin (
    upper(tags ->> '0008103E') gin_trgm_ops
);
CREATE INDEX study_sums_by_size ON study_sums (size, study_key);
CREATE INDEX study_sums_by_instances ON study_sums (instances, study_key);
CREATE INDEX study_sums_by_series ON study_sums (series, study_key);
-- Without figures of these texts, what nearly every series has is taken for rare.
ANALYZE series;
