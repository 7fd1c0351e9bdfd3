-- The one column of lists of studies whose order had no index: a page of it read every study.
CREATE INDEX studies_by_description ON studies (
    (left(upper(tags ->> '00081030'), 200) COLLATE "C"), study_key
);
